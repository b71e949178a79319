//! The end: grace, who is cut off, `finish`, and who asks for it from where.

use crate::ground::*;
use crate::watchdog::watchdog;
use greenroom::net::TcpListener;
use greenroom_servers::{Client, Concurrency, TcpServer};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn client_that_stays_is_cut_off_and_finished_when_shutdown_returns() {
    in_every_mode(|case| {
        let parts = parts(obey);
        let seen = Arc::clone(&parts.calls);
        let server = case.start(parts);
        let stream = server.connect();
        assert_eq!(byte(&stream), b'!');
        let begun = Instant::now();
        let totals = server.shutdown(SHORT);
        assert!(begun.elapsed() < Duration::from_secs(4), "by itself");
        assert!(begun.elapsed() >= SHORT, "not before the grace is over");
        assert_eq!((totals.accepted, totals.open, totals.cut_off), (1, 0, 1));
        assert_eq!((totals.errors, totals.panics), (0, 0));
        assert_eq!(calls(&seen), [1, 1, 1]);
        // An OS thread is ended by its socket: it cannot say good-bye.
        let goodbye: &[u8] = match case.mode {
            Concurrency::OsThread => b"",
            _ => b".",
        };
        assert_eq!(drained(&stream), goodbye);
    });
}

#[test]
fn clients_blocked_in_a_write_are_cut_off_too() {
    in_every_mode(|case| {
        let flood = |client: &mut Client| loop {
            client.write_all(&[1; 100_000])?;
        };
        let server = case.start(flood);
        let stream = server.connect();
        assert_eq!(byte(&stream), 1);
        let totals = server.shutdown(SHORT);
        assert_eq!((totals.open, totals.cut_off), (0, 1));
        drop(stream);
    });
}

#[test]
fn client_that_ends_within_the_grace_is_not_cut_off() {
    in_every_mode(|case| {
        let server = case.start(obey);
        let address = server.address();
        let stream = server.connect();
        assert_eq!(byte(&stream), b'!');
        let stopping = greenroom::thread::spawn(move || server.shutdown(FOREVER));
        // Nobody new is let in, while the old one is served.
        until(|| address.connect().is_err());
        (&stream).write_all(b"x").unwrap();
        assert_eq!(byte(&stream), b'x');
        (&stream).write_all(b"q").unwrap();
        let totals = stopping.join().unwrap();
        assert_eq!((totals.open, totals.cut_off), (0, 0));
        assert!(drained(&stream).is_empty());
    });
}

#[test]
fn server_that_serves_forever_is_stopped_from_an_os_thread() {
    in_every_mode(|case| {
        let server = case.server().limits(generous());
        let (stopper, address) = (server.stopper(), server.address());
        let handler = parts(obey);
        let seen = Arc::clone(&handler.calls);
        let serving = greenroom::thread::spawn(move || server.serve_forever(handler));
        let stream = address.connect().unwrap();
        assert_eq!(byte(&stream), b'!');
        let others = [1, 2].map(|_| {
            let stopper = stopper.clone();
            std::thread::spawn(move || stopper.shutdown(Duration::ZERO))
        });
        let totals = serving.join().unwrap();
        assert_eq!((totals.accepted, totals.open, totals.cut_off), (1, 0, 1));
        assert_eq!(calls(&seen), [1, 1, 1]);
        for other in others {
            assert_eq!(greenroom::unblock(|| other.join()).unwrap(), totals);
        }
        assert_eq!(stopper.shutdown(FOREVER), totals, "and once more");
    });
}

#[test]
fn server_runs_without_a_runtime_around_it() {
    let _watchdog = watchdog();
    for mode in MODES {
        let server = TcpServer::bind("127.0.0.1:0").unwrap().concurrency(mode);
        let (stopper, address) = (server.stopper(), server.local_addr().unwrap());
        let serving = std::thread::spawn(move || server.serve_forever(echo).unwrap());
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
        let totals = stopper.shutdown(Duration::ZERO);
        assert_eq!((totals.bytes_out, totals.cut_off), (5, 1));
        assert_eq!(serving.join().unwrap(), totals);
    }
}

#[test]
fn server_stopped_before_it_begins_never_does() {
    in_every_mode(|case| {
        let server = case.server();
        let (stopper, address) = (server.stopper(), server.address());
        assert_eq!(stopper.shutdown(FOREVER).accepted, 0);
        assert_eq!(server.serve_forever(echo).accepted, 0);
        assert!(address.connect().is_err());
    });
}

#[test]
fn cancelled_server_stops_accepting_and_leaves_its_clients_alone() {
    in_every_mode(|case| {
        let server = case.server().limits(generous());
        let address = server.address();
        let serving = greenroom::thread::spawn(move || server.serve_forever(obey));
        let stream = address.connect().unwrap();
        assert_eq!(byte(&stream), b'!');
        serving.cancel();
        assert!(serving.join().is_err());
        until(|| address.connect().is_err());
        (&stream).write_all(b"x").unwrap();
        assert_eq!(byte(&stream), b'x');
    });
}

#[test]
fn running_server_that_is_dropped_frees_its_port() {
    let _watchdog = watchdog();
    for mode in MODES {
        let server = TcpServer::bind("127.0.0.1:0").unwrap().concurrency(mode);
        let running = server.serve_in_background(echo).unwrap();
        let (address, stopper) = (running.local_addr(), running.stopper());
        drop(running);
        until(|| TcpListener::bind(address).is_ok());
        assert_eq!(stopper.shutdown(FOREVER).accepted, 0, "it is over");
    }
}

#[test]
fn handler_that_neither_parks_nor_ends_is_left_and_told_of() {
    let _watchdog = watchdog();
    // An OS thread: a green one would hold its worker.
    let is_over = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_over);
    let spin = move |client: &mut Client| -> io::Result<()> {
        client.write_all(b"!")?;
        while !flag.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        Ok(())
    };
    let server = TcpServer::bind("127.0.0.1:0")
        .unwrap()
        .concurrency(Concurrency::OsThread);
    let running = server.serve_in_background(spin).unwrap();
    let mut stream = greenroom::net::TcpStream::connect(running.local_addr()).unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let totals = running.shutdown(Duration::ZERO);
    assert_eq!((totals.open, totals.cut_off), (1, 0));
    is_over.store(true, Ordering::Relaxed);
}

#[test]
fn shutdown_races_with_clients_and_every_client_is_whole() {
    in_every_mode(|case| {
        for round in 0..15 {
            let handler = parts(obey);
            let seen = Arc::clone(&handler.calls);
            let server = case.start(handler);
            let (address, stopper) = (server.address(), server.stopper());
            let clients: Vec<_> = (0..6)
                .map(|_| {
                    let address = address.clone();
                    greenroom::thread::spawn(move || {
                        while let Ok(stream) = address.connect() {
                            let _ = (&stream).write_all(b"q");
                            drained(&stream);
                        }
                    })
                })
                .collect();
            until(|| server.totals().accepted > round);
            let grace = if round % 2 == 0 {
                Duration::ZERO
            } else {
                FOREVER
            };
            let totals = stopper.shutdown(grace);
            let [_, handled, finished] = calls(&seen);
            assert_eq!(totals.open, 0);
            assert_eq!(handled, finished);
            assert!(totals.cut_off == 0 || grace == Duration::ZERO, "{totals:?}");
            for client in clients {
                client.join().unwrap();
            }
            drop(server);
        }
    });
}
