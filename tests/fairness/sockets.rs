//! Sockets stay heard: behind yield loops, busy registrars, ended runtimes, greedy neighbours.

use crate::watchdog::watchdog;
use crate::{Flag, pair, runtime, settle};
use greenroom::net::TcpStream;
use greenroom::thread::{self, Builder};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Registers the stream with the worker that runs this: a read of a silent socket parks.
fn register(stream: &TcpStream) {
    let mut reader = stream;
    let waited = greenroom::timeout(Duration::from_millis(5), || reader.read(&mut [0; 8]));
    assert!(waited.is_err(), "nothing was sent: {waited:?}");
}

/// Echoes until the peer ends.
fn echo(mut stream: &TcpStream) {
    let mut some = [0; 256];
    loop {
        match stream.read(&mut some) {
            Ok(0) => return,
            Ok(n) => stream.write_all(&some[..n]).unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Small messages there and back from an OS thread, then the end.
fn converse(mut client: std::net::TcpStream, rounds: u32) {
    for round in 0..rounds {
        let message = round.to_le_bytes();
        client.write_all(&message).unwrap();
        let mut answer = [0; 4];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(answer, message);
    }
}

#[test]
fn yield_loop_does_not_make_sockets_deaf() {
    let _watchdog = watchdog();
    let rt = runtime(1);
    let over = Flag::default();
    let at_end = over.raise_at_end();
    let yielding = over.clone();
    let yields = rt.spawn(move || {
        while !yielding.is_up() {
            thread::yield_now();
        }
    });
    let (stream, client) = pair();
    let server = rt.spawn(move || echo(&stream));
    converse(client, 200);
    server.join().unwrap();
    assert!(!yields.is_finished());
    drop(at_end);
    yields.join().unwrap();
}

#[test]
fn yield_loop_does_not_delay_timers_without_end() {
    let _watchdog = watchdog();
    let rt = runtime(1);
    let over = Flag::default();
    let (yielding, at_end) = (over.clone(), over.raise_at_end());
    let yields = rt.spawn(move || {
        while !yielding.is_up() {
            thread::yield_now();
        }
    });
    rt.run(|| (0..20).for_each(|_| thread::sleep(Duration::from_millis(1))));
    drop(at_end);
    yields.join().unwrap();
}

#[test]
fn yield_loop_does_not_make_sockets_deaf_nor_does_a_busy_registrar() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    rt.run(|| {
        let (stream, client) = pair();
        let on = |worker| Builder::new().worker(worker);
        let stream = on(0)
            .spawn(move || {
                register(&stream);
                stream
            })
            .unwrap()
            .join()
            .unwrap();
        let (busy, over) = (Flag::default(), Flag::default());
        let (begun, computing, at_end) = (busy.clone(), over.clone(), over.raise_at_end());
        // This very task may be worker 0's: from here on the parent stays out of the way.
        let computes = on(0)
            .spawn(move || {
                begun.raise();
                computing.compute_until_up();
            })
            .unwrap();
        let served = on(1)
            .spawn(move || {
                busy.compute_until_up();
                let speaker = std::thread::spawn(move || converse(client, 200));
                echo(&stream);
                speaker.join().unwrap();
                // Raised here, on worker 1: the parent may be behind the computing task.
                let was_busy = !over.is_up();
                over.raise();
                was_busy
            })
            .unwrap();
        assert!(served.join().unwrap());
        drop(at_end);
        computes.join().unwrap();
    });
}

#[test]
fn yield_loop_does_not_make_sockets_deaf_nor_does_the_end_of_their_runtime() {
    let _watchdog = watchdog();
    for on_green in [true, false] {
        let (ended, rt) = (runtime(2), runtime(1));
        let (stream, client) = pair();
        let stream = ended.run(move || {
            register(&stream);
            stream
        });
        let report = ended.shutdown(Duration::from_secs(10));
        assert_eq!(report.abandoned, Vec::<String>::new());
        let speaker = std::thread::spawn(move || converse(client, 100));
        if on_green {
            rt.run(|| echo(&stream));
        } else {
            echo(&stream);
        }
        speaker.join().unwrap();
    }
}

#[test]
fn waiter_through_a_runtime_that_ends_still_hears() {
    let _watchdog = watchdog();
    for _ in 0..10 {
        let (ending, rt) = (runtime(1), runtime(1));
        let (stream, mut client) = pair();
        let stream = Arc::new(stream);
        let read_one = |stream: Arc<TcpStream>| {
            move || {
                let mut byte = [0];
                (&*stream).read_exact(&mut byte).map(|()| byte[0])
            }
        };
        // Registered there, and somebody waits: the second waiter's wake crosses runtimes.
        let first = ending.spawn(read_one(Arc::clone(&stream)));
        settle();
        let second = rt.spawn(read_one(Arc::clone(&stream)));
        settle();
        ending.shutdown(Duration::from_secs(10));
        assert!(first.join().unwrap_err().is::<greenroom::Cancelled>());
        client.write_all(b"x").unwrap();
        assert_eq!(second.join().unwrap().unwrap(), b'x');
    }
}

#[test]
fn greedy_reader_does_not_starve_others() {
    /// Reads between two turns of a neighbour: the budget of 128, and room for a smaller one.
    const READS_MAX: usize = 256;
    const READS: usize = 20_000;
    let _watchdog = watchdog();
    let rt = runtime(1);
    let (stream, mut client) = pair();
    let over = Flag::default();
    let (flooding, at_end) = (over.clone(), over.raise_at_end());
    let flood = std::thread::spawn(move || {
        let some = [7; 64 * 1024];
        while !flooding.is_up() {
            match client.write(&some) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return,
                Err(error) => panic!("{error}"),
            }
        }
    });
    let reads = Arc::new(AtomicUsize::new(0));
    let (counter, reading) = (Arc::clone(&reads), over.clone());
    let greedy = rt.spawn(move || {
        let mut stream = stream;
        while !reading.is_up() {
            // Small, so that data is left nearly always.
            match stream.read(&mut [0; 16]).unwrap() {
                0 => return,
                _ => counter.fetch_add(1, Ordering::Relaxed),
            };
        }
    });
    let longest = rt.run(|| {
        let (mut longest, mut before) = (0, reads.load(Ordering::Relaxed));
        while before < READS {
            thread::yield_now();
            let now = reads.load(Ordering::Relaxed);
            longest = longest.max(now - before);
            before = now;
        }
        longest
    });
    drop(at_end);
    greedy.join().unwrap();
    flood.join().unwrap();
    assert!(longest <= READS_MAX, "{longest} reads without a turn");
}

#[test]
fn greedy_writer_does_not_starve_others() {
    let _watchdog = watchdog();
    let rt = runtime(1);
    let (mut stream, mut client) = pair();
    let over = Flag::default();
    let at_end = over.raise_at_end();
    let drain = move || while matches!(client.read(&mut [0; 65536]), Ok(1..)) {};
    let drain = std::thread::spawn(drain);
    let writing = over.clone();
    let greedy = rt.spawn(move || {
        while !writing.is_up() {
            stream.write_all(&[1; 16]).unwrap();
        }
    });
    let began = Instant::now();
    rt.run(|| (0..500).for_each(|_| thread::yield_now()));
    drop(at_end);
    greedy.join().unwrap();
    drain.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(30));
}
