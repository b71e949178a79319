//! Waits of a `UdpSocket`: the worker goes on, and ends come from every side.
#![expect(unsafe_code, reason = "sets an option that std has not")]

use crate::watchdog::watchdog;
use greenroom::net::UdpSocket;
use greenroom::{Runtime, select, thread, timeout};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(60);

/// Runs `test` on a private runtime with one worker, then on one with two.
#[track_caller]
fn on_runtimes(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.run(&test);
    }
}

fn bound() -> (Arc<UdpSocket>, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    (Arc::new(socket), addr)
}

/// A socket whose sends fill up: UDP over loopback never does, a pair of Unix sockets does.
fn filling() -> (UdpSocket, UnixDatagram) {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    (UdpSocket::from(OwnedFd::from(ours)), theirs)
}

/// Sends until a datagram has found no room for a while, and says how many did.
fn fill(socket: &UdpSocket) -> usize {
    (0..)
        .take_while(|_| timeout(SHORT, || socket.send(b"full").unwrap()).is_ok())
        .count()
}

#[test]
fn datagrams_that_came_in_one_event_are_all_received() {
    on_runtimes(|| {
        let (socket, addr) = bound();
        let receiver = {
            let socket = Arc::clone(&socket);
            thread::spawn(move || {
                let mut buf = [0; 64];
                let sizes = [0; 3].map(|_: usize| socket.recv(&mut buf).unwrap());
                // Also by the other call, from the same socket that waited.
                assert_eq!(socket.recv_from(&mut buf).unwrap().0, 4);
                sizes
            })
        };
        thread::sleep(SHORT);
        // On one worker they come before the receiver can run again.
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for size in 1..=4 {
            sender.send_to(&[0; 4][..size], addr).unwrap();
        }
        let all = timeout(LONG, || receiver.join().unwrap());
        assert_eq!(all.expect("in time"), [1, 2, 3]);
    });
}

#[test]
fn many_receivers_of_one_socket_share_its_datagrams() {
    on_runtimes(|| {
        const RECEIVERS: usize = 20;
        // All of them together fit into the receive buffer: none is dropped.
        const EACH: usize = 10;
        let (socket, addr) = bound();
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|_| {
                let socket = Arc::clone(&socket);
                thread::spawn(move || {
                    let mut numbers = Vec::new();
                    for _ in 0..EACH {
                        let mut number = [0; 8];
                        assert_eq!(socket.recv(&mut number).unwrap(), 8);
                        numbers.push(usize::from_le_bytes(number));
                    }
                    numbers
                })
            })
            .collect();
        let (sender, _) = bound();
        for number in 0..RECEIVERS * EACH {
            sender.send_to(&number.to_le_bytes(), addr).unwrap();
            if number % 16 == 0 {
                thread::yield_now();
            }
        }
        let mut seen: Vec<_> = receivers
            .into_iter()
            .flat_map(|r| r.join().unwrap())
            .collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..RECEIVERS * EACH));
    });
}

#[test]
fn five_hundred_receivers_leave_their_worker_to_others() {
    let _watchdog = watchdog();
    let runtime = Runtime::builder().workers(1).build().unwrap();
    runtime.run(|| {
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        let sockets: Vec<_> = (0..500).map(|_| bound()).collect();
        let begun = Arc::new(AtomicUsize::new(0));
        let receivers: Vec<_> = sockets
            .iter()
            .map(|(socket, _)| {
                let (socket, begun) = (Arc::clone(socket), Arc::clone(&begun));
                thread::spawn(move || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    socket.recv_from(&mut [0; 8]).unwrap().0
                })
            })
            .collect();
        while begun.load(Ordering::Relaxed) < 500 {
            thread::yield_now();
        }
        // Other tests of this process have threads too, but no hundreds.
        assert!(threads() < 250, "receivers take no OS threads");
        let start = Instant::now();
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(start.elapsed() < Duration::from_secs(10));
        for (_, addr) in &sockets {
            sockets[0].0.send_to(b"done", addr).unwrap();
        }
        for receiver in receivers {
            assert_eq!(receiver.join().unwrap(), 4);
        }
    });
}

#[test]
fn send_to_a_full_buffer_parks_until_there_is_room() {
    on_runtimes(|| {
        let (socket, peer) = filling();
        let room = fill(&socket);
        assert!(room > 0);
        let sender = thread::spawn(move || {
            let sent = socket.send(b"last").unwrap();
            (socket, sent)
        });
        thread::sleep(SHORT);
        assert!(!sender.is_finished(), "it waits, and its worker does not");
        let mut buf = [0; 8];
        for _ in 0..room {
            assert_eq!(peer.recv(&mut buf).unwrap(), 4);
        }
        let (_socket, sent) = timeout(LONG, || sender.join().unwrap()).expect("in time");
        assert_eq!(sent, 4);
        assert_eq!((peer.recv(&mut buf).unwrap(), &buf[..4]), (4, &b"last"[..]));
        peer.set_nonblocking(true).unwrap();
        let nothing = peer.recv(&mut buf).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "sent once");
    });
}

