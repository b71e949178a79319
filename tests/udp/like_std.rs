//! The same bodies against std's `UdpSocket` and greenroom's: what holds of one holds of the other.

use crate::around::{each_loopback, green, once};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(20);

macro_rules! same_tests {
    ($name:ident, $net:path, $thread:path, $sync:path, $around:path) => {
        mod $name {
            use super::*;
            use net::{Ipv4Addr, SocketAddr, UdpSocket};
            use std::io::ErrorKind;
            use std::panic::{RefUnwindSafe, UnwindSafe};
            use sync::mpsc::channel;
            use $net as net;
            use $sync as sync;
            use $thread as thread;

            fn bound(at: &str) -> (UdpSocket, SocketAddr) {
                let socket = UdpSocket::bind(at).unwrap();
                let addr = socket.local_addr().unwrap();
                (socket, addr)
            }

            fn is_shared<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

            #[test]
            fn socket_may_be_shared_and_unwound_past() {
                is_shared::<UdpSocket>();
            }

            #[test]
            fn bind_takes_every_form_of_address_and_the_first_that_can_be_had() {
                $around(|| {
                    let (_socket, addr) = bound("127.0.0.1:0");
                    let ip = Ipv4Addr::LOCALHOST;
                    let error = UdpSocket::bind(addr).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::AddrInUse);
                    let free = SocketAddr::from((ip, 0));
                    assert_ne!(
                        UdpSocket::bind(&[addr, free][..])
                            .unwrap()
                            .local_addr()
                            .unwrap(),
                        addr
                    );
                    UdpSocket::bind((ip, 0)).unwrap();
                    UdpSocket::bind(("127.0.0.1", 0)).unwrap();
                    UdpSocket::bind(&String::from("127.0.0.1:0")).unwrap();
                    UdpSocket::bind("localhost:0").unwrap();
                    let error = UdpSocket::bind("1.1.1.1:9999").unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
                });
            }

            #[test]
            fn datagram_reaches_a_waiting_receiver_with_its_senders_address() {
                $around(|| {
                    each_loopback(|at| {
                        let (server, server_addr) = bound(at);
                        let (client, client_addr) = bound(at);
                        let sender = thread::spawn(move || {
                            assert_eq!(client.send_to(&[99], server_addr).unwrap(), 1);
                            client
                        });
                        let mut buf = [0; 2];
                        assert_eq!(server.recv_from(&mut buf).unwrap(), (1, client_addr));
                        assert_eq!(buf, [99, 0]);
                        sender.join().unwrap();
                    });
                });
            }

            #[test]
            fn clones_answer_each_other_and_share_the_address() {
                $around(|| {
                    each_loopback(|at| {
                        let (ours, our_addr) = bound(at);
                        let (theirs, their_addr) = bound(at);
                        let echo = thread::spawn(move || {
                            let mut buf = [0; 2];
                            assert_eq!(theirs.recv_from(&mut buf).unwrap(), (1, our_addr));
                            theirs.send_to(&[buf[0] + 1], our_addr).unwrap();
                        });
                        let clone = ours.try_clone().unwrap();
                        assert_eq!(clone.local_addr().unwrap(), our_addr);
                        let (go, gone) = channel();
                        let sender = thread::spawn(move || {
                            gone.recv().unwrap();
                            clone.send_to(&[1], their_addr).unwrap();
                        });
                        go.send(()).unwrap();
                        let mut buf = [0; 2];
                        assert_eq!(ours.recv_from(&mut buf).unwrap(), (1, their_addr));
                        assert_eq!(buf[0], 2);
                        sender.join().unwrap();
                        echo.join().unwrap();
                    });
                });
            }

            #[test]
            fn two_clones_that_receive_get_one_datagram_each() {
                $around(|| {
                    each_loopback(|at| {
                        let (first, addr) = bound(at);
                        let second = first.try_clone().unwrap();
                        let (sender, _) = bound(at);
                        let receive = |socket: UdpSocket| {
                            thread::spawn(move || {
                                let mut buf = [0; 2];
                                assert_eq!(socket.recv_from(&mut buf).unwrap().0, 1);
                                buf[0]
                            })
                        };
                        let (first, second) = (receive(first), receive(second));
                        sender.send_to(&[1], addr).unwrap();
                        sender.send_to(&[2], addr).unwrap();
                        assert_eq!(first.join().unwrap() + second.join().unwrap(), 3);
                    });
                });
            }

            #[test]
            fn two_clones_that_send_both_get_through() {
                $around(|| {
                    each_loopback(|at| {
                        let (receiver, addr) = bound(at);
                        let (first, from) = bound(at);
                        let second = first.try_clone().unwrap();
                        let send = |socket: UdpSocket, byte| {
                            thread::spawn(move || socket.send_to(&[byte], addr).unwrap())
                        };
                        let senders = [send(first, 1), send(second, 2)];
                        let mut sum = 0;
                        for _ in 0..2 {
                            let mut buf = [0];
                            assert_eq!(receiver.recv_from(&mut buf).unwrap(), (1, from));
                            sum += buf[0];
                        }
                        assert_eq!(sum, 3);
                        for sender in senders {
                            assert_eq!(sender.join().unwrap(), 1);
                        }
                    });
                });
            }

            #[test]
            fn peer_is_unknown_until_connected_and_filters_what_comes() {
                $around(|| {
                    each_loopback(|at| {
                        let (ours, our_addr) = bound(at);
                        let (peer, peer_addr) = bound(at);
                        let (stranger, _) = bound(at);
                        let error = ours.peer_addr().unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::NotConnected);
                        ours.connect(peer_addr).unwrap();
                        assert_eq!(ours.peer_addr().unwrap(), peer_addr);
                        assert_eq!(ours.local_addr().unwrap(), our_addr);
                        stranger.send_to(b"stranger", our_addr).unwrap();
                        peer.send_to(b"peer", our_addr).unwrap();
                        let mut buf = [0; 16];
                        assert_eq!(ours.recv(&mut buf).unwrap(), 4);
                        assert_eq!(ours.send(b"back").unwrap(), 4);
                        assert_eq!(peer.recv_from(&mut buf).unwrap(), (4, our_addr));
                        // A second call replaces the peer.
                        ours.connect(stranger.local_addr().unwrap()).unwrap();
                        assert_eq!(ours.send_to(b"still", peer_addr).unwrap(), 5);
                        assert_eq!(peer.recv(&mut buf).unwrap(), 5);
                    });
                });
            }

            #[test]
            fn peek_leaves_the_datagram_and_tells_its_sender() {
                $around(|| {
                    each_loopback(|at| {
                        let (socket, addr) = bound(at);
                        socket.connect(addr).unwrap();
                        socket.send(b"hello world").unwrap();
                        for _ in 0..2 {
                            let mut buf = [0; 16];
                            assert_eq!(socket.peek(&mut buf).unwrap(), 11);
                            assert_eq!(&buf[..11], b"hello world");
                            assert_eq!(socket.peek_from(&mut buf[..5]).unwrap(), (5, addr));
                        }
                        let mut buf = [0; 16];
                        assert_eq!(socket.recv_from(&mut buf).unwrap(), (11, addr));
                        socket.set_nonblocking(true).unwrap();
                        let error = socket.peek(&mut buf).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    });
                });
            }

            #[test]
            fn datagrams_keep_their_ends_also_empty_and_cut_ones() {
                $around(|| {
                    each_loopback(|at| {
                        let (socket, addr) = bound(at);
                        for datagram in [&b""[..], b"abcdef", b"", b"xy"] {
                            assert_eq!(socket.send_to(datagram, addr).unwrap(), datagram.len());
                        }
                        let mut buf = [0; 4];
                        assert_eq!(socket.recv_from(&mut buf).unwrap(), (0, addr));
                        assert_eq!(socket.recv_from(&mut buf).unwrap(), (4, addr));
                        assert_eq!(&buf, b"abcd");
                        assert_eq!(socket.recv(&mut buf).unwrap(), 0);
                        // Without room a datagram is taken all the same.
                        assert_eq!(socket.recv(&mut []).unwrap(), 0);
                        socket.set_nonblocking(true).unwrap();
                        let error = socket.recv(&mut buf).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    });
                });
            }

            #[test]
            fn largest_datagram_gets_through_and_a_larger_one_is_refused() {
                const BYTES_MAX: usize = 65_507;
                $around(|| {
                    let (socket, addr) = bound("127.0.0.1:0");
                    let mut block = vec![7; BYTES_MAX];
                    assert_eq!(socket.send_to(&block, addr).unwrap(), BYTES_MAX);
                    assert_eq!(socket.recv(&mut [0; BYTES_MAX + 1]).unwrap(), BYTES_MAX);
                    block.push(7);
                    let error = socket.send_to(&block, addr).unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
                });
            }

            #[test]
            fn refusal_by_the_peers_host_ends_the_wait_of_a_receiver() {
                $around(|| {
                    let (socket, _) = bound("127.0.0.1:0");
                    // No other test binds a port of this address.
                    let closed = bound("127.0.77.1:0").1;
                    socket.connect(closed).unwrap();
                    let other = socket.try_clone().unwrap();
                    let receiver = thread::spawn(move || other.recv(&mut [0; 8]));
                    thread::sleep(SHORT);
                    let sent = socket.send(b"anybody?");
                    let received = receiver.join().unwrap().unwrap_err();
                    assert_eq!(sent.unwrap(), 8);
                    assert_eq!(received.kind(), ErrorKind::ConnectionRefused);
                    socket.send(b"anybody?").unwrap();
                    let start = Instant::now();
                    let error = loop {
                        if let Some(error) = socket.take_error().unwrap() {
                            break error;
                        }
                        assert!(start.elapsed() < Duration::from_secs(60));
                        thread::yield_now();
                    };
                    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                    assert!(socket.take_error().unwrap().is_none());
                });
            }

            #[test]
            fn timeouts_are_kept_shared_and_taken_back() {
                $around(|| {
                    let (socket, _) = bound("127.0.0.1:0");
                    let clone = socket.try_clone().unwrap();
                    let long = Duration::new(15410, 0);
                    assert_eq!(socket.read_timeout().unwrap(), None);
                    assert_eq!(socket.write_timeout().unwrap(), None);
                    socket.set_read_timeout(Some(long)).unwrap();
                    assert_eq!(clone.read_timeout().unwrap(), Some(long));
                    assert_eq!(clone.write_timeout().unwrap(), None);
                    clone.set_write_timeout(Some(long)).unwrap();
                    assert_eq!(socket.write_timeout().unwrap(), Some(long));
                    socket.set_read_timeout(None).unwrap();
                    socket.set_write_timeout(None).unwrap();
                    assert_eq!(clone.read_timeout().unwrap(), None);
                    assert_eq!(clone.write_timeout().unwrap(), None);
                    for result in [
                        socket.set_read_timeout(Some(Duration::ZERO)),
                        socket.set_write_timeout(Some(Duration::ZERO)),
                    ] {
                        let error = result.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::InvalidInput);
                        assert_eq!(error.to_string(), "cannot set a 0 duration timeout");
                    }
                    // Below the kernel's unit, and beyond all.
                    socket
                        .set_read_timeout(Some(Duration::from_nanos(1)))
                        .unwrap();
                    assert_eq!(
                        socket.recv(&mut [0]).unwrap_err().kind(),
                        ErrorKind::WouldBlock
                    );
                    socket.set_read_timeout(Some(Duration::MAX)).unwrap();
                    socket.send_to(&[1], socket.local_addr().unwrap()).unwrap();
                    assert_eq!(socket.recv(&mut [0]).unwrap(), 1);
                });
            }

            #[test]
            fn receive_that_waits_too_long_would_block_and_not_early() {
                $around(|| {
                    let (socket, addr) = bound("127.0.0.1:0");
                    socket.set_read_timeout(Some(SHORT)).unwrap();
                    let mut buf = [0; 11];
                    for _ in 0..2 {
                        let start = Instant::now();
                        let error = socket.recv_from(&mut buf).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        // The kernel counts in ticks of 4 ms.
                        assert!(start.elapsed() >= SHORT - Duration::from_millis(5));
                        socket.send_to(b"hello world", addr).unwrap();
                        assert_eq!(socket.recv_from(&mut buf).unwrap(), (11, addr));
                        assert_eq!(&buf, b"hello world");
                    }
                });
            }

            #[test]
            fn mode_switches_forth_and_back_for_all_clones() {
                $around(|| {
                    each_loopback(|at| {
                        let (socket, addr) = bound(at);
                        let clone = socket.try_clone().unwrap();
                        socket.set_nonblocking(true).unwrap();
                        socket.set_nonblocking(false).unwrap();
                        socket.connect(addr).unwrap();
                        clone.set_nonblocking(true).unwrap();
                        for result in [socket.recv(&mut [0]), clone.peek(&mut [0])] {
                            assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
                        }
                        socket.send(&[1]).unwrap();
                        let start = Instant::now();
                        while let Err(error) = clone.peek(&mut [0]) {
                            assert_eq!(error.kind(), ErrorKind::WouldBlock);
                            assert!(start.elapsed() < Duration::from_secs(60));
                        }
                        assert_eq!(clone.recv_from(&mut [0]).unwrap(), (1, addr));
                        socket.set_nonblocking(false).unwrap();
                        let waiter = thread::spawn(move || clone.recv(&mut [0]).unwrap());
                        thread::sleep(SHORT);
                        assert!(!waiter.is_finished());
                        socket.send(&[2]).unwrap();
                        assert_eq!(waiter.join().unwrap(), 1);
                    });
                });
            }

            #[test]
            fn multicast_datagrams_reach_who_has_joined() {
                $around(|| {
                    let group = Ipv4Addr::new(239, 77, 5, 1);
                    let local = Ipv4Addr::LOCALHOST;
                    let (receiver, addr) = bound("0.0.0.0:0");
                    let (sender, from) = bound("127.0.0.1:0");
                    receiver.join_multicast_v4(&group, &local).unwrap();
                    sender.send_to(b"all", (group, addr.port())).unwrap();
                    receiver
                        .set_read_timeout(Some(Duration::from_secs(60)))
                        .unwrap();
                    assert_eq!(receiver.recv_from(&mut [0; 8]).unwrap(), (3, from));
                    receiver.leave_multicast_v4(&group, &local).unwrap();
                    sender.send_to(b"all", (group, addr.port())).unwrap();
                    receiver.set_nonblocking(true).unwrap();
                    let error = receiver.recv(&mut [0; 8]).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                });
            }
        }
    };
}

same_tests!(of_std, std::net, std::thread, std::sync, once);
same_tests!(
    of_greenroom,
    greenroom::net,
    greenroom::thread,
    greenroom::sync,
    green
);
same_tests!(
    of_greenroom_on_os_threads,
    greenroom::net,
    std::thread,
    std::sync,
    once
);
