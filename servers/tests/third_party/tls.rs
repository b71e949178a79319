//! rustls' `StreamOwned` at both ends: whole visits, handshakes that fail, ends that are none.
//!
//! Compiled over greenroom's streams and over std's.

use super::net::{Shutdown, TcpStream};
use super::on_every_ground;
use super::wire::pair;
use crate::talkers::{LENGTHS, check_bytes, tls_echo, tls_visit, trust, usual_trust};
use rustls::{AlertDescription, CertificateError};
use std::io::{BufRead, ErrorKind, Read, Write};
use std::time::Duration;

/// What rustls meant by an `io::Error`.
#[track_caller]
fn meaning(error: &std::io::Error) -> rustls::Error {
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let meant: &rustls::Error = inner.expect("an error of rustls");
    meant.clone()
}

#[test]
fn bytes_come_back_and_both_sides_see_the_end() {
    for version in rustls::ALL_VERSIONS {
        let trust = trust(&[version]);
        on_every_ground(|ground| {
            let (client, server) = pair();
            let server = trust.server(server);
            let echo = ground.spawn(move || tls_echo(server));
            tls_visit(trust.client(client), &LENGTHS, 1);
            assert_eq!(echo.join(), LENGTHS.iter().sum());
        });
    }
}

#[test]
fn connection_goes_on_in_another_thread_after_its_handshake() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let server = usual_trust().server(server);
        let echo = ground.spawn(move || tls_echo(server));
        let mut tls = usual_trust().client(client);
        check_bytes(&mut tls, &[100], 2);
        let tls = ground.spawn(move || {
            check_bytes(&mut tls, &LENGTHS, 3);
            tls
        });
        tls_visit(tls.join(), &[100], 4);
        echo.join();
    });
}

#[test]
fn lines_are_read_through_its_own_buffer() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let mut server = usual_trust().server(server);
        let writer = ground.spawn(move || {
            for line in 0..1_000 {
                writeln!(server, "line {line}").unwrap();
            }
            server.conn.send_close_notify();
            server.flush().unwrap();
            // Else what the client has not read yet may be lost with the socket.
            assert_eq!(server.sock.read(&mut [0; 64]).unwrap(), 0);
        });
        let mut tls = usual_trust().client(client);
        for (number, line) in Read::by_ref(&mut tls).lines().enumerate() {
            assert_eq!(line.unwrap(), format!("line {number}"));
        }
        drop(tls);
        writer.join();
    });
}

#[test]
fn certificate_that_nobody_trusts_fails_at_both_ends() {
    let (ours, strangers) = (usual_trust(), trust(rustls::ALL_VERSIONS));
    on_every_ground(|ground| {
        let (client, server) = pair();
        let mut server = ours.server(server);
        let handshake = ground.spawn(move || server.read(&mut [0; 1]).unwrap_err());
        let error = strangers.client(client).write(b"x").unwrap_err();
        let unknown = CertificateError::UnknownIssuer;
        let meant = meaning(&error);
        // Two certificates of one name: it may try the wrong one's key first.
        let badly_signed = CertificateError::BadSignature;
        assert!(
            [unknown, badly_signed]
                .map(rustls::Error::InvalidCertificate)
                .contains(&meant),
            "{meant}"
        );
        let meant = meaning(&handshake.join());
        let alerts = [AlertDescription::UnknownCA, AlertDescription::DecryptError];
        assert!(
            alerts.map(rustls::Error::AlertReceived).contains(&meant),
            "{meant}"
        );
    });
}

#[test]
fn plain_text_at_a_tls_port_is_an_invalid_message() {
    on_every_ground(|ground| {
        let (mut client, server) = pair();
        let mut server = usual_trust().server(server);
        let handshake = ground.spawn(move || {
            let error = server.read(&mut [0; 1]).unwrap_err();
            assert!(matches!(meaning(&error), rustls::Error::InvalidMessage(_)));
        });
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        handshake.join();
        let mut alert = [0; 7];
        client.read_exact(&mut alert).unwrap();
        assert_eq!(alert[0], 21, "an alert: {alert:?}");
    });
}

/// A server that says "half a word" and then `leave`s.
fn left_by(leave: impl Fn(crate::talkers::TlsServer<TcpStream>) + Send + Copy + Sync + 'static) {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let mut server = usual_trust().server(server);
        let leaving = ground.spawn(move || {
            server.read_exact(&mut [0; 5]).unwrap();
            server.write_all(b"half a word").unwrap();
            leave(server);
        });
        let mut tls = usual_trust().client(client);
        tls.write_all(b"hello").unwrap();
        let mut half = [0; 11];
        tls.read_exact(&mut half).unwrap();
        assert_eq!(&half, b"half a word");
        let error = tls.read(&mut half).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
        leaving.join();
    });
}

#[test]
fn stream_without_close_notify_is_an_unexpected_end() {
    left_by(drop);
}

#[test]
fn stream_cut_in_a_record_is_an_unexpected_end() {
    left_by(|mut server| {
        let mut records = Vec::new();
        server.conn.writer().write_all(&[7; 5_000]).unwrap();
        server.conn.write_tls(&mut records).unwrap();
        server.sock.write_all(&records[..2_000]).unwrap();
        server.sock.shutdown(Shutdown::Write).unwrap();
    });
}

#[test]
fn read_timeout_in_a_handshake_and_after_it_harms_nothing() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let (tell, told) = greenroom::sync::mpsc::channel();
        let mut server = usual_trust().server(server);
        let short = Some(Duration::from_millis(5));
        let echo = ground.spawn(move || {
            let mut some = [0; 5];
            for _ in 0..2 {
                server.sock.set_read_timeout(short).unwrap();
                let error = server.read(&mut some).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                tell.send(()).unwrap();
                server.sock.set_read_timeout(None).unwrap();
                server.read_exact(&mut some).unwrap();
            }
            tls_echo(server)
        });
        let mut tls = usual_trust().client(client);
        for _ in 0..2 {
            told.recv().unwrap();
            tls.write_all(b"hello").unwrap();
        }
        tls_visit(tls, &LENGTHS, 5);
        echo.join();
    });
}
