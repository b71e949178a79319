//! `serve` on Unix sockets.

use crate::common::{FOREVER, Rt, watchdog};
use greenroom::net::{Server, serve};
use greenroom::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::io::{Read, Write};
use std::os::unix::net as std_net;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn unix_clients_are_all_served_on_every_worker() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let listener = UnixListener::bind("").unwrap();
            let server = serve(listener, |mut stream, _| {
                let mut text = [0; 5];
                stream.read_exact(&mut text).unwrap();
                stream.write_all(&text).unwrap();
            })
            .unwrap();
            let address = server.local_addr();
            greenroom::thread::scope(|scope| {
                for _ in 0..100 {
                    scope.spawn(|| {
                        let mut stream = UnixStream::connect_addr(&address).unwrap();
                        stream.write_all(b"hello").unwrap();
                        let mut text = String::new();
                        stream.read_to_string(&mut text).unwrap();
                        assert_eq!(text, "hello");
                    });
                }
            });
            let stats = server.finish(FOREVER);
            assert_eq!((stats.accepted, stats.open, stats.cut_off), (100, 0, 0));
            assert!(UnixStream::connect_addr(&address).is_err());
        });
    }
}

#[test]
fn unix_client_that_stays_is_cut_off_after_the_grace() {
    let _watchdog = watchdog();
    Rt::with_workers(2).run(|| {
        let server = serve(UnixListener::bind("").unwrap(), |mut stream, _| {
            let _ = stream.write_all(b"!");
            let _ = stream.read(&mut [0]);
        })
        .unwrap();
        let mut stream = UnixStream::connect_addr(&server.local_addr()).unwrap();
        stream.read_exact(&mut [0]).unwrap();
        let stats = server.finish(Duration::ZERO);
        assert_eq!((stats.accepted, stats.open, stats.cut_off), (1, 0, 1));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
}

/// Fewer than an acceptor's budget, and than a backlog.
const CROWD: usize = 100;

/// A few per worker.
const AHEAD_MAX: usize = 32;

/// A crowd that is there before anybody accepts.
fn crowd(address: &SocketAddr) -> Vec<std_net::UnixStream> {
    let connect = || std_net::UnixStream::connect_addr(address);
    (0..CROWD).map(|_| connect().unwrap()).collect()
}

#[test]
fn unix_acceptors_do_not_outrun_the_handlers() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let listener = UnixListener::bind("").unwrap();
            let crowd = crowd(&listener.local_addr().unwrap());
            let server = Arc::new(Mutex::new(None::<Server<SocketAddr>>));
            let (seen, begun) = (Arc::clone(&server), AtomicUsize::new(0));
            let ahead_max = Arc::new(AtomicUsize::new(0));
            let worst = Arc::clone(&ahead_max);
            let handler = move |_, _| {
                let begun = begun.fetch_add(1, Ordering::SeqCst);
                if let Some(server) = &*seen.lock().unwrap() {
                    let accepted = usize::try_from(server.stats().accepted).unwrap();
                    worst.fetch_max(accepted.saturating_sub(begun), Ordering::SeqCst);
                }
            };
            *server.lock().unwrap() = Some(serve(listener, handler).unwrap());
            for mut stream in crowd {
                greenroom::unblock(move || stream.read(&mut [0])).unwrap();
            }
            let server = server.lock().unwrap().take().unwrap();
            assert_eq!(server.finish(FOREVER).accepted, CROWD as u64);
            let ahead = ahead_max.load(Ordering::SeqCst);
            assert!(ahead <= AHEAD_MAX, "{ahead} of {CROWD}, {workers} workers");
        });
    }
}

#[test]
fn unix_accept_in_a_loop_that_spawns_does_not_outrun_what_it_spawns() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let listener = UnixListener::bind("").unwrap();
        let _crowd = crowd(&listener.local_addr().unwrap());
        let (begun, mut ahead_max) = (Arc::new(AtomicUsize::new(0)), 0);
        for accepted in 0..CROWD {
            let (_stream, _) = listener.accept().unwrap();
            ahead_max = ahead_max.max(accepted - begun.load(Ordering::SeqCst));
            let begun = Arc::clone(&begun);
            greenroom::thread::spawn(move || begun.fetch_add(1, Ordering::SeqCst));
        }
        assert!(ahead_max <= AHEAD_MAX, "{ahead_max} of {CROWD}");
    });
}

/// No connection waits in the queue while the acceptors sleep: each edge is told to somebody who takes all.
#[test]
fn unix_bursts_that_come_as_acceptors_fall_asleep_are_all_answered() {
    let _watchdog = watchdog();
    let rounds = 500;
    for workers in [1, 2, 4] {
        Rt::with_workers(workers).run(|| {
            let server = serve(UnixListener::bind("").unwrap(), |_, _| {}).unwrap();
            let address = server.local_addr();
            let visitors = [1, 2, 3].map(|burst| {
                let address = address.clone();
                std::thread::spawn(move || {
                    for _ in 0..rounds {
                        let connect = |_| std_net::UnixStream::connect_addr(&address).unwrap();
                        for mut stream in (0..burst).map(connect).collect::<Vec<_>>() {
                            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                        }
                    }
                })
            });
            for visitor in visitors {
                greenroom::unblock(|| visitor.join()).unwrap();
            }
            let stats = server.finish(FOREVER);
            assert_eq!((stats.accepted, stats.open), (6 * rounds, 0));
        });
    }
}

/// One worker has much to care for, the other computes: who comes now is not all sent there, to wait.
#[test]
fn unix_clients_are_not_all_sent_to_a_worker_that_computes() {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(2);
    rt.run(|| on(0).spawn(visit_while_the_other_computes).unwrap().join())
        .unwrap();
}

fn on(worker: usize) -> greenroom::thread::Builder {
    greenroom::thread::Builder::new().worker(worker)
}

fn visit_while_the_other_computes() {
    const CLIENTS: usize = 40;
    let sleep = || greenroom::thread::sleep(FOREVER);
    let cares: Vec<_> = (0..100).map(|_| on(0).spawn(sleep).unwrap()).collect();
    let server = serve(UnixListener::bind("").unwrap(), |_, _| {}).unwrap();
    let address = server.local_addr();
    // Begun, over.
    let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
    let theirs = Arc::clone(&flags);
    let compute = on(1).spawn(move || {
        theirs[0].store(true, Ordering::SeqCst);
        while !theirs[1].load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    while !flags[0].load(Ordering::SeqCst) {
        greenroom::thread::yield_now();
    }
    let visits = [(); CLIENTS].map(|()| {
        let mut stream = std_net::UnixStream::connect_addr(&address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        std::thread::spawn(move || stream.read(&mut [0]).is_ok())
    });
    let answers = visits.map(|visit| greenroom::unblock(|| visit.join()).unwrap());
    flags[1].store(true, Ordering::SeqCst);
    compute.unwrap().join().unwrap();
    let answered = answers.iter().filter(|&&is_answered| is_answered).count();
    assert!(answered >= CLIENTS / 2, "{answered} of {CLIENTS}");
    for care in &cares {
        care.cancel();
    }
    assert_eq!(server.finish(FOREVER).accepted, CLIENTS as u64);
}
