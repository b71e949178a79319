//! No room at the other end: a listener that accepts nobody, a receiver that takes nothing. The helpers
//! that make room are OS threads with std's sockets; what waits has its names from the module above.

use super::net::{UnixDatagram, UnixStream};
use super::{around, thread};
use crate::ground::{Dir, SHORT, full_listener, full_receiver, is_nonblocking};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net as std_net;
use std::path::Path;
use std::time::{Duration, Instant};

/// Datagram sockets that are to send to a full queue at `path`: by its name, and connected to it.
fn senders(path: &Path) -> [(UnixDatagram, bool); 2] {
    let connected = UnixDatagram::unbound().unwrap();
    connected.connect(path).unwrap();
    [(UnixDatagram::unbound().unwrap(), false), (connected, true)]
}

fn send((socket, is_connected): &(UnixDatagram, bool), path: &Path) -> std::io::Result<usize> {
    match is_connected {
        true => socket.send(b"more"),
        false => socket.send_to(b"more", path),
    }
}

#[test]
fn connect_to_a_full_listener_waits_until_it_accepts() {
    around(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let (listener, queued) = full_listener(&path);
        let connectors: Vec<_> = (0..4)
            .map(|index: u8| {
                let path = path.clone();
                thread::spawn(move || {
                    let mut stream = UnixStream::connect(path).unwrap();
                    assert!(!is_nonblocking(&stream));
                    stream.write_all(&[index]).unwrap();
                    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                })
            })
            .collect();
        thread::sleep(SHORT);
        assert!(connectors.iter().all(|connector| !connector.is_finished()));
        let acceptor = std::thread::spawn(move || {
            listener.accept().unwrap();
            let mut got: Vec<u8> = (0..4)
                .map(|_| {
                    let mut byte = [0];
                    listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
                    byte[0]
                })
                .collect();
            got.sort_unstable();
            got
        });
        for connector in connectors {
            connector.join().unwrap();
        }
        assert_eq!(acceptor.join().unwrap(), [0, 1, 2, 3]);
        drop(queued);
    });
}

#[test]
fn connect_that_waits_is_refused_when_the_listener_goes() {
    around(|| {
        let dir = Dir::new();
        let (listener, _queued) = full_listener(&dir.path("socket"));
        let path = dir.path("socket");
        let connector = thread::spawn(move || UnixStream::connect(path).unwrap_err().kind());
        thread::sleep(SHORT);
        drop(listener);
        assert_eq!(connector.join().unwrap(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn send_to_a_full_queue_waits_until_there_is_room() {
    around(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let (receiver, queued) = full_receiver(&path);
        let waiting: Vec<_> = senders(&path)
            .into_iter()
            .map(|sender| {
                let path = path.clone();
                thread::spawn(move || send(&sender, &path).unwrap())
            })
            .collect();
        thread::sleep(SHORT);
        assert!(waiting.iter().all(|sender| !sender.is_finished()));
        let taker = std::thread::spawn(move || {
            let mut lens = Vec::new();
            for _ in 0..queued + 2 {
                lens.push(receiver.recv(&mut [0; 8]).unwrap());
            }
            lens.split_off(queued)
        });
        for sender in waiting {
            assert_eq!(sender.join().unwrap(), 4);
        }
        assert_eq!(taker.join().unwrap(), [4, 4]);
    });
}

#[test]
fn datagrams_to_a_slow_receiver_arrive_in_order() {
    around(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let receiver = std_net::UnixDatagram::bind(&path).unwrap();
        let taker = std::thread::spawn(move || {
            let mut buf = [0; 8];
            (0..400u16).all(|expected| {
                let len = receiver.recv(&mut buf).unwrap();
                buf[..len] == expected.to_le_bytes()
            })
        });
        let [(by_name, _), (connected, _)] = senders(&path);
        for number in 0..400u16 {
            let message = number.to_le_bytes();
            let sent = match number % 7 {
                0 => by_name.send_to(&message, &path),
                _ => connected.send(&message),
            };
            assert_eq!(sent.unwrap(), 2);
        }
        assert!(taker.join().unwrap());
    });
}

#[test]
fn send_to_a_full_queue_times_out_with_would_block() {
    around(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let (_receiver, _) = full_receiver(&path);
        for sender in senders(&path) {
            sender.0.set_write_timeout(Some(SHORT)).unwrap();
            let start = Instant::now();
            let error = send(&sender, &path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert!(start.elapsed() >= SHORT);
            sender.0.set_write_timeout(None).unwrap();
            sender.0.set_nonblocking(true).unwrap();
            let error = send(&sender, &path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    });
}

#[test]
fn send_that_waits_is_refused_when_the_receiver_goes() {
    around(|| {
        for index in 0..2 {
            let dir = Dir::new();
            let path = dir.path("socket");
            let (receiver, _) = full_receiver(&path);
            let sender = senders(&path).into_iter().nth(index).unwrap();
            let sender = thread::spawn(move || send(&sender, &path).unwrap_err().kind());
            thread::sleep(SHORT);
            drop(receiver);
            assert_eq!(sender.join().unwrap(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
fn connected_sender_that_is_pointed_elsewhere_goes_on() {
    around(|| {
        let dir = Dir::new();
        let (full, free) = (dir.path("full"), dir.path("free"));
        let (_receiver, _) = full_receiver(&full);
        let other = std_net::UnixDatagram::bind(&free).unwrap();
        let [_, (sender, _)] = senders(&full);
        sender
            .set_write_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        assert_eq!(sender.send(b"x").unwrap_err().kind(), ErrorKind::WouldBlock);
        sender.set_write_timeout(None).unwrap();
        sender.connect(&free).unwrap();
        assert_eq!(sender.send(b"free").unwrap(), 4);
        assert_eq!(other.recv(&mut [0; 8]).unwrap(), 4);
    });
}
