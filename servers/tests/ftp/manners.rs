//! The control connection: order, limits, ends, and who vanishes.

use super::ground::{Raw, Site, logged, settings};
use super::watchdog::watchdog;
use greenroom_servers::Limits;
use greenroom_servers::ftp::Settings;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// A limit that tests run into.
const SOON: Duration = Duration::from_millis(150);

#[test]
fn pipelined_commands_are_answered_in_order() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.connect();
    raw.send(b"user ADA\nUSER ada\r\nPASS pw\nPWD\r\nCWD dir\r\nPWD\r\nXPWD\r\nCDUP\r\nNOOP\r\nQUIT\r\nNOOP\r\n");
    for start in [
        "331",
        "331",
        "230",
        "257 \"/\"",
        "250",
        "257 \"/dir\"",
        "257 \"/dir\"",
        "250 \"/\"",
        "200",
        "221",
    ] {
        raw.expect(start);
    }
    raw.expect_end();
}

#[test]
fn commands_come_in_any_pieces() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.connect();
    for byte in b"USER anonymous\r\nPASS x\r\n" {
        raw.send(&[*byte]);
    }
    raw.expect("331");
    raw.expect("230");
}

#[test]
fn answers_of_several_lines_have_their_form() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let features = raw.ask("FEAT", "211-Features:\r\n EPSV\r\n");
    assert!(
        features.contains("\r\n MLST type*;size*;modify*;\r\n"),
        "{features}"
    );
    assert!(features.ends_with("\r\n211 End"), "{features}");
    raw.ask("HELP", "214-");
    raw.ask("STAT", "211-");
    raw.ask("SYST", "215 UNIX Type: L8");
    raw.ask("OPTS MLST size;unique;", "200 MLST OPTS size;");
    assert!(raw.ask("FEAT", "211").contains("MLST type;size*;modify;"));
    assert_eq!(
        raw.ask("MLST a.txt", "250"),
        "250-Facts:\r\n size=6; /a.txt\r\n250 End"
    );
}

#[test]
fn third_wrong_password_ends_the_connection() {
    let _watchdog = watchdog();
    let delay = Duration::from_millis(40);
    let site = Site::with(Settings {
        login_delay: delay,
        ..settings()
    });
    let mut raw = site.connect();
    // The port may have been that of another test's client.
    let before = logged(&raw.name()).len();
    let start = Instant::now();
    for (user, code) in [("ada", "530"), ("eve", "530"), ("anonymou", "421")] {
        raw.ask(&format!("USER {user}"), "331 The password");
        raw.ask("PASS wrong", code);
    }
    raw.expect_end();
    assert!(start.elapsed() >= 3 * delay);
    assert_eq!(logged(&raw.name()).len() - before, 6);
}

#[test]
fn wrong_passwords_are_counted_over_all_connections_of_an_address() {
    let _watchdog = watchdog();
    let site = Site::with(Settings {
        login_delay: Duration::ZERO,
        address_tries_max: 5,
        ..settings()
    });
    // All at once: those who wait for their comparison are counted as well.
    let mut raws: Vec<Raw> = (0..20).map(|_| site.connect()).collect();
    let many = "421 Too many wrong passwords from your address; come back later";
    for raw in &mut raws {
        raw.ask("USER ada", "331");
        raw.send(b"PASS wrong\r\n");
    }
    let mut compared = 0;
    for raw in &mut raws {
        let answer = raw.answer();
        let is_compared = answer == "530 Wrong name or password";
        assert!(is_compared || answer == many, "{answer}");
        compared += u32::from(is_compared);
    }
    // Two are compared at one time.
    assert!((5..7).contains(&compared), "{compared}");
    // The right one is not looked at either, and nobody else is concerned.
    let mut raw = site.connect();
    raw.ask("USER ada", "331");
    raw.ask("PASS pw", many);
    raw.expect_end();
    assert_eq!(logged(&raw.name()).pop().unwrap(), format!("PASS: {many}"));
    let mut raw = site.connect();
    raw.ask("USER anonymous", "331");
    raw.ask("PASS x", "230");
}

#[test]
fn without_anonymous_its_names_are_like_any_other() {
    let _watchdog = watchdog();
    let site = Site::with(Settings {
        anonymous: None,
        ..settings()
    });
    let mut raw = site.connect();
    for name in ["anonymous", "ftp"] {
        raw.ask(&format!("USER {name}"), "331 The password");
        raw.ask("PASS me@here", "530 Wrong");
    }
}

#[test]
fn user_may_log_in_again_as_another() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    raw.ask("CWD dir", "250");
    raw.ask("USER bob", "331");
    raw.ask("PWD", "530");
    raw.ask("PASS pw", "230");
    raw.ask("PWD", "257 \"/\"");
    raw.ask("CWD /in", "550");
    raw.ask("SIZE b c.txt", "213 6");
}

