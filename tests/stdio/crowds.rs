//! Standard input beside a server, and hundreds who wait for it, on one worker.

use crate::common::let_others_run;
use crate::descriptors::{fifo, replace, terminal};
use crate::{alone, flags, os_threads};
use greenroom::io::{self, Read, Write};
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file for 0, what feeds it, and whether a thread of the blocking pool reads it.
fn channels() -> [(OwnedFd, File); 3] {
    let (reader, writer) = std::io::pipe().unwrap();
    let (fifo_reader, fifo_writer) = fifo();
    let (master, slave) = terminal();
    [
        (reader.into(), File::from(OwnedFd::from(writer))),
        (fifo_reader.into(), fifo_writer),
        (slave.into(), master),
    ]
}

#[test]
fn five_hundred_blocked_in_stdin_take_no_thread_each_and_one_line_each() {
    const WAITING: usize = 500;
    let test = "crowds::five_hundred_blocked_in_stdin_take_no_thread_each_and_one_line_each";
    alone(test, &["1"], || {
        for (reader, mut writer) in channels() {
            let _stdin = replace(0, reader);
            let before = (os_threads(), flags(0));
            let one_line = || {
                let mut line = String::new();
                io::stdin().read_line(&mut line).unwrap();
                line
            };
            let waiting: Vec<_> = (0..WAITING).map(|_| thread::spawn(one_line)).collect();
            let_others_run();
            assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
            // None, or a thread of the pool that is idle or reads.
            assert!(os_threads() <= before.0 + 2, "{} threads", os_threads());
            assert_eq!(flags(0), before.1, "while they wait");
            let feeder = std::thread::spawn(move || {
                for n in 0..WAITING {
                    writeln!(writer, "line {n:03}").unwrap();
                }
                writer
            });
            let mut lines: Vec<String> = waiting.into_iter().map(|w| w.join().unwrap()).collect();
            lines.sort();
            let expected: Vec<String> = (0..WAITING).map(|n| format!("line {n:03}\n")).collect();
            assert_eq!(lines, expected);
            assert_eq!(flags(0), before.1, "afterwards");
            drop(feeder.join().unwrap());
        }
    });
}

#[test]
fn lines_come_while_a_thousand_connections_are_echoed_on_the_same_worker() {
    const CONNECTIONS: usize = 1000;
    const LINES: usize = 1000;
    let test = "crowds::lines_come_while_a_thousand_connections_are_echoed_on_the_same_worker";
    alone(test, &["1"], || {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let _stdin = replace(0, reader);
        let lines = thread::spawn(|| {
            let mut next = 0;
            for line in io::stdin().lines() {
                assert_eq!(line.unwrap(), next.to_string());
                next += 1;
            }
            next
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for _ in 0..CONNECTIONS {
                let (mut stream, _) = listener.accept().unwrap();
                thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
            }
        });
        let echoed = AtomicUsize::new(0);
        let mut streams: Vec<TcpStream> = (0..CONNECTIONS)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        server.join().unwrap();
        let feeder = std::thread::spawn(move || {
            for n in 0..LINES {
                writeln!(writer, "{n}").unwrap();
                std::thread::yield_now();
            }
        });
        thread::scope(|s| {
            for stream in &mut streams {
                s.spawn(|| {
                    for _ in 0..3 {
                        stream.write_all(b"hello").unwrap();
                        let mut back = [0; 5];
                        stream.read_exact(&mut back).unwrap();
                        assert_eq!(&back, b"hello");
                    }
                    echoed.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(lines.join().unwrap(), LINES);
        assert_eq!(echoed.load(Ordering::Relaxed), CONNECTIONS);
        feeder.join().unwrap();
    });
}

/// There is nothing to duplicate to: a thread of the pool waits instead.
#[test]
fn streams_wait_without_a_free_descriptor() {
    alone(
        "crowds::streams_wait_without_a_free_descriptor",
        &["os", "1", "2"],
        || {
            const LARGE: usize = 200_000;
            for _ in 0..2 {
                let (reader, mut feed) = std::io::pipe().unwrap();
                let (mut drain, writer) = std::io::pipe().unwrap();
                let streams = (replace(0, reader), replace(1, writer));
                let mut all = Vec::new();
                while let Ok(file) = File::open("/dev/null") {
                    all.push(file);
                }
                let peer = std::thread::spawn(move || {
                    feed.write_all(b"a line\n").unwrap();
                    let mut text = vec![0; LARGE];
                    drain.read_exact(&mut text).unwrap();
                    text
                });
                let mut line = String::new();
                io::stdin().read_line(&mut line).unwrap();
                io::stdout().write_all(&vec![b'x'; LARGE]).unwrap();
                io::stdout().flush().unwrap();
                let text = peer.join().unwrap();
                drop(all);
                drop(streams);
                assert_eq!(line, "a line\n");
                assert!(text == vec![b'x'; LARGE]);
            }
        },
    );
}