#[test]
fn send_to_a_full_buffer_would_block_in_time_and_in_mode() {
    let body = || {
        let (socket, _peer) = filling();
        fill(&socket);
        socket.set_write_timeout(Some(SHORT)).unwrap();
        let start = Instant::now();
        let error = socket.send(b"late").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() >= SHORT);
        socket.set_nonblocking(true).unwrap();
        let error = socket.send(b"now").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    };
    on_runtimes(body);
    body();
}

#[test]
fn cancel_and_timeout_in_a_receive_leave_the_datagram() {
    on_runtimes(|| {
        let (socket, addr) = bound();
        let waiter = {
            let socket = Arc::clone(&socket);
            thread::spawn(move || socket.recv_from(&mut [0; 8]).unwrap())
        };
        thread::sleep(SHORT);
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<greenroom::Cancelled>());
        for wait in [UdpSocket::recv, UdpSocket::peek] {
            assert!(timeout(SHORT, || wait(&socket, &mut [0; 8])).is_err());
        }
        socket.send_to(b"kept", addr).unwrap();
        // Noticed at the entry, though there is something to take.
        let late = timeout(Duration::ZERO, || socket.recv(&mut [0; 8]));
        assert!(late.is_err());
        assert_eq!(socket.recv_from(&mut [0; 8]).unwrap(), (4, addr));
    });
}

#[test]
fn cancel_in_a_send_sends_nothing() {
    on_runtimes(|| {
        let (socket, peer) = filling();
        let room = fill(&socket);
        let sender = thread::spawn(move || {
            let _keep = &socket;
            socket.send(b"never").unwrap()
        });
        thread::sleep(SHORT);
        sender.cancel();
        assert!(sender.join().unwrap_err().is::<greenroom::Cancelled>());
        peer.set_nonblocking(true).unwrap();
        let received = std::iter::from_fn(|| peer.recv(&mut [0; 8]).ok()).count();
        assert_eq!(received, room);
    });
}

#[test]
fn select_waits_for_a_datagram_and_for_room() {
    on_runtimes(|| {
        let (socket, addr) = bound();
        let is_ready = select! {
            readable(socket) -> result => result.is_ok(),
            after(SHORT) => false,
        };
        assert!(!is_ready);
        let (sender, _) = bound();
        let later = thread::spawn(move || {
            thread::sleep(SHORT);
            sender.send_to(b"now", addr).unwrap()
        });
        select! {
            readable(socket) -> result => result.unwrap(),
            after(LONG) => panic!("too late"),
        }
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 3);
        later.join().unwrap();
        select! {
            writable(socket) -> result => result.unwrap(),
            after(LONG) => panic!("there is room"),
        }

        let (socket, peer) = filling();
        fill(&socket);
        let is_ready = select! {
            writable(socket) -> result => result.is_ok(),
            after(SHORT) => false,
        };
        assert!(!is_ready);
        let drain = thread::spawn(move || {
            thread::sleep(SHORT);
            peer.set_nonblocking(true).unwrap();
            while peer.recv(&mut [0; 8]).is_ok() {}
            peer
        });
        select! {
            writable(socket) -> result => result.unwrap(),
            after(LONG) => panic!("too late"),
        }
        assert_eq!(socket.send(b"room").unwrap(), 4);
        drain.join().unwrap();
    });
}

/// Makes the kernel keep errors in a queue of their own, which only recvmsg(2) can empty.
fn keep_errors(socket: &UdpSocket) {
    let on: libc::c_int = 1;
    let len = libc::socklen_t::try_from(size_of_val(&on)).unwrap();
    let (fd, value) = (socket.as_raw_fd(), (&raw const on).cast());
    // SAFETY: `value` points to one int.
    let set = unsafe { libc::setsockopt(fd, libc::IPPROTO_IP, libc::IP_RECVERR, value, len) };
    assert_eq!(set, 0);
}

#[test]
fn socket_with_errors_in_its_queue_waits_and_ends_in_time() {
    let body = || {
        let (socket, addr) = bound();
        keep_errors(&socket);
        // No other test binds this address.
        socket.connect("127.0.77.4:9").unwrap();
        socket.send(b"anybody?").unwrap();
        let refused = socket.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        socket.set_read_timeout(Some(SHORT)).unwrap();
        for _ in 0..2 {
            let start = Instant::now();
            let late = socket.recv(&mut [0; 8]).unwrap_err();
            assert_eq!(late.kind(), ErrorKind::WouldBlock);
            assert!(start.elapsed() >= SHORT && start.elapsed() < LONG);
        }
        assert!(timeout(SHORT, || socket.peek(&mut [0; 8])).is_err());
        socket.set_read_timeout(Some(LONG)).unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(peer.local_addr().unwrap()).unwrap();
        let sender = std::thread::spawn(move || {
            std::thread::sleep(10 * SHORT);
            peer.send_to(b"now", addr).unwrap()
        });
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 3);
        assert_eq!(sender.join().unwrap(), 3);
    };
    on_runtimes(body);
    let _watchdog = watchdog();
    body();
}
