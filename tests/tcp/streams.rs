//! What bytes do: echo, both directions at once, ends, resets, vectors, counts.

use super::ground::{PATTERN_BYTES_MAX, on_both, pair, pair_with_std, pattern};
use greenroom::net::{Shutdown, TcpListener, TcpStream};
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn echo_returns_every_byte_in_order() {
    on_both(|ground| {
        let (mut client, mut server) = pair();
        let echo = ground.spawn(move || {
            let mut buf = [0; 1000];
            loop {
                let n = server.read(&mut buf).unwrap();
                if n == 0 {
                    return;
                }
                server.write_all(&buf[..n]).unwrap();
            }
        });
        for len in [1, 64, 999, 1000, 1001, 20_000] {
            let sent = pattern(len);
            client.write_all(&sent).unwrap();
            let mut got = vec![0; len];
            client.read_exact(&mut got).unwrap();
            assert_eq!(got, sent);
        }
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        echo.join();
    });
}

#[test]
fn two_tasks_read_and_write_one_socket_at_once() {
    on_both(|ground| {
        const LEN: usize = 4 << 20;
        let (stream, peer) = pair();
        let streams = [Arc::new(stream), Arc::new(peer)];
        let mut parts = Vec::new();
        for stream in &streams {
            let (reader, writer) = (Arc::clone(stream), Arc::clone(stream));
            parts.push(ground.spawn(move || {
                let here = std::thread::current().id();
                let mut got = Vec::new();
                (&*reader).take(LEN as u64).read_to_end(&mut got).unwrap();
                assert!(got == pattern(LEN));
                assert_eq!(std::thread::current().id(), here, "a started task stays");
            }));
            parts.push(ground.spawn(move || {
                let here = std::thread::current().id();
                (&*writer).write_all(&pattern(LEN)).unwrap();
                assert_eq!(std::thread::current().id(), here, "a started task stays");
            }));
        }
        for part in parts {
            part.join();
        }
    });
}

#[test]
fn shutdown_from_another_task_wakes_both_directions() {
    on_both(|ground| {
        let (stream, _silent_peer) = pair_with_std();
        let stream = Arc::new(stream);
        let (reading, writing) = (Arc::clone(&stream), Arc::clone(&stream));
        let reader = ground.spawn(move || (&*reading).read(&mut [0; 8]));
        let writer = ground.spawn(move || (&*writing).write_all(&pattern(16 << 20)));
        ground.settle();
        assert!(!reader.is_finished() && !writer.is_finished());
        stream.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
        assert_eq!(writer.join().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn half_close_lets_the_answer_through() {
    on_both(|ground| {
        let (mut client, mut server) = pair();
        let answerer = ground.spawn(move || {
            let mut question = String::new();
            server.read_to_string(&mut question).unwrap();
            server
                .write_all(question.to_uppercase().as_bytes())
                .unwrap();
        });
        client.write_all(b"half of it").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HALF OF IT");
        answerer.join();
        assert_eq!(
            client.write(b"x").unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn peer_reset_in_mid_write_ends_the_write_and_all_later_ones() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair_with_std();
        let writer = ground.spawn(move || {
            let block = pattern(8 << 20);
            let mut errors = Vec::new();
            while errors.len() < 3 {
                match stream.write(&block) {
                    Ok(n) => assert!(n > 0 && errors.is_empty()),
                    Err(error) => errors.push(error.kind()),
                }
            }
            errors
        });
        ground.settle();
        peer.read_exact(&mut [0; 100]).unwrap();
        // Closing with bytes unread makes the kernel send a reset instead of a FIN.
        drop(peer);
        for kind in writer.join() {
            assert!(
                matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                "{kind}"
            );
        }
    });
}

#[test]
fn write_larger_than_all_buffers_returns_its_full_count_at_once() {
    on_both(|ground| {
        const LEN: usize = 8 << 20;
        let (mut stream, mut peer) = pair();
        let slow_reader = ground.spawn(move || {
            let mut got = Vec::new();
            let mut buf = vec![0; 256 << 10];
            loop {
                let n = peer.read(&mut buf).unwrap();
                if n == 0 {
                    return got;
                }
                got.extend_from_slice(&buf[..n]);
                if got.len() < 2 << 20 {
                    ground.settle();
                }
            }
        });
        let sent = pattern(LEN);
        assert_eq!(stream.write(&sent).unwrap(), LEN);
        drop(stream);
        assert!(slow_reader.join() == sent);
    });
}

#[test]
fn vectored_write_larger_than_all_buffers_returns_its_full_count_at_once() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair();
        let reader = ground.spawn(move || {
            let mut got = Vec::new();
            peer.read_to_end(&mut got).unwrap();
            got
        });
        let sent = pattern(6 << 20);
        let (head, rest) = sent.split_at(10);
        let (middle, tail) = rest.split_at(3 << 20);
        let parts = [head, &[], middle, &[], tail, &[]].map(IoSlice::new);
        assert_eq!(stream.write_vectored(&parts).unwrap(), sent.len());
        assert_eq!(stream.write_vectored(&[]).unwrap(), 0);
        drop(stream);
        assert!(reader.join() == sent);
    });
}

#[test]
fn vectored_write_of_many_buffers_takes_the_kernels_limit() {
    on_both(|_| {
        let (mut stream, mut peer) = pair();
        let letters = pattern(1500);
        let parts: Vec<IoSlice<'_>> = letters.chunks(1).map(IoSlice::new).collect();
        assert_eq!(
            stream.write_vectored(&parts).unwrap(),
            1024,
            "UIO_MAXIOV, as std"
        );
        let mut got = vec![0; 1024];
        peer.read_exact(&mut got).unwrap();
        assert_eq!(got, letters[..1024]);
    });
}

#[test]
fn vectored_read_fills_the_buffers_in_order() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair();
        let writer = ground.spawn(move || {
            ground.settle();
            peer.write_all(b"abcdefgh").unwrap();
            peer
        });
        let (mut first, mut second, mut third) = ([0; 3], [0; 0], [0; 9]);
        let mut parts = [&mut first[..], &mut second[..], &mut third[..]].map(IoSliceMut::new);
        assert_eq!(stream.read_vectored(&mut parts).unwrap(), 8);
        assert_eq!((&first, &third[..5]), (b"abc", &b"defgh"[..]));
        assert_eq!(
            stream
                .read_vectored(&mut [IoSliceMut::new(&mut [])])
                .unwrap(),
            0
        );
        drop(writer.join());
        assert_eq!(
            stream
                .read_vectored(&mut [IoSliceMut::new(&mut [0; 4])])
                .unwrap(),
            0
        );
    });
}

