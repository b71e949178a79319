//! Handlers that do what handlers should not, and crowds that come only to be a burden.

use crate::ground::*;
use crate::watchdog::watchdog;
use greenroom::net::TcpStream;
use greenroom::{Runtime, thread};
use greenroom_servers::{Client, Datagram, Limits, TcpServer, UdpServer};
use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An error that cannot even be shown, or dropped.
#[derive(Debug)]
struct Nasty(u8);

impl fmt::Display for Nasty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert_ne!(self.0, b'd', "panicked while it was shown");
        f.write_str("nasty")
    }
}

impl Error for Nasty {}

impl Drop for Nasty {
    fn drop(&mut self) {
        assert_ne!(self.0, b'D', "panicked in its drop");
    }
}

#[test]
fn errors_that_panic_when_shown_or_dropped_end_one_client_and_no_member_of_a_pool() {
    in_every_mode(|case| {
        let parts = parts(|client| {
            let mut order = [0];
            client.read_exact(&mut order)?;
            match order[0] {
                b'P' => std::panic::panic_any(Nasty(b'D')),
                b'q' => client.write_all(b"fine"),
                order => Err(io::Error::other(Nasty(order))),
            }
        });
        let seen = Arc::clone(&parts.calls);
        let server = case.start(parts);
        // More than a pool has members.
        for order in *b"dDPdDPdDPq" {
            let stream = server.connect();
            (&stream).write_all(&[order]).unwrap();
            let answer = drained(&stream);
            assert!(answer.ends_with(b"."), "{order}: finish has run");
        }
        until(|| server.totals().open == 0);
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.open, totals.cut_off), (10, 0, 0));
        assert_eq!((totals.errors, totals.panics), (6, 3));
        assert_eq!(calls(&seen), [10, 10, 10]);
    });
}

#[test]
fn interrupt_that_a_handler_throws_again_elsewhere_takes_no_member_from_a_pool() {
    in_every_mode(|case| {
        let server = case.start(|client: &mut Client| {
            client.write_all(b"!")?;
            let mut kept = None;
            let outcome = greenroom::timeout(Duration::from_millis(1), || {
                let sleep = || thread::sleep(FOREVER);
                kept = catch_unwind(AssertUnwindSafe(sleep)).err();
            });
            assert!(outcome.is_err());
            resume_unwind(kept.unwrap_or_else(|| Box::new("it has slept")))
        });
        // More than a pool has members.
        for _ in 0..5 {
            assert_eq!(drained(&server.connect()), b"!");
        }
        until(|| server.totals().open == 0);
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.open), (5, 0));
    });
}

#[test]
fn shutdown_from_inside_a_handler_ends() {
    in_every_mode(|case| {
        // It takes seconds.
        if (case.workers, case.family) != (2, Family::Tcp) {
            return;
        }
        let cell = Arc::new(OnceLock::new());
        let inside = Arc::clone(&cell);
        let server = case.start(move |client: &mut Client| {
            client.write_all(b"!")?;
            client.read_exact(&mut [0])?;
            let stopper: &greenroom_servers::Stopper = inside.get().unwrap();
            stopper.shutdown(SHORT);
            Ok(())
        });
        cell.set(server.stopper()).ok().unwrap();
        let (address, stopper) = (server.address(), server.stopper());
        let stream = server.connect();
        assert_eq!(byte(&stream), b'!');
        let begun = Instant::now();
        (&stream).write_all(b"x").unwrap();
        drained(&stream);
        stopper.shutdown(FOREVER);
        until(|| stopper.totals().open == 0);
        assert!(begun.elapsed() < Duration::from_secs(8));
        assert!(address.connect().is_err());
    });
}

#[test]
fn ipv4_clients_of_an_ipv6_socket_are_limited_by_their_own_address() {
    let _watchdog = watchdog();
    let Ok(server) = TcpServer::bind("[::]:0") else {
        return;
    };
    let limits = Limits {
        clients_per_address_max: 1,
        ..generous()
    };
    let server = server.limits(limits).serve_in_background(obey).unwrap();
    let port = server.local_addr().port();
    let connect = |from: &str| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        let from: std::net::SocketAddr = format!("{from}:0").parse().unwrap();
        socket.bind(&from.into()).unwrap();
        let to: std::net::SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
        socket.connect(&to.into()).unwrap();
        greenroom_servers::Stream::from(TcpStream::from(std::net::TcpStream::from(socket)))
    };
    let first = connect("127.0.0.1");
    assert_eq!(byte(&first), b'!');
    assert_eq!(drained(&connect("127.0.0.1")), b"");
    // A neighbour is somebody else: not all of IPv4 is one network of IPv6.
    let other = connect("127.0.0.2");
    assert_eq!(byte(&other), b'!');
    assert_eq!(server.totals().rejected, 1);
}

