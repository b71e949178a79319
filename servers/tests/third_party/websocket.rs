//! tungstenite at both ends: messages, control frames, ends, and what must fail.
//!
//! Compiled over greenroom's streams and over std's.

use super::net::Shutdown;
use super::on_every_ground;
use super::wire::pair;
use crate::talkers::{
    LENGTHS, accept_websocket, failure, pattern, small_buffers, usual_trust, websocket,
    websocket_echo, websocket_visit,
};
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Bytes, Error, Message};

#[test]
fn messages_come_back_and_both_sides_see_the_end() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let echo = ground.spawn(move || websocket_echo(accept_websocket(server)));
        let mut socket = websocket(client);
        socket.send(Message::text("grüße")).unwrap();
        assert_eq!(socket.read().unwrap().into_text().unwrap(), "grüße");
        socket
            .send(Message::Ping(Bytes::from_static(b"?")))
            .unwrap();
        assert_eq!(
            socket.read().unwrap(),
            Message::Pong(Bytes::from_static(b"?"))
        );
        socket.send(Message::binary(Vec::new())).unwrap();
        assert!(socket.read().unwrap().is_empty());
        websocket_visit(socket, &LENGTHS, 1);
        assert_eq!(echo.join(), 2 + LENGTHS.len());
    });
}

#[test]
fn message_larger_than_all_buffers_comes_through() {
    const BYTES: usize = 6 << 20;
    on_every_ground(|ground| {
        let (client, server) = pair();
        let echo = ground.spawn(move || websocket_echo(accept_websocket(server)));
        websocket_visit(websocket(client), &[BYTES], 2);
        assert_eq!(echo.join(), 1);
    });
}

#[test]
fn close_carries_its_code_and_reason() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let frame = CloseFrame {
            code: CloseCode::Away,
            reason: "going home".into(),
        };
        let expected = Message::Close(Some(frame.clone()));
        let server = ground.spawn(move || {
            let mut socket = accept_websocket(server);
            assert_eq!(socket.read().unwrap(), expected);
            assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
            assert!(matches!(socket.read(), Err(Error::AlreadyClosed)));
        });
        let mut socket = websocket(client);
        socket.close(Some(frame)).unwrap();
        assert!(socket.read().unwrap().is_close());
        assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
        server.join();
    });
}

#[test]
fn websocket_runs_over_tls_over_the_stream() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let server = usual_trust().server(server);
        let echo = ground.spawn(move || websocket_echo(accept_websocket(server)));
        let mut socket = websocket(usual_trust().client(client));
        socket.send(Message::text("wss")).unwrap();
        assert_eq!(socket.read().unwrap().into_text().unwrap(), "wss");
        socket.close(None).unwrap();
        assert!(socket.read().unwrap().is_close());
        drop(socket);
        assert_eq!(echo.join(), 1);
    });
}

#[test]
fn client_of_plain_http_fails_the_handshake() {
    on_every_ground(|ground| {
        let (mut client, server) = pair();
        let handshake = ground.spawn(move || {
            let refused = tungstenite::accept(server).map_err(failure);
            assert!(matches!(refused, Err(Error::Protocol(_))), "{refused:?}");
        });
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client.write_all(request).unwrap();
        handshake.join();
    });
}

#[test]
fn stream_that_ends_in_the_handshake_leaves_it_incomplete() {
    on_every_ground(|ground| {
        let (mut client, server) = pair();
        let handshake = ground.spawn(move || {
            let cut = tungstenite::accept(server).map_err(failure);
            let incomplete = ProtocolError::HandshakeIncomplete;
            assert!(
                matches!(&cut, Err(Error::Protocol(error)) if *error == incomplete),
                "{cut:?}"
            );
        });
        client.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        handshake.join();
    });
}

