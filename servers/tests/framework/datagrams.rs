//! The server of datagrams.

use crate::ground::{FOREVER, MODES, SHORT, until};
use crate::logged;
use crate::watchdog::watchdog;
use greenroom::net::UdpSocket;
use greenroom::sync::Event;
use greenroom::{Runtime, thread};
use greenroom_servers::{Concurrency, Datagram, DatagramHandler, UdpServer};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn upper(datagram: &Datagram) -> io::Result<()> {
    datagram.reply(&datagram.bytes().to_ascii_uppercase())
}

fn in_every_mode(test: impl Fn(Concurrency) + Sync) {
    let _watchdog = watchdog();
    logged::begin();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        for mode in MODES {
            println!("{mode:?}, {workers} workers");
            runtime.run(|| test(mode));
        }
    }
}

fn server(mode: Concurrency) -> UdpServer {
    UdpServer::bind("127.0.0.1:0").unwrap().concurrency(mode)
}

fn ask(server: std::net::SocketAddr, text: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut buf = vec![0; 65_536];
    socket.send_to(text, server).unwrap();
    let (count, peer) = socket.recv_from(&mut buf).unwrap();
    assert_eq!(peer, server);
    buf.truncate(count);
    buf
}

#[test]
fn datagrams_of_every_size_are_answered_and_counted() {
    in_every_mode(|mode| {
        let running = server(mode).serve_in_background(upper).unwrap();
        let sizes = [0, 1, 1500, 9000, 65_507];
        for size in sizes {
            assert_eq!(
                ask(running.local_addr(), &vec![b'a'; size]),
                vec![b'A'; size]
            );
        }
        let totals = running.shutdown(FOREVER);
        let bytes = sizes.iter().sum::<usize>() as u64;
        assert_eq!((totals.accepted, totals.open), (5, 0));
        assert_eq!((totals.bytes_in, totals.bytes_out), (bytes, bytes));
        assert_eq!((totals.rejected, totals.errors), (0, 0));
    });
}

#[test]
fn datagram_that_is_too_long_is_dropped_and_counted() {
    in_every_mode(|mode| {
        let running = server(mode)
            .bytes_max(10)
            .serve_in_background(upper)
            .unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for size in [11, 12, 1000] {
            socket
                .send_to(&vec![b'a'; size], running.local_addr())
                .unwrap();
        }
        assert_eq!(ask(running.local_addr(), &[b'a'; 10]), [b'A'; 10]);
        let totals = running.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.rejected), (1, 3));
    });
}

struct Parts {
    finished: Arc<AtomicUsize>,
}

impl DatagramHandler for Parts {
    fn handle(&self, datagram: &Datagram) -> io::Result<()> {
        match datagram.bytes() {
            b"panic" => panic!("told to by a datagram"),
            b"error" => Err(io::Error::other("told to by a datagram")),
            b"stay" => {
                datagram.reply(b"staying")?;
                thread::sleep(FOREVER);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&self, datagram: &Datagram) {
        thread::sleep(Duration::from_millis(1));
        let _ = datagram.reply(b"finished");
        self.finished.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn finish_runs_after_an_error_a_panic_and_a_cancel() {
    in_every_mode(|mode| {
        let finished = Arc::new(AtomicUsize::new(0));
        let handler = Parts {
            finished: Arc::clone(&finished),
        };
        let running = server(mode).serve_in_background(handler).unwrap();
        for text in [&b"panic"[..], b"error", b"fine"] {
            assert_eq!(ask(running.local_addr(), text), b"finished");
        }
        let is_endless = mode == Concurrency::OsThread;
        if !is_endless {
            assert_eq!(ask(running.local_addr(), b"stay"), b"staying");
        }
        let begun = Instant::now();
        let totals = running.shutdown(SHORT);
        assert!(begun.elapsed() < Duration::from_secs(4));
        let stayed = u64::from(!is_endless);
        assert_eq!((totals.panics, totals.errors), (1, 1));
        assert_eq!((totals.open, totals.cut_off), (0, stayed));
        assert_eq!(totals.accepted, 3 + stayed);
        assert_eq!(finished.load(Ordering::SeqCst) as u64, 3 + stayed);
    });
}

#[test]
fn flood_is_dropped_beyond_the_bound_and_counted() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Runtime::builder()
            .workers(workers)
            .build()
            .unwrap()
            .run(|| {
                let gate = Arc::new(Event::new());
                let open = Arc::clone(&gate);
                let handler = move |datagram: &Datagram| {
                    gate.wait();
                    datagram.reply(b"done")
                };
                let server = server(Concurrency::GreenThread).datagrams_max(8);
                let running = server.serve_in_background(handler).unwrap();
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                for sent in 1..=50 {
                    socket.send_to(b"x", running.local_addr()).unwrap();
                    let seen = || running.totals().accepted + running.totals().rejected;
                    until(|| seen() == sent);
                }
                let totals = running.totals();
                assert_eq!((totals.accepted, totals.rejected, totals.open), (8, 42, 8));
                open.set();
                until(|| running.totals().open == 0);
                assert_eq!(ask(running.local_addr(), b"x"), b"done");
                assert_eq!(running.shutdown(FOREVER).accepted, 9);
            });
    }
}

#[test]
fn shutdown_races_with_datagrams() {
    in_every_mode(|mode| {
        for _ in 0..20 {
            let running = server(mode).serve_in_background(upper).unwrap();
            let (address, stopper) = (running.local_addr(), running.stopper());
            let sender = thread::spawn(move || {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                loop {
                    let _ = socket.send_to(b"x", address);
                    thread::yield_now();
                }
            });
            until(|| running.totals().accepted > 3);
            let totals = stopper.shutdown(FOREVER);
            assert_eq!((totals.open, totals.cut_off), (0, 0));
            // On a busy machine the sender is ahead by more datagrams than may be open.
            assert_eq!(totals.accepted + totals.rejected, totals.bytes_in);
            sender.cancel();
            assert!(sender.join().is_err());
            assert_eq!(running.totals(), totals, "nothing after the end");
        }
    });
}
