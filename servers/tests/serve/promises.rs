//! Every row of every table of bad input, against the running program.

use crate::child::Running;
use crate::program::{DEADLINE, Served, command};
use crate::table::{Row, bytes, is_like, rows};
use crate::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// What the server says to this input, to the end.
fn exchange(address: SocketAddr, input: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (text, is_silent) = match input.strip_suffix("{silence}") {
        Some(text) => (text, true),
        None => (input, false),
    };
    // Meanwhile, because neither side need take everything first.
    let mut writer = stream.try_clone().unwrap();
    let input = bytes(text);
    let writing = std::thread::spawn(move || {
        let sent = writer.write_all(&input);
        if !is_silent && sent.is_ok() {
            let _ = writer.shutdown(Shutdown::Write);
        }
    });
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    writing.join().unwrap();
    reply
}

fn check_connections(
    document: &str,
    args: &[&str],
    show: impl Fn(&[u8]) -> Vec<u8>,
    like: impl Fn(&[u8], &str) -> bool,
) {
    let _watchdog = watchdog();
    for row in rows(document, "Bad input") {
        // A server each, so that nobody else's log line is taken for this one's.
        let silent: &[&str] = match row.input.ends_with("{silence}") {
            true => &["--idle-timeout", "2s", "--request-timeout", "1s"],
            false => &[],
        };
        let server = Served::start(&[args, silent].concat());
        let reply = show(&exchange(server.address, &row.input));
        let is_it = like(&reply, &row.reply);
        assert!(is_it, "{document}: {row:?}: {}", reply.escape_ascii());
        check_log(&server, document, &row);
        let ended = server.end("TERM");
        assert_eq!(ended.status.code(), Some(0), "{document}: {row:?}: {ended}");
        assert!(
            ended.stdout.contains(" 0 panics"),
            "{document}: {row:?}: {ended}"
        );
    }
}

fn check_log(server: &Served, document: &str, row: &Row) {
    let Some(log) = &row.log else { return };
    let pattern = format!("…: {}", log.replace('\\', r"\\"));
    server.until_logged(&format!("{document}: {row:?}"), |line| {
        is_like(line.as_bytes(), &pattern)
    });
}

/// Frames as the tables write them.
fn frames(mut reply: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    while let Some((prefix, rest)) = reply.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_ne_bytes(*prefix)).unwrap();
        shown.extend([b"{frame:", &rest[..length], b"}"].concat());
        reply = &rest[length..];
    }
    assert_eq!(reply, b"", "half a prefix");
    shown
}

/// Both sides have the braces: those of the pattern are meant literally.
fn is_like_frames(found: &[u8], pattern: &str) -> bool {
    let hide = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).replace("{frame:", "<frame:");
        text.into_bytes()
    };
    is_like(
        &hide(found),
        &String::from_utf8(hide(pattern.as_bytes())).unwrap(),
    )
}

#[test]
fn echo_keeps_its_promises() {
    check_connections("echo.md", &["echo"], <[u8]>::to_vec, is_like);
}

#[test]
fn chat_keeps_its_promises() {
    check_connections("chat.md", &["chat"], <[u8]>::to_vec, is_like);
}

#[test]
fn remote_command_keeps_its_promises() {
    let args = "remote-command --allow echo,sleep,seq,kill --limit-time 3s --limit-output 1000";
    let args: Vec<&str> = args.split_whitespace().collect();
    check_connections("remote_command.md", &args, frames, is_like_frames);
}

/// Where a row's datagram is sent from, and what it says.
fn sender(input: &str, own_port: u16) -> (SocketAddr, &str) {
    // Nobody else's, if these tests run twice at a time.
    let [_, a, b, c] = std::process::id().to_be_bytes();
    let other = |port| SocketAddr::from(([127, 64 | a, b, c], port));
    if let Some(text) = input.strip_prefix("{own port}") {
        return (other(own_port), text);
    }
    match input.strip_prefix("{port 2008}") {
        Some(text) => (other(2008), text),
        None => (SocketAddr::from(([127, 0, 0, 1], 0)), input),
    }
}

fn check_datagrams(document: &str, program: &[&str], probe: &str) {
    let _watchdog = watchdog();
    for row in rows(document, "Bad datagrams") {
        let server = Served::start(program);
        let (from, text) = sender(&row.input, server.address.port());
        let socket = UdpSocket::bind(from).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.connect(server.address).unwrap();
        socket.send(&bytes(text)).unwrap();
        let mut buffer = vec![0; 65_536];
        if row.reply.is_empty() {
            // From elsewhere, and answered after it: datagrams are served in order.
            let other = UdpSocket::bind("127.0.0.1:0").unwrap();
            other.set_read_timeout(Some(DEADLINE)).unwrap();
            other.send_to(probe.as_bytes(), server.address).unwrap();
            other.recv(&mut buffer).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_millis(10)))
                .unwrap();
            assert!(
                socket.recv(&mut buffer).is_err(),
                "{document}: {row:?} is answered"
            );
        } else {
            let length = socket.recv(&mut buffer).unwrap();
            let reply = &buffer[..length];
            assert!(
                is_like(reply, &row.reply),
                "{document}: {row:?}: {}",
                reply.escape_ascii()
            );
        }
        check_log(&server, document, &row);
        assert_eq!(
            server.end("TERM").status.code(),
            Some(0),
            "{document}: {row:?}"
        );
    }
}

#[test]
fn datagrams_are_answered_as_promised() {
    check_datagrams("echo.md", &["echo", "--udp", "-v"], "probe");
    check_datagrams("chat.md", &["chat", "--udp"], "register probe");
}

#[test]
fn sockets_of_one_server_do_not_answer_each_other() {
    let _watchdog = watchdog();
    let args = ["echo", "--udp", "-v", "--listen", "127.0.0.2:0"];
    let mut server = Running::start(command(&args).args(["--listen", "127.0.0.1:0"]));
    let [first, second]: [SocketAddr; 2] =
        std::array::from_fn(|_| server.line("listening on ").parse().unwrap());
    // As a forged source would look: the first one's port, at an address that is free.
    let forged = UdpSocket::bind(("127.0.0.3", first.port())).unwrap();
    forged.send_to(b"x", second).unwrap();
    let heard = UdpSocket::bind("127.0.0.1:0").unwrap();
    heard.set_read_timeout(Some(DEADLINE)).unwrap();
    heard.send_to(b"y", second).unwrap();
    assert_eq!(heard.recv(&mut [0; 8]).unwrap(), 1);
    server.signal("TERM");
    let ended = server.end();
    assert!(
        ended.stdout.contains("; 2 bytes in, 1 bytes out; "),
        "{ended}"
    );
}
