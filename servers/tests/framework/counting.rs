//! What is counted, in every mode: however clients end.

use crate::ground::*;
use crate::logged;
use greenroom::net::Shutdown;
use greenroom_servers::{Client, Handler, Stream};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn clients_that_half_close_get_their_echoes_and_are_counted() {
    in_every_mode(|case| {
        let server = case.start(echo);
        let address = server.address();
        greenroom::thread::scope(|scope| {
            for _ in 0..40 {
                scope.spawn(|| {
                    let stream = address.connect().unwrap();
                    (&stream).write_all(b"hello").unwrap();
                    stream.shutdown(Shutdown::Write).unwrap();
                    assert_eq!(drained(&stream), b"hello");
                });
            }
        });
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.open, totals.rejected), (40, 0, 0));
        assert_eq!((totals.bytes_in, totals.bytes_out), (200, 200));
        assert_eq!((totals.errors, totals.panics, totals.timeouts), (0, 0, 0));
        assert_eq!(totals.cut_off, 0);
    });
}

#[test]
fn panic_and_error_end_one_client_and_are_counted_and_logged_once() {
    in_every_mode(|case| {
        let parts = parts(|client| {
            let name = format!("{:?}", client.peer());
            client.write_all(b"!")?;
            let mut order = [0];
            client.read_exact(&mut order)?;
            match order[0] {
                b'p' => panic!("told to panic by {name}"),
                b'e' => Err(io::Error::other(format!("told to fail by {name}"))),
                _ => Ok(()),
            }
        });
        let seen = Arc::clone(&parts.calls);
        let before = logged::count(log::Level::Error, "told to panic by");
        let server = case.start(parts);
        for order in *b"pepqpq" {
            let stream = server.connect();
            assert_eq!(byte(&stream), b'!');
            (&stream).write_all(&[order]).unwrap();
            assert_eq!(drained(&stream), b".");
        }
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.open), (6, 0));
        assert_eq!((totals.panics, totals.errors), (3, 1));
        assert_eq!((totals.bytes_in, totals.bytes_out), (6, 12));
        assert_eq!(calls(&seen), [6, 6, 6]);
        let lines = logged::count(log::Level::Error, "told to panic by");
        assert_eq!(lines - before, 3);
    });
}

#[test]
fn setup_that_fails_or_panics_is_the_end() {
    struct Picky;
    impl Handler for Picky {
        fn setup(&self, client: &mut Client) -> io::Result<()> {
            let mut order = [0];
            client.read_exact(&mut order)?;
            assert_ne!(order[0], b'p', "not this one");
            Err(io::Error::other("not this one either"))
        }

        fn handle(&self, client: &mut Client) -> io::Result<()> {
            client.write_all(b"handled")
        }

        fn finish(&self, client: &mut Client) {
            let _ = client.write_all(b"finished");
        }
    }
    in_every_mode(|case| {
        let server = case.start(Picky);
        for order in [b"p", b"e"] {
            let stream = server.connect();
            (&stream).write_all(order).unwrap();
            assert_eq!(drained(&stream), b"");
        }
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.panics, totals.errors, totals.open), (1, 1, 0));
    });
}

/// Closes with a reset, as far as the family has one.
fn reset(stream: Stream) {
    if let Stream::Tcp(stream) = &stream {
        let socket = socket2::SockRef::from(stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
    assert!(stream.as_fd().try_clone_to_owned().is_ok());
    drop(stream);
}

#[test]
fn hostile_clients_leave_the_server_as_it_was() {
    in_every_mode(|case| {
        let parts = parts(echo);
        let seen = Arc::clone(&parts.calls);
        let server = case.start(parts);
        // At once; after bytes that are never read back; in the middle.
        reset(server.connect());
        drop(server.connect());
        let never_reads = server.connect();
        (&never_reads).write_all(&[7; 1000]).unwrap();
        reset(never_reads);
        let stream = server.connect();
        (&stream).write_all(b"x").unwrap();
        assert_eq!(byte(&stream), b'x');
        reset(stream);
        // The last one is well served.
        let stream = server.connect();
        (&stream).write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(drained(&stream), b"hello.");
        until(|| server.totals().open == 0);
        let totals = server.shutdown(FOREVER);
        assert_eq!(totals.accepted as usize, calls(&seen)[1]);
        assert_eq!(calls(&seen)[1], calls(&seen)[2]);
        assert_eq!((totals.open, totals.panics, totals.cut_off), (0, 0, 0));
        assert!((3..=5).contains(&totals.accepted), "{totals:?}");
    });
}

#[test]
fn clients_that_panic_in_a_storm_are_all_counted() {
    in_every_mode(|case| {
        let server = case.start(|_: &mut Client| -> io::Result<()> { panic!("in a storm") });
        let address = server.address();
        greenroom::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        drained(&address.connect().unwrap());
                    }
                });
            }
        });
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.accepted, totals.panics), (200, 200));
        assert_eq!((totals.open, totals.errors), (0, 0));
    });
}

#[test]
fn two_green_threads_share_a_client_one_reads_one_writes() {
    in_every_mode(|case| {
        let server = case.start(|client: &mut Client| {
            let client = &*client;
            greenroom::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut writer = client;
                    (0..100).try_for_each(|_| writer.write_all(&[1; 100]))
                });
                let mut reader = client;
                reader.read_exact(&mut [0; 10_000])
            })
        });
        let stream = server.connect();
        (&stream).write_all(&[2; 10_000]).unwrap();
        assert_eq!(drained(&stream).len(), 10_000);
        let totals = server.shutdown(FOREVER);
        assert_eq!((totals.bytes_in, totals.bytes_out), (10_000, 10_000));
        assert_eq!(totals.errors, 0);
    });
}
