//! std's `BufReader`, `BufWriter` and `LineWriter` over the streams under test.
//!
//! Compiled over greenroom's streams and over std's.

use super::net::{Shutdown, TcpStream};
use super::on_every_ground;
use super::wire::pair;
use crate::talkers::pattern;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, IoSlice, LineWriter, Read, Write};
use std::time::Duration;

const SHORT: Option<Duration> = Some(Duration::from_millis(5));

/// Whether nothing has come, without waiting for it.
#[track_caller]
fn assert_nothing_came(stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let error = stream.peek(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
}

#[test]
fn line_writer_sends_at_the_line_end_and_not_before() {
    on_every_ground(|_| {
        let (client, server) = pair();
        let mut writer = LineWriter::new(client);
        writer.write_all(b"one, ").unwrap();
        assert_nothing_came(&server);
        writer.write_all(b"two\nthree").unwrap();
        let mut reader = BufReader::new(server);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "one, two\n");
        assert_nothing_came(reader.get_ref());
        drop(writer);
        line.clear();
        reader.read_to_string(&mut line).unwrap();
        assert_eq!(line, "three");
    });
}

#[test]
fn buf_writer_sends_when_full_flushed_or_dropped() {
    on_every_ground(|_| {
        let (client, server) = pair();
        let mut writer = BufWriter::with_capacity(8, &client);
        writer.write_all(b"12345").unwrap();
        assert_nothing_came(&server);
        let mut received = [0; 16];
        writer.write_all(b"6789").unwrap();
        (&server).read_exact(&mut received[..5]).unwrap();
        assert_nothing_came(&server);
        writer.flush().unwrap();
        (&server).read_exact(&mut received[5..9]).unwrap();
        writer.write_all(b"0").unwrap();
        drop(writer);
        (&server).read_exact(&mut received[9..10]).unwrap();
        assert_eq!(&received[..10], b"1234567890");
        let mut slices = BufWriter::with_capacity(4, &client);
        let pieces = [IoSlice::new(b"abc"), IoSlice::new(b"defgh")];
        // Over std's stream all pieces go at once, over others one by one, because `is_write_vectored`
        // is std's own yet. How many, the caller is told either way.
        let taken = slices.write_vectored(&pieces).unwrap();
        slices.write_all(&b"abcdefgh"[taken..]).unwrap();
        drop(slices);
        (&server).read_exact(&mut received[..8]).unwrap();
        assert_eq!(&received[..8], b"abcdefgh");
    });
}

#[test]
fn dialogue_of_lines_over_one_shared_stream() {
    on_every_ground(|ground| {
        let (client, server) = pair();
        let answering = ground.spawn(move || {
            let mut writer = LineWriter::new(&server);
            for line in BufReader::new(&server).lines() {
                writeln!(writer, "you said {}", line.unwrap()).unwrap();
            }
        });
        let mut reader = BufReader::new(&client);
        let mut writer = BufWriter::new(&client);
        let mut line = String::new();
        for number in 0..500 {
            writeln!(writer, "{number}").unwrap();
            writer.flush().unwrap();
            line.clear();
            reader.read_line(&mut line).unwrap();
            assert_eq!(line, format!("you said {number}\n"));
        }
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.read_line(&mut line).unwrap(), 0);
        answering.join();
    });
}

#[test]
fn megabytes_pass_through_both_buffers() {
    const BYTES: usize = 4 << 20;
    on_every_ground(|ground| {
        let (client, server) = pair();
        let sender = ground.spawn(move || {
            let mut writer = BufWriter::with_capacity(1_000, client);
            for piece in pattern(BYTES, 1).chunks(333) {
                writer.write_all(piece).unwrap();
            }
            // The stream comes back with nothing left in the buffer.
            drop(writer.into_inner().unwrap());
        });
        let mut received = Vec::new();
        let mut reader = BufReader::with_capacity(700, server);
        io::copy(&mut reader, &mut received).unwrap();
        assert!(received == pattern(BYTES, 1));
        sender.join();
    });
}

#[test]
fn read_timeout_in_a_line_keeps_what_came() {
    on_every_ground(|_| {
        let (mut client, server) = pair();
        client.write_all(b"half a ").unwrap();
        server.set_read_timeout(SHORT).unwrap();
        let mut reader = BufReader::new(server);
        let mut line = Vec::new();
        let error = reader.read_until(b'\n', &mut line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(line, b"half a ");
        client.write_all(b"line\n").unwrap();
        reader.get_ref().set_read_timeout(None).unwrap();
        reader.read_until(b'\n', &mut line).unwrap();
        assert_eq!(line, b"half a line\n");
    });
}

#[test]
fn write_timeout_loses_nothing_that_is_not_said() {
    on_every_ground(|ground| {
        let (client, mut server) = pair();
        client.set_write_timeout(SHORT).unwrap();
        let mut writer = BufWriter::with_capacity(64 << 10, client);
        let piece = pattern(10_000, 2);
        // Nobody reads: at last the socket is full, and the buffer too.
        let mut taken = 0;
        let error = loop {
            match writer.write(&piece) {
                Ok(n) => taken += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        let reading = ground.spawn(move || {
            let mut received = Vec::new();
            server.read_to_end(&mut received).unwrap();
            received
        });
        writer.get_ref().set_write_timeout(None).unwrap();
        writer.flush().unwrap();
        drop(writer);
        let expected = piece.iter().cycle().take(taken);
        assert!(reading.join().iter().eq(expected));
    });
}
