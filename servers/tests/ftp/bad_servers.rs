//! Servers that break off, talk nonsense, or lie: our client gets an error, in time and in bounded memory.

use super::watchdog::watchdog;
use greenroom_servers::ftp::client::{Answer, FtpClient};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// How patient the client is here.
const PATIENCE: Duration = Duration::from_millis(300);

/// A server of one client: sends the first text, then one for each line that it hears, then closes.
/// `{port}` and `{pasv}` stand for a data port that says "data" to whoever comes.
fn server(answers: &'static [&'static str]) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let data = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = data.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = data.accept() {
            let _ = stream.write_all(b"data");
        }
    });
    let numbers = format!("192,0,2,1,{},{}", port / 256, port % 256);
    let serve = move |stream: TcpStream| -> io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?);
        for (answer, number) in answers.iter().zip(0..) {
            if number > 0 {
                lines.read_line(&mut String::new())?;
            }
            let answer = answer
                .replace("{port}", &port.to_string())
                .replace("{pasv}", &numbers);
            (&stream).write_all(answer.as_bytes())?;
        }
        stream.shutdown(Shutdown::Write)?;
        lines.read_until(0, &mut Vec::new()).map(|_| ())
    };
    let running = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(serve(stream));
    });
    (address, running)
}

fn get(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut ftp = FtpClient::connect_with(address, PATIENCE)?;
    ftp.login("a", "b")?;
    let mut bytes = Vec::new();
    ftp.get("x", &mut bytes, |_, _| {})?;
    Ok(bytes)
}

const IN: [&str; 4] = ["220 x\r\n", "331 x\r\n", "230 x\r\n", "500 x\r\n"];

macro_rules! after_login {
    ($($answer:expr),*) => { &[IN[0], IN[1], IN[2], IN[3], $($answer),*] };
}

#[test]
fn answers_are_read_without_trust() {
    let _watchdog = watchdog();
    let cases: &[(&'static [&'static str], ErrorKind)] = &[
        (&[""], ErrorKind::UnexpectedEof),
        (&["22"], ErrorKind::UnexpectedEof),
        (&["HTTP/1.1 400 Bad Request\r\n"], ErrorKind::InvalidData),
        (&["\r\n"], ErrorKind::InvalidData),
        (&["999 x\r\n"], ErrorKind::InvalidData),
        (&["\u{0}\u{1}\u{2}\n"], ErrorKind::InvalidData),
        (&["220-hello\r\n"], ErrorKind::UnexpectedEof),
        (&["120 later\r\n", ""], ErrorKind::TimedOut),
        (&["421 busy\r\n"], ErrorKind::ConnectionAborted),
        (&["220 x\r\n", "530 no\r\n"], ErrorKind::PermissionDenied),
        (
            &["220 x\r\n", "332 account?\r\n", "332 account?\r\n"],
            ErrorKind::Other,
        ),
        (
            after_login!("200 x\r\n", "213 many\r\n"),
            ErrorKind::InvalidData,
        ),
        (
            after_login!("200 x\r\n", "500 x\r\n", "200 x\r\n", "229 (|||x|)\r\n"),
            ErrorKind::InvalidData,
        ),
        (
            after_login!(
                "200 x\r\n",
                "500 x\r\n",
                "200 x\r\n",
                "500 x\r\n",
                "227 (1,2)\r\n"
            ),
            ErrorKind::InvalidData,
        ),
        (
            after_login!(
                "200 x\r\n",
                "500 x\r\n",
                "200 x\r\n",
                "229 (|||{port}|)\r\n",
                "550 x\r\n"
            ),
            ErrorKind::NotFound,
        ),
        (
            after_login!(
                "200 x\r\n",
                "500 x\r\n",
                "200 x\r\n",
                "229 (|||{port}|)\r\n",
                "150 x\r\n"
            ),
            ErrorKind::UnexpectedEof,
        ),
        (
            after_login!(
                "200 x\r\n",
                "500 x\r\n",
                "200 x\r\n",
                "229 (|||{port}|)\r\n",
                "150 x\r\n426 x\r\n"
            ),
            ErrorKind::Other,
        ),
    ];
    for (answers, kind) in cases {
        let (address, running) = server(answers);
        let error = get(address).expect_err("because the server is bad");
        assert_eq!(error.kind(), *kind, "{answers:?}: {error}");
        running.join().unwrap();
    }
}

#[test]
fn data_connection_goes_to_the_server_whatever_it_says() {
    let _watchdog = watchdog();
    for passive in ["229 (|||{port}|)\r\n", "227 Entering ({pasv})\r\n"] {
        let answers: &'static [&'static str] = match passive.starts_with("229") {
            true => after_login!(
                "200 x\r\n",
                "213 4\r\n",
                "200 x\r\n",
                "229 (|||{port}|)\r\n",
                "150 x\r\n226 x\r\n"
            ),
            false => after_login!(
                "200 x\r\n",
                "213 4\r\n",
                "200 x\r\n",
                "502 x\r\n",
                "227 Entering ({pasv})\r\n",
                "150 x\r\n226 x\r\n"
            ),
        };
        let (address, running) = server(answers);
        assert_eq!(get(address).unwrap(), b"data");
        running.join().unwrap();
    }
}

#[test]
fn answers_without_end_end() {
    let _watchdog = watchdog();
    let torrents: [(&'static [u8], ErrorKind); 4] = [
        (b"220-x\r\n", ErrorKind::InvalidData),
        (b"220 xxxxxxxxxxxxxxxx", ErrorKind::InvalidData),
        (b"\0", ErrorKind::InvalidData),
        // Telnet commands only: no line ever begins.
        (b"\xff\xf1", ErrorKind::TimedOut),
    ];
    for (piece, kind) in torrents {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let torrent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let bytes = piece.repeat(10_000);
            while stream.write_all(&bytes).is_ok() {}
        });
        let error = FtpClient::connect_with(address, PATIENCE).expect_err("because it never ends");
        assert_eq!(error.kind(), kind, "{error}");
        torrent.join().unwrap();
    }
}

#[test]
fn silent_server_is_given_up() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let error = FtpClient::connect_with(address, PATIENCE).expect_err("because nobody answers");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(Answer::of(&error).is_none());
}

#[test]
fn file_that_ends_before_its_size_is_an_error_whatever_the_server_says() {
    let _watchdog = watchdog();
    let (address, running) = server(after_login!(
        "200 x\r\n",
        "213 5\r\n",
        "200 x\r\n",
        "229 (|||{port}|)\r\n",
        "150 x\r\n226 all of it\r\n"
    ));
    let error = get(address).expect_err("because there are four bytes");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains("resume"), "{error}");
    running.join().unwrap();
}
