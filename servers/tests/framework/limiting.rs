//! Limits: of time, of clients, of clients from one address.

use crate::ground::*;
use crate::logged;
use greenroom_servers::{Client, Concurrency, Limits, Stream};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn idle(limit: Duration) -> Limits {
    Limits {
        idle_timeout: Some(limit),
        ..generous()
    }
}

fn request(limit: Duration) -> Limits {
    Limits {
        request_timeout: Some(limit),
        ..generous()
    }
}

#[test]
fn silent_client_is_closed_at_the_idle_limit() {
    in_every_mode(|case| {
        let parts = parts(echo);
        let seen = Arc::clone(&parts.calls);
        let server = case.server().limits(idle(SHORT)).start(parts);
        let begun = Instant::now();
        assert_eq!(drained(&server.connect()), b".");
        assert!(begun.elapsed() >= SHORT);
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.timeouts, totals.errors), (1, 1));
        assert_eq!(calls(&seen), [1, 1, 1]);
    });
}

#[test]
fn write_to_a_peer_that_reads_nothing_ends_at_the_idle_limit() {
    in_every_mode(|case| {
        let flood = |client: &mut Client| client.write_all(&vec![1; 64 << 20]);
        let server = case.server().limits(idle(SHORT)).start(flood);
        let stream = server.connect();
        until(|| server.totals().timeouts == 1);
        until(|| server.totals().open == 0);
        // What had left before is counted, byte for byte.
        let received = drained(&stream).len() as u64;
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.bytes_out, totals.errors), (received, 1));
    });
}

/// Reads a byte now and then, until the stream ends.
fn creep(mut stream: &Stream) {
    let socket = socket2::SockRef::from(stream);
    socket.set_recv_buffer_size(4096).unwrap();
    let begun = Instant::now();
    while stream.read(&mut [0; 64]).is_ok_and(|count| count > 0) {
        greenroom::thread::sleep(Duration::from_millis(2));
        if begun.elapsed() > Duration::from_secs(20) {
            break;
        }
    }
}

#[test]
fn write_to_a_peer_that_reads_a_byte_now_and_then_ends_too() {
    in_modes(&[Concurrency::GreenThread, Concurrency::OsThread], |case| {
        let rate = Limits {
            write_rate_min: 1 << 20,
            ..idle(SHORT * 10)
        };
        let rows = [
            (rate.clone(), 64 << 20),
            // Each write ends well, and long before its time.
            (rate, 100),
            (request(SHORT * 4), 64 << 20),
        ];
        for (limits, piece) in rows {
            let flood = move |client: &mut Client| {
                // Small buffers, or nothing would move for seconds, and then much at once.
                socket2::SockRef::from(&*client).set_send_buffer_size(4096)?;
                client.begin_request();
                let piece = vec![1; piece];
                loop {
                    client.write_all(&piece)?;
                }
            };
            let server = case.server().limits(limits).start(flood);
            let address = server.address();
            let reader = greenroom::thread::spawn(move || creep(&address.connect().unwrap()));
            until(|| server.totals().timeouts == 1);
            until(|| server.totals().open == 0);
            reader.cancel();
            let _ = reader.join();
            let totals = server.shutdown(FOREVER);
            assert_eq!((totals.errors, totals.panics), (1, 0));
        }
    });
}

#[test]
fn peer_that_reads_slowly_and_steadily_above_the_rate_gets_it_all() {
    in_modes(&[Concurrency::GreenThread, Concurrency::OsThread], |case| {
        let limits = Limits {
            write_rate_min: 1000,
            ..idle(SHORT * 300)
        };
        let answer = |client: &mut Client| {
            socket2::SockRef::from(&*client).set_send_buffer_size(16 << 10)?;
            client.write_all(&vec![1; 400_000])
        };
        let server = case.server().limits(limits).start(answer);
        let stream = server.connect();
        // Less than that and the kernel itself would wait for seconds.
        let socket = socket2::SockRef::from(&stream);
        socket.set_recv_buffer_size(64 << 10).unwrap();
        let mut read = 0;
        while let Ok(count @ 1..) = (&stream).read(&mut [0; 2048]) {
            read += count;
            greenroom::thread::sleep(Duration::from_millis(1));
        }
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.timeouts, totals.errors), (0, 0));
        assert_eq!((read, totals.bytes_out), (400_000, 400_000));
    });
}

#[test]
fn request_that_trickles_in_ends_at_its_limit_and_the_next_one_has_a_limit_of_its_own() {
    in_every_mode(|case| {
        let handler = |client: &mut Client| {
            for _ in 0..2 {
                client.begin_request();
                client.read_exact(&mut [0; 4])?;
                client.end_request();
                client.write_all(b"k")?;
            }
            client.begin_request();
            let error = client.read_exact(&mut [0; 4]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(error.to_string().contains("took too long"), "{error}");
            // It stays so, and after the end of the request all is well again.
            let error = client.read(&mut [0; 4]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            client.end_request();
            client.write_all(b"late")
        };
        let limit = SHORT * 10;
        let server = case.server().limits(request(limit)).start(handler);
        let stream = server.connect();
        let mut begun = Instant::now();
        for _ in 0..2 {
            // Before the third request can begin: the client may be late to hear of it.
            begun = Instant::now();
            (&stream).write_all(b"abcd").unwrap();
            assert_eq!(byte(&stream), b'k');
        }
        let mut answer = [0; 4];
        let trickle = stream.try_clone().unwrap();
        let writer = greenroom::thread::spawn(move || {
            for _ in 0..3 {
                (&trickle).write_all(b"x").unwrap();
                greenroom::thread::sleep(SHORT);
            }
        });
        (&stream).read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"late");
        assert!(begun.elapsed() >= limit, "{:?}", begun.elapsed());
        writer.join().unwrap();
        drop(stream);
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.timeouts, totals.errors, totals.panics), (2, 0, 0));
    });
}