#[test]
fn peek_leaves_the_bytes_where_they_are() {
    on_both(|ground| {
        let (stream, mut peer) = pair();
        let writer = ground.spawn(move || {
            ground.settle();
            peer.write_all(b"look").unwrap();
            peer
        });
        let mut buf = [0; 16];
        for _ in 0..3 {
            assert_eq!(
                stream.peek(&mut buf).unwrap(),
                4,
                "a short peek is no drained socket"
            );
        }
        assert_eq!(stream.peek(&mut buf[..2]).unwrap(), 2);
        assert_eq!((&stream).read(&mut buf).unwrap(), 4);
        assert_eq!(&buf[..4], b"look");
        drop(writer.join());
        assert_eq!(stream.peek(&mut buf).unwrap(), 0);
    });
}

#[test]
fn empty_buffers_do_what_stds_do() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair();
        assert_eq!(stream.write(&[]).unwrap(), 0);
        assert_eq!(stream.read_vectored(&mut []).unwrap(), 0);
        stream.flush().unwrap();
        // A short read first: from then on a read parks without asking the socket.
        peer.write_all(b"x").unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
        // recv(2) waits for data even if it has no room for it.
        let reader = ground.spawn(move || (stream.read(&mut []).unwrap(), stream));
        ground.settle();
        assert!(!reader.is_finished());
        peer.write_all(b"y").unwrap();
        let (count, mut stream) = reader.join();
        assert_eq!(count, 0);
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.write_vectored(&[IoSlice::new(&[])]).unwrap(), 0);
        assert_eq!(stream.write(&[]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn many_connections_keep_their_bytes_apart() {
    on_both(|ground| {
        const CLIENTS: usize = 200;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let server = ground.spawn(move || {
            let serve = |mut stream: TcpStream| {
                let mut all = Vec::new();
                stream.read_to_end(&mut all).unwrap();
                stream.write_all(&all).unwrap();
            };
            let streams = listener.incoming().take(CLIENTS).map(Result::unwrap);
            let tasks: Vec<_> = streams.map(|s| ground.spawn(move || serve(s))).collect();
            tasks.into_iter().for_each(|task| task.join());
        });
        let client = move |i: usize| {
            let mut stream = TcpStream::connect(addr).unwrap();
            let sent = pattern(10 * i);
            stream.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            assert!(got == sent, "client {i}");
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|i| ground.spawn(move || client(i)))
            .collect();
        clients.into_iter().for_each(|client| client.join());
        server.join();
    });
}

#[test]
fn write_timeout_after_progress_returns_the_partial_count() {
    on_both(|_| {
        let (mut stream, _silent_peer) = pair_with_std();
        stream
            .set_write_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let block = pattern(PATTERN_BYTES_MAX);
        let queued = stream.write(&block).unwrap();
        assert!(queued > 0 && queued < block.len());
        assert_eq!(
            stream.write(&block).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}