/// Two OS threads that connect and connect, until it is dropped.
struct Flood {
    is_over: Arc<AtomicBool>,
    flooders: Vec<std::thread::JoinHandle<()>>,
}

impl Flood {
    fn of(address: &Address) -> Flood {
        let is_over = Arc::new(AtomicBool::new(false));
        let flooder = || {
            let (address, is_over) = (address.clone(), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let mut kept = std::collections::VecDeque::new();
                while !is_over.load(Ordering::Relaxed) {
                    match address.connect() {
                        Ok(stream) => kept.push_back(stream),
                        // Nobody listens any more: no reason to keep a processor from whoever still works.
                        Err(_) => std::thread::sleep(Duration::from_millis(1)),
                    }
                    if kept.len() > 200 {
                        kept.pop_front();
                    }
                }
            })
        };
        let flooders = vec![flooder(), flooder()];
        Flood { is_over, flooders }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for flooder in self.flooders.drain(..) {
            let _ = greenroom::unblock(|| flooder.join());
        }
    }
}

#[test]
fn flood_of_clients_that_are_sent_away_does_not_stop_the_one_inside() {
    in_every_mode(|case| {
        if matches!(case.mode, greenroom_servers::Concurrency::Inline) {
            return;
        }
        let limits = Limits {
            clients_max: 1,
            ..generous()
        };
        let server = case
            .server()
            .limits(limits)
            .reject_with("full\n")
            .start(obey);
        let inside = server.connect();
        assert_eq!(byte(&inside), b'!');
        let flood = Flood::of(&server.address());
        // It is there, and stays: each answer has to get past it.
        until(|| server.totals().rejected > 100);
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let begun = Instant::now();
            (&inside).write_all(b"x").unwrap();
            assert_eq!(byte(&inside), b'x');
            slowest = slowest.max(begun.elapsed());
        }
        until(|| server.totals().rejected > 1000);
        let begun = Instant::now();
        let totals = server.shutdown(SHORT);
        let end = begun.elapsed();
        drop(flood);
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        assert!(end < Duration::from_secs(8), "{end:?}, {totals:?}");
        assert_eq!((totals.accepted, totals.cut_off, totals.open), (1, 1, 0));
    });
}

#[test]
fn flood_of_datagrams_starves_neither_neighbours_nor_the_end() {
    let _watchdog = watchdog();
    for (workers, mode) in [1, 2].into_iter().flat_map(|w| MODES.map(|mode| (w, mode))) {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.run(|| {
            let server = UdpServer::bind("127.0.0.1:0").unwrap().concurrency(mode);
            let running = server
                .serve_in_background(|datagram: &Datagram| datagram.reply(datagram.bytes()))
                .unwrap();
            let address = running.local_addr();
            let is_over = Arc::new(AtomicBool::new(false));
            let flooders = [0, 1].map(|_| {
                let is_over = Arc::clone(&is_over);
                std::thread::spawn(move || {
                    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                    while !is_over.load(Ordering::Relaxed) {
                        let _ = socket.send_to(&[1; 100], address);
                    }
                })
            });
            until(|| running.totals().accepted > 2000);
            // A neighbour on the same workers goes on.
            let begun = Instant::now();
            let neighbour = thread::spawn(|| (0..100).for_each(|_| thread::yield_now()));
            neighbour.join().unwrap();
            let neighbours = begun.elapsed();
            let begun = Instant::now();
            let totals = running.shutdown(Duration::from_secs(20));
            is_over.store(true, Ordering::Relaxed);
            assert!(neighbours < Duration::from_secs(5), "{neighbours:?}");
            assert!(begun.elapsed() < Duration::from_secs(8));
            assert_eq!((totals.open, totals.cut_off, totals.panics), (0, 0, 0));
            assert_eq!(
                totals.bytes_in,
                (totals.accepted + totals.rejected) * 100,
                "each is counted"
            );
            for flooder in flooders {
                greenroom::unblock(|| flooder.join()).unwrap();
            }
        });
    }
}