#[test]
fn idle_client_is_told_and_closed() {
    let _watchdog = watchdog();
    let limits = Limits {
        idle_timeout: Some(SOON),
        ..Limits::default()
    };
    for workers in [1, 2] {
        let site = Site::start("127.0.0.1:0", workers, settings(), limits.clone());
        let mut raw = site.connect();
        raw.expect("421");
        raw.expect_end();
        // A byte now and then is no life.
        let mut raw = site.connect();
        let start = Instant::now();
        let mut writer = raw.stream().try_clone().unwrap();
        let trickle = std::thread::spawn(move || {
            while writer.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        raw.expect("421");
        assert!(start.elapsed() < 20 * SOON);
        drop(raw);
        trickle.join().unwrap();
        site.wait_until_empty();
    }
}

#[test]
fn line_that_is_not_whole_in_time_ends_the_connection() {
    let _watchdog = watchdog();
    let limits = Limits {
        request_timeout: Some(SOON),
        ..Limits::default()
    };
    let site = Site::start("127.0.0.1:0", 2, settings(), limits);
    let (mut idle, mut slow) = (site.connect(), site.connect());
    slow.send(b"NOOP\r\nNOO");
    slow.expect("200");
    slow.expect("421");
    slow.expect_end();
    // Nothing has begun here.
    idle.ask("NOOP", "200");
}

#[test]
fn client_beyond_the_limit_is_told_and_closed() {
    let _watchdog = watchdog();
    let limits = Limits {
        clients_max: 2,
        ..Limits::default()
    };
    let site = Site::start("127.0.0.1:0", 2, settings(), limits);
    let raws = [site.connect(), site.connect()];
    let mut third = Raw::new(TcpStream::connect(site.address).unwrap());
    third.expect("421 Too many");
    third.expect_end();
    drop(raws);
    site.wait_until_empty();
    site.connect().ask("NOOP", "200");
}

#[test]
fn shutdown_is_told_to_idle_clients_and_waits_for_transfers() {
    let _watchdog = watchdog();
    let mut site = Site::new();
    let (mut idle, mut busy) = (site.login("ada"), site.login("ada"));
    let mut data = busy.data();
    busy.ask("STOR late.txt", "150");
    site.stopper.stop();
    idle.expect("421");
    idle.expect_end();
    data.write_all(b"in time").unwrap();
    drop(data);
    busy.expect("226");
    busy.expect("421");
    busy.expect_end();
    assert_eq!(site.read("late.txt"), b"in time");
    let running = site.running.take().unwrap();
    let totals = site
        .runtime
        .run(|| running.shutdown(Duration::from_secs(60)));
    assert_eq!(totals.accepted, 2);
}

#[test]
fn shutdown_without_grace_cuts_transfers() {
    let _watchdog = watchdog();
    let mut site = Site::new();
    // More than sockets hold, so that it cannot be done before.
    let huge = std::fs::File::create(site.path("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let mut busy = site.login("ada");
    let mut data = busy.data();
    busy.ask("RETR huge", "150");
    let running = site.running.take().unwrap();
    site.runtime.run(|| running.shutdown(Duration::ZERO));
    drop(data.read_to_end(&mut Vec::new()));
    busy.expect_end();
}

/// Brings a client somewhere; returns its data connection.
type Scene = fn(&mut Raw) -> Option<TcpStream>;

#[test]
fn client_that_vanishes_leaves_nothing_behind() {
    let _watchdog = watchdog();
    // No limit of time is what ends them.
    let hour = Duration::from_secs(3600);
    let site = Site::with(Settings {
        data_wait: hour,
        stall: hour,
        ..settings()
    });
    let scenes: &[(&str, Scene)] = &[
        ("greeting", |_| None),
        ("half a line", |raw| {
            raw.send(b"NOO");
            None
        }),
        ("EPSV", |raw| {
            raw.door();
            None
        }),
        ("data connection", |raw| Some(raw.data())),
        ("RETR, no data connection", |raw| {
            raw.door();
            raw.ask("RETR big.bin", "150");
            None
        }),
        ("RETR", |raw| {
            let data = raw.data();
            raw.ask("RETR big.bin", "150");
            Some(data)
        }),
        ("STOR", |raw| {
            let data = raw.data();
            raw.ask("STOR gone.txt", "150");
            Some(data)
        }),
        ("LIST and more lines", |raw| {
            let data = raw.data();
            raw.send(b"LIST\r\nNOOP\r\nNOOP\r\n");
            Some(data)
        }),
        ("ABOR without reading", |raw| {
            let data = raw.data();
            raw.send(b"RETR big.bin\r\nABOR\r\n");
            Some(data)
        }),
    ];
    for reset in [false, true] {
        for (name, scene) in scenes {
            let mut raw = site.login("ada");
            let data = scene(&mut raw);
            if reset {
                let now = Some(Duration::ZERO);
                socket2::SockRef::from(raw.stream())
                    .set_linger(now)
                    .unwrap();
            }
            // The control connection first: the data connection is still there, and says nothing.
            drop(raw);
            site.wait_until_empty();
            eprintln!("{name} is over");
            drop(data);
        }
    }
    // All doors are closed: `site` serves on.
    site.login("ada").ask("NOOP", "200");
}

#[test]
fn client_that_resets_at_once_is_no_error() {
    let _watchdog = watchdog();
    let mut site = Site::new();
    for _ in 0..100 {
        let stream = TcpStream::connect(site.address).unwrap();
        let now = Some(Duration::ZERO);
        socket2::SockRef::from(&stream).set_linger(now).unwrap();
    }
    // Those who reset come before it in the queue.
    site.login("ada");
    let running = site.running.take().unwrap();
    let totals = site
        .runtime
        .run(|| running.shutdown(Duration::from_secs(60)));
    assert_eq!(totals.errors, 0, "{totals:?}");
}

#[test]
fn half_closed_control_connection_gets_its_answers() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    raw.send(b"PWD\r\nNOOP\r\n");
    raw.stream().shutdown(Shutdown::Write).unwrap();
    raw.expect("257");
    raw.expect("200");
    raw.expect_end();
}

#[test]
fn client_that_reads_no_answers_is_ended() {
    let _watchdog = watchdog();
    let limits = Limits {
        idle_timeout: Some(SOON),
        ..Limits::default()
    };
    let site = Site::start("127.0.0.1:0", 2, settings(), limits);
    let raw = site.connect();
    let mut stream = raw.stream().try_clone().unwrap();
    let line = b"HELP\r\n".repeat(1000);
    // Until the server has had enough.
    while stream.write_all(&line).is_ok() {}
    site.wait_until_empty();
}