#[test]
fn deadline_around_a_client_is_not_taken_for_its_own() {
    in_every_mode(|case| {
        let handler = |client: &mut Client| {
            client.begin_request();
            // The outer one first: it unwinds past the client's.
            let outer = greenroom::timeout(Duration::from_millis(5), || client.read(&mut [0]));
            assert!(outer.is_err());
            // The client's own first: an error, and the outer one has not elapsed.
            let inner = greenroom::timeout(FOREVER, || client.read(&mut [0]));
            assert_eq!(inner.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
            // Nothing was lost by either.
            client.end_request();
            client.write_all(b"!")?;
            client.read_exact(&mut [0; 3])
        };
        let server = case.server().limits(request(SHORT * 4)).start(handler);
        let stream = server.connect();
        assert_eq!(byte(&stream), b'!');
        (&stream).write_all(b"abc").unwrap();
        assert_eq!(drained(&stream), b"");
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.timeouts, totals.errors, totals.panics), (1, 0, 0));
        assert_eq!(totals.bytes_in, 3);
    });
}

#[test]
fn clients_beyond_the_limit_are_sent_away_with_a_word_and_places_come_back() {
    let modes = [
        Concurrency::GreenThread,
        Concurrency::OsThread,
        Concurrency::Pool(5),
    ];
    in_modes(&modes, |case| {
        let limits = Limits {
            clients_max: 2,
            ..generous()
        };
        let server = case
            .server()
            .limits(limits)
            .reject_with("full\n")
            .start(obey);
        let inside = [server.connect(), server.connect()];
        assert!(inside.iter().all(|stream| byte(stream) == b'!'));
        for _ in 0..3 {
            let stream = server.connect();
            // One who talks first gets the answer all the same.
            let _ = (&stream).write_all(&[1; 5000]);
            assert_eq!(drained(&stream), b"full\n");
        }
        let [first, second] = inside;
        drop(first);
        until(|| server.totals().open == 1);
        let third = server.connect();
        assert_eq!(byte(&third), b'!');
        drop((second, third));
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.rejected), (3, 3));
        assert_eq!((totals.errors, totals.open), (0, 0));
    });
}

#[test]
fn client_that_is_sent_away_and_never_reads_holds_nobody_up() {
    let modes = [Concurrency::GreenThread, Concurrency::Pool(2)];
    in_modes(&modes, |case| {
        let limits = Limits {
            clients_max: 1,
            ..generous()
        };
        let text = "x".repeat(8 << 20);
        let server = case.server().limits(limits).reject_with(&text).start(obey);
        let inside = server.connect();
        assert_eq!(byte(&inside), b'!');
        let _deaf: Vec<Stream> = (0..100).map(|_| server.connect()).collect();
        until(|| server.totals().rejected == 100);
        (&inside).write_all(b"x").unwrap();
        assert_eq!(byte(&inside), b'x');
        drop(inside);
        let begun = Instant::now();
        server.shutdown(Duration::from_secs(20));
        assert!(begun.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn clients_of_one_address_are_limited_and_logged_once_per_episode() {
    let modes = [
        Concurrency::GreenThread,
        Concurrency::OsThread,
        Concurrency::Pool(5),
    ];
    in_modes(&modes, |case| {
        if case.family == Family::Unix {
            return;
        }
        // A number that no other test has: the log is everybody's.
        let mine = 2 + case.workers;
        let limits = Limits {
            clients_per_address_max: mine,
            ..generous()
        };
        let text = format!("{mine} clients have come from one address");
        let before = logged::count(log::Level::Warn, &text);
        let server = case.server().limits(limits).start(obey);
        let inside: Vec<Stream> = (0..mine).map(|_| server.connect()).collect();
        assert!(inside.iter().all(|stream| byte(stream) == b'!'));
        for _ in 0..20 {
            assert_eq!(drained(&server.connect()), b"");
        }
        drop(inside);
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.rejected), (mine as u64, 20));
        assert_eq!(logged::count(log::Level::Warn, &text) - before, 1);
    });
}

#[test]
fn pool_accepts_nobody_while_all_its_members_are_busy() {
    for mode in [
        Concurrency::Inline,
        Concurrency::Pool(1),
        Concurrency::Pool(3),
    ] {
        in_modes(&[mode], |case| {
            let members = match mode {
                Concurrency::Pool(members) => members,
                _ => 1,
            };
            let working = Arc::new(AtomicUsize::new(0));
            let most = Arc::new(AtomicUsize::new(0));
            let (now, peak) = (Arc::clone(&working), Arc::clone(&most));
            let server = case.start(move |client: &mut Client| {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let outcome = obey(client);
                now.fetch_sub(1, Ordering::SeqCst);
                outcome
            });
            let clients: Vec<Stream> = (0..10).map(|_| server.connect()).collect();
            until(|| server.totals().accepted == members as u64);
            for stream in &clients {
                // Those who wait get their turn as others leave.
                assert_eq!(byte(stream), b'!');
                (&*stream).write_all(b"q").unwrap();
            }
            let totals = server.shutdown(FOREVER);
            assert_eq!((totals.accepted, totals.rejected), (10, 0));
            assert_eq!(most.load(Ordering::SeqCst), members);
        });
    }
}

#[test]
fn timeout_of_zero_is_refused_at_the_start() {
    let server = greenroom_servers::TcpServer::bind("127.0.0.1:0").unwrap();
    let stopper = server.stopper();
    let refused = server
        .limits(idle(Duration::ZERO))
        .serve_in_background(echo);
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(stopper.shutdown(FOREVER).accepted, 0);
}
