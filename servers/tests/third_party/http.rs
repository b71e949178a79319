//! httparse over a `BufReader`: requests in pieces, several in one, bodies, and heads that are wrong.
//!
//! Compiled over greenroom's streams and over std's.

use super::net::{Shutdown, TcpStream};
use super::on_every_ground;
use super::wire::pair;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};

/// A head and what follows it.
#[derive(Debug, PartialEq)]
struct Request {
    line: String,
    headers: usize,
    body: Vec<u8>,
}

/// The next request, read line by line as a server without a buffer of its own would.
fn request(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    let mut headers = [httparse::EMPTY_HEADER; 16];
    loop {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return match head.is_empty() {
                true => Ok(None),
                false => Err(ErrorKind::UnexpectedEof.into()),
            };
        }
        let mut probe = [httparse::EMPTY_HEADER; 16];
        let parsed = httparse::Request::new(&mut probe).parse(&head);
        if parsed.map_err(io::Error::other)?.is_complete() {
            break;
        }
    }
    let mut request = httparse::Request::new(&mut headers);
    request.parse(&head).map_err(io::Error::other)?;
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |header| {
            std::str::from_utf8(header.value).unwrap().parse().unwrap()
        });
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request {
        line: format!("{} {}", request.method.unwrap(), request.path.unwrap()),
        headers: request.headers.len(),
        body,
    }))
}

/// Three pipelined requests, one with a body.
fn requests() -> (Vec<u8>, [Request; 3]) {
    let body = crate::talkers::pattern(20_000, 9);
    let mut bytes = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\n".to_vec();
    write!(bytes, "Host: x\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(b"GET /c HTTP/1.0\r\n\r\n");
    let expected = [
        ("GET /a", 1, vec![]),
        ("POST /b", 2, body),
        ("GET /c", 0, vec![]),
    ];
    let expected = expected.map(|(line, headers, body)| Request {
        line: line.to_owned(),
        headers,
        body,
    });
    (bytes, expected)
}

#[test]
fn pipelined_requests_are_told_apart_however_they_come() {
    on_every_ground(|ground| {
        for piece_bytes in [1_usize, 7, 1_000, usize::MAX] {
            let (mut client, server) = pair();
            let sender = ground.spawn(move || {
                client.set_nodelay(true).unwrap();
                let (bytes, _) = requests();
                for piece in bytes.chunks(piece_bytes.min(bytes.len())) {
                    client.write_all(piece).unwrap();
                }
            });
            let mut reader = BufReader::new(server);
            for expected in requests().1 {
                assert_eq!(request(&mut reader).unwrap(), Some(expected));
            }
            assert_eq!(request(&mut reader).unwrap(), None);
            sender.join();
        }
    });
}

#[test]
fn answers_pass_requests_on_one_stream() {
    on_every_ground(|ground| {
        let (mut client, server) = pair();
        let serving = ground.spawn(move || {
            let mut answers = server.try_clone().unwrap();
            let mut reader = BufReader::new(server);
            let mut served = 0;
            while let Some(request) = request(&mut reader).unwrap() {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    request.body.len()
                );
                answers.write_all(head.as_bytes()).unwrap();
                answers.write_all(&request.body).unwrap();
                served += 1;
            }
            served
        });
        client.write_all(&requests().0).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answers = Vec::new();
        client.read_to_end(&mut answers).unwrap();
        let mut rest = &answers[..];
        for expected in requests().1 {
            let mut headers = [httparse::EMPTY_HEADER; 4];
            let mut response = httparse::Response::new(&mut headers);
            let length = response.parse(rest).unwrap().unwrap();
            assert_eq!(response.code, Some(200));
            rest = &rest[length..];
            assert!(rest.starts_with(&expected.body));
            rest = &rest[expected.body.len()..];
        }
        assert!(rest.is_empty());
        assert_eq!(serving.join(), 3);
    });
}

#[test]
fn head_that_is_cut_or_wrong_is_an_error() {
    on_every_ground(|ground| {
        for (bytes, kind) in [
            (&b"GET / HTTP/1.1\r\nHos"[..], ErrorKind::UnexpectedEof),
            (
                b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123",
                ErrorKind::UnexpectedEof,
            ),
            (b"GET / HTTP/9.9\r\n\r\n", ErrorKind::Other),
            (b"\x16\x03\x01\x02\n", ErrorKind::Other),
        ] {
            let (mut client, server) = pair();
            let sender = ground.spawn(move || client.write_all(bytes).unwrap());
            let error = request(&mut BufReader::new(server)).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            sender.join();
        }
    });
}
