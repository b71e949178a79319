//! flate2 over a socket: an encoder at one end, a decoder at the other, in both directions at once.
//!
//! Compiled over greenroom's streams and over std's.

use super::net::{Shutdown, TcpStream};
use super::on_every_ground;
use super::wire::pair;
use crate::talkers::{encoder, gzip_echo, gzip_visit, pattern};
use flate2::read::GzDecoder;
use std::io::{self, ErrorKind, Read, Write};

#[test]
fn flushed_lines_come_back_while_the_stream_is_open() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let echo = ground.spawn(move || gzip_echo(&server, &server));
        gzip_visit(&client, &client, 100, 1);
        assert_eq!(echo.join(), 100);
    });
}

/// Debug builds are slow at compressing.
const BYTES: usize = if cfg!(debug_assertions) {
    1 << 20
} else {
    6 << 20
};

/// Bytes that compress badly, then well.
fn data(seed: usize) -> Vec<u8> {
    let mut data = pattern(BYTES / 2, seed);
    data.resize(BYTES, b'x');
    data
}

#[test]
fn megabytes_cross_in_both_directions_at_once() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let send = |stream: TcpStream, seed| {
            ground.spawn(move || {
                let mut encoder = encoder(stream);
                encoder.write_all(&data(seed)).unwrap();
                let stream = encoder.finish().unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            })
        };
        let receive = |stream: TcpStream, seed| {
            ground.spawn(move || {
                let mut received = Vec::new();
                GzDecoder::new(stream).read_to_end(&mut received).unwrap();
                assert!(received == data(seed));
            })
        };
        for handle in [
            send(client.try_clone().unwrap(), 1),
            send(server.try_clone().unwrap(), 2),
            receive(client, 2),
            receive(server, 1),
        ] {
            handle.join();
        }
    });
}

/// What a decoder makes of `damage` done to a compressed stream.
fn damaged(damage: impl Fn(&mut Vec<u8>) + Send + Sync + Copy + 'static) -> Vec<ErrorKind> {
    let kinds = std::sync::Mutex::new(Vec::new());
    on_every_ground(|ground| {
        let (mut client, server) = pair();
        let sender = ground.spawn(move || {
            let mut encoder = encoder(Vec::new());
            encoder.write_all(&pattern(10_000, 3)).unwrap();
            let mut bytes = encoder.finish().unwrap();
            damage(&mut bytes);
            client.write_all(&bytes).unwrap();
        });
        let error = io::copy(&mut GzDecoder::new(server), &mut io::sink()).unwrap_err();
        kinds.lock().unwrap().push(error.kind());
        sender.join();
    });
    let mut kinds = kinds.into_inner().unwrap();
    kinds.dedup();
    kinds
}

#[test]
fn stream_that_is_cut_is_an_unexpected_end() {
    assert_eq!(
        damaged(|bytes| bytes.truncate(5_000)),
        [ErrorKind::UnexpectedEof]
    );
}

#[test]
fn checksum_that_is_wrong_is_invalid_input() {
    let flip_checksum = |bytes: &mut Vec<u8>| {
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
    };
    assert_eq!(damaged(flip_checksum), [ErrorKind::InvalidInput]);
}