#[test]
fn stream_that_ends_in_a_frame_is_a_reset() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let server = ground.spawn(move || {
            let mut socket = accept_websocket(server);
            // The head of a binary frame of 100 bytes, and ten of them.
            let stream = socket.get_mut();
            stream.write_all(&[0x82, 100]).unwrap();
            stream.write_all(&[0; 10]).unwrap();
        });
        let mut socket = websocket(client);
        let cut = socket.read();
        let reset = ProtocolError::ResetWithoutClosingHandshake;
        assert!(
            matches!(&cut, Err(Error::Protocol(error)) if *error == reset),
            "{cut:?}"
        );
        server.join();
    });
}

#[test]
fn message_over_the_limit_is_refused_by_its_length() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let sender = ground.spawn(move || {
            let mut socket = accept_websocket(server);
            socket.send(Message::binary(pattern(2_000, 3))).unwrap();
            // The peer leaves; whether by an end or by a reset depends on what it has not read.
            drop(socket.read());
        });
        let limited = WebSocketConfig::default().max_message_size(Some(1_000));
        let (mut socket, _) =
            tungstenite::client::client_with_config("ws://x/", client, Some(limited))
                .map_err(failure)
                .unwrap();
        let refused = socket.read();
        assert!(
            matches!(
                refused,
                Err(Error::Capacity(CapacityError::MessageTooLong {
                    size: 2_000,
                    max_size: 1_000
                }))
            ),
            "{refused:?}"
        );
        drop(socket);
        sender.join();
    });
}

#[test]
fn read_timeout_between_messages_and_in_one_harms_nothing() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let (tell, told) = greenroom::sync::mpsc::channel();
        let server = ground.spawn(move || {
            let mut socket = accept_websocket(server);
            // A frame that comes in two pieces, with a pause of the client's choice between.
            for piece in [&[0x82, 4, 1, 2][..], &[3, 4]] {
                told.recv().unwrap();
                socket.get_mut().write_all(piece).unwrap();
            }
            websocket_echo(socket)
        });
        let mut socket = websocket(client);
        let short = Some(Duration::from_millis(5));
        for _ in 0..2 {
            socket.get_ref().set_read_timeout(short).unwrap();
            let waited = socket.read();
            assert!(
                matches!(&waited, Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock),
                "{waited:?}"
            );
            tell.send(()).unwrap();
        }
        socket.get_ref().set_read_timeout(None).unwrap();
        assert_eq!(socket.read().unwrap().into_data(), &[1u8, 2, 3, 4][..]);
        websocket_visit(socket, &LENGTHS, 4);
        server.join();
    });
}

#[test]
fn handshake_that_timed_out_can_be_taken_up_again() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let (tell, told) = greenroom::sync::mpsc::channel();
        let short = Some(Duration::from_millis(5));
        let echo = ground.spawn(move || {
            server.set_read_timeout(short).unwrap();
            let mut handshake = tungstenite::accept_with_config(server, Some(small_buffers()));
            tell.send(handshake.is_err()).unwrap();
            loop {
                handshake = match handshake {
                    Ok(socket) => {
                        socket.get_ref().set_read_timeout(None).unwrap();
                        return websocket_echo(socket);
                    }
                    Err(HandshakeError::Interrupted(middle)) => middle.handshake(),
                    Err(HandshakeError::Failure(error)) => panic!("{error:?}"),
                };
            }
        });
        assert!(told.recv().unwrap(), "it did not wait for its client");
        websocket_visit(websocket(client), &LENGTHS, 5);
        assert_eq!(echo.join(), LENGTHS.len());
    });
}

#[test]
fn server_that_is_no_server_is_an_error_with_its_status() {
    on_every_ground(|ground| {
        let (client, mut server) = pair();
        let refusal = ground.spawn(move || {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                server.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            server.write_all(answer).unwrap();
        });
        let refused = tungstenite::client("ws://localhost/", client).map_err(failure);
        match refused {
            Err(Error::Http(response)) => assert_eq!(response.status(), 404),
            other => panic!("{:?}", other.map(drop)),
        }
        refusal.join();
    });
}
