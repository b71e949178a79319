//! Data connections: where they come to, who may open them, and what is left of their ports.

use super::ground::{Raw, Site, logged, settings};
use super::watchdog::watchdog;
use greenroom_servers::Limits;
use greenroom_servers::ftp::Settings;
use socket2::{Domain, Socket, Type};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A limit that tests run into.
const SOON: Duration = Duration::from_millis(150);

#[test]
fn passive_address_is_the_control_connections() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let answer = raw.ask("PASV", "227 ");
    let (_, numbers) = answer.split_once('(').unwrap();
    let numbers: Vec<u16> = numbers
        .trim_end_matches(").")
        .split(',')
        .map(|n| n.parse().unwrap())
        .collect();
    assert_eq!(numbers[..4], [127, 0, 0, 1]);
    let port = numbers[4] * 256 + numbers[5];
    let mut data = TcpStream::connect(("127.0.0.1", port)).unwrap();
    raw.ask("RETR a.txt", "150");
    let mut text = String::new();
    data.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello\n");
    raw.expect("226");
    // One transfer for each: the port is closed.
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    raw.ask("RETR a.txt", "425");
}

#[test]
fn extended_passive_works_over_both_families() {
    let _watchdog = watchdog();
    for at in ["[::1]:0", "[::]:0"] {
        if std::net::TcpListener::bind(at).is_err() {
            eprintln!("skipped: no IPv6");
            return;
        }
        let site = Site::start(at, 2, settings(), Limits::default());
        let six = TcpStream::connect(("::1", site.address.port())).unwrap();
        let mut raws = vec![(Raw::new(six), "522", "229")];
        if at == "[::]:0" {
            let four = TcpStream::connect(("127.0.0.1", site.address.port())).unwrap();
            raws.push((Raw::new(four), "229", "522"));
        }
        for (mut raw, four, six) in raws {
            raw.expect("220");
            raw.ask("USER anonymous", "331");
            raw.ask("PASS x", "230");
            raw.ask("TYPE I", "200");
            assert_eq!(raw.fetch("RETR a.txt"), b"hello\n");
            raw.ask("EPSV 1", four);
            raw.ask("EPSV 2", six);
            raw.ask("PASV", if four == "229" { "227" } else { "501" });
        }
    }
}

/// A connection from 127.0.0.2.
fn from_elsewhere(to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

#[test]
fn data_connection_from_another_address_is_closed_and_the_right_one_served() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let before = logged(&raw.name()).len();
    for line in ["RETR a.txt", "LIST"] {
        let door = raw.door();
        for _ in 0..3 {
            let mut stranger = from_elsewhere(door).unwrap();
            stranger
                .set_read_timeout(Some(Duration::from_secs(30)))
                .unwrap();
            // Closed without a byte, before anything was asked for.
            assert!(matches!(stranger.read(&mut [0; 9]), Ok(0) | Err(_)));
        }
        let mut data = TcpStream::connect(door).unwrap();
        raw.ask(line, "150");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).unwrap();
        assert!(!bytes.is_empty());
        raw.expect("226");
    }
    let log = logged(&raw.name()).split_off(before);
    let strangers = log
        .iter()
        .filter(|line| line.starts_with("a data connection from 127.0.0.2:"));
    assert_eq!(strangers.count(), 2, "{log:?}");
}

#[test]
fn data_connection_that_never_comes_is_given_up() {
    let _watchdog = watchdog();
    let site = Site::with(Settings {
        data_wait: SOON,
        ..settings()
    });
    let mut raw = site.login("ada");
    let door = raw.door();
    raw.ask("RETR a.txt", "150");
    raw.expect("425");
    assert!(TcpStream::connect(door).is_err());
    // Not asked for in time either: after a while nobody listens.
    let door = raw.door();
    while from_elsewhere(door).is_ok() {
        std::thread::yield_now();
    }
    raw.ask("RETR a.txt", "150");
    raw.expect("425");
    raw.ask("NOOP", "200");
}

#[test]
fn ports_of_the_range_are_used_and_given_back() {
    let _watchdog = watchdog();
    // Three in a row that are free, and that the system gives to nobody who asks for any port.
    let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut firsts = (20_000..30_000).step_by(3);
    let first = firsts
        .find(|&first| (first..first + 3).all(is_free))
        .unwrap();
    let site = Site::with(Settings {
        passive_ports: Some(first..=first + 2),
        ..settings()
    });
    let mut raws: Vec<Raw> = (0..4).map(|_| site.login("ada")).collect();
    let mut ports: Vec<u16> = raws[..3].iter_mut().map(|raw| raw.door().port()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [first, first + 1, first + 2]);
    raws[3].ask("EPSV", "425");
    raws[3].ask("PASV", "425");
    // One's own is free again for oneself, or with ABOR for others.
    raws[0].door();
    raws[1].ask("ABOR", "225");
    while !{
        raws[3].send(b"EPSV\r\n");
        raws[3].answer().starts_with("229")
    } {}
    // And when its owner has left.
    raws.remove(2);
    while !{
        raws[1].send(b"EPSV\r\n");
        raws[1].answer().starts_with("229")
    } {}
    // Over and over: nothing leaks.
    for _ in 0..50 {
        raws[2].door();
        assert_eq!(raws[2].fetch("RETR a.txt"), b"hello\n");
    }
}

/// The first link-local address of this machine, with its scope.
fn link_local() -> Option<String> {
    let table = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    let mut rows = table.lines().filter(|row| row.starts_with("fe80"));
    let row: Vec<&str> = rows.next()?.split_whitespace().collect();
    let groups = row[0].as_bytes().chunks(4);
    let groups: Vec<&str> = groups
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    let scope = u32::from_str_radix(row[1], 16).ok()?;
    Some(format!("[{}%{scope}]:0", groups.join(":")))
}

#[test]
fn data_connection_of_a_link_local_address_is_served() {
    let _watchdog = watchdog();
    let Some(address) = link_local() else {
        eprintln!("no link-local address here: not tested");
        return;
    };
    let address: std::net::SocketAddrV6 = address.parse().unwrap();
    let site = Site::start("[::]:0", 2, settings(), Limits::default());
    let mut peer = address;
    peer.set_port(site.address.port());
    let mut raw = Raw::new(TcpStream::connect(peer).unwrap());
    raw.expect("220");
    raw.ask("USER ada", "331");
    raw.ask("PASS pw", "230");
    let answer = raw.ask("EPSV", "229");
    peer.set_port(answer.split('|').nth(3).unwrap().parse().unwrap());
    let mut data = TcpStream::connect(peer).unwrap();
    raw.ask("RETR a.txt", "150");
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"hello\r\n");
    raw.expect("226");
}
