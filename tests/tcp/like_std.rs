//! The same bodies against std's TCP and greenroom's: what holds of one holds of the other.
//!
//! What std's own tests assert of `TcpStream` and `TcpListener` is asserted here or in the files beside.

use crate::around::{each_loopback, green, once};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(20);

macro_rules! same_tests {
    ($name:ident, $net:path, $linux:path, $thread:path, $sync:path, $around:path) => {
        mod $name {
            use super::*;
            use linux::TcpStreamExt;
            use net::{Shutdown, SocketAddr, TcpListener, TcpStream};
            use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
            use std::os::fd::AsRawFd;
            use sync::mpsc::channel;
            use $linux as linux;
            use $net as net;
            use $sync as sync;
            use $thread as thread;

            fn listening(at: &str) -> (TcpListener, SocketAddr) {
                let listener = TcpListener::bind(at).unwrap();
                let addr = listener.local_addr().unwrap();
                (listener, addr)
            }

            /// A client and what the listener got of it.
            fn pair(at: &str) -> (TcpStream, TcpStream) {
                let (listener, addr) = listening(at);
                let client = TcpStream::connect(addr).unwrap();
                (client, listener.accept().unwrap().0)
            }

            #[test]
            fn foreign_and_doubled_addresses_are_refused() {
                $around(|| {
                    let error = TcpListener::bind("1.1.1.1:9999").unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
                    let error = TcpStream::connect("0.0.0.0:1").unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                    each_loopback(|at| {
                        let (_first, addr) = listening(at);
                        let error = TcpListener::bind(addr).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::AddrInUse);
                    });
                });
            }

            #[test]
            fn port_may_be_listened_on_again_at_once() {
                $around(|| {
                    each_loopback(|at| {
                        let (listener, addr) = listening(at);
                        let client = TcpStream::connect(addr).unwrap();
                        let (mut server, _) = listener.accept().unwrap();
                        // This end closes first, so its address lingers in TIME_WAIT.
                        server.shutdown(Shutdown::Both).unwrap();
                        assert_eq!((&client).read(&mut [0]).unwrap(), 0);
                        assert_eq!(server.read(&mut [0]).unwrap(), 0);
                        drop((client, server, listener));
                        let listener = TcpListener::bind(addr).unwrap();
                        let _client = TcpStream::connect(addr).unwrap();
                        listener.accept().unwrap();
                    });
                });
            }

            #[test]
            fn connections_by_name_and_by_text_carry_bytes_and_addresses() {
                $around(|| {
                    each_loopback(|at| {
                        let (listener, addr) = listening(at);
                        let host = addr.ip().to_string();
                        let client = thread::spawn(move || {
                            let mut stream =
                                TcpStream::connect((host.as_str(), addr.port())).unwrap();
                            assert_eq!(stream.peer_addr().unwrap(), addr);
                            assert_eq!(stream.write(&[66]).unwrap(), 1);
                            stream.local_addr().unwrap()
                        });
                        let (mut stream, peer) = listener.accept().unwrap();
                        let mut buf = [0; 2];
                        assert_eq!(stream.read(&mut buf).unwrap(), 1);
                        assert_eq!(buf, [66, 0]);
                        // The peer has gone: the end of the stream, again and again.
                        assert_eq!(client.join().unwrap(), peer);
                        assert_eq!(stream.read(&mut buf).unwrap(), 0);
                        assert_eq!(stream.read(&mut buf).unwrap(), 0);
                    });
                    let (listener, addr) = listening("127.0.0.1:0");
                    let stream = TcpStream::connect(("localhost", addr.port())).unwrap();
                    assert_eq!(listener.accept().unwrap().1, stream.local_addr().unwrap());
                });
            }

            #[test]
            fn write_after_the_peer_closed_is_taken_or_fails_as_broken() {
                $around(|| {
                    each_loopback(|at| {
                        let (client, mut server) = pair(at);
                        drop(client);
                        // The first may be queued; its answer is a reset, so one of the next fails.
                        let start = Instant::now();
                        let error = loop {
                            match server.write(&[0]) {
                                Ok(count) => assert_eq!(count, 1),
                                Err(error) => break error,
                            }
                            assert!(start.elapsed() < Duration::from_secs(60));
                        };
                        let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                        assert!(kinds.contains(&error.kind()), "{error}");
                    });
                });
            }

            #[test]
            fn connections_one_after_the_other_all_arrive() {
                const COUNT: u8 = 10;
                $around(|| {
                    each_loopback(|at| {
                        let (listener, addr) = listening(at);
                        let clients = thread::spawn(move || {
                            for number in 0..COUNT {
                                let mut stream = TcpStream::connect(addr).unwrap();
                                stream.write_all(&[number]).unwrap();
                            }
                        });
                        for (number, stream) in (0..COUNT).zip(listener.incoming()) {
                            let mut buf = [0];
                            stream.unwrap().read_exact(&mut buf).unwrap();
                            assert_eq!(buf[0], number);
                        }
                        clients.join().unwrap();
                    });
                });
            }

            /// Connects, lets `rest` others do so before it writes.
            fn connect_and_then(rest: u8, addr: SocketAddr) {
                let client = thread::spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    if rest > 0 {
                        connect_and_then(rest - 1, addr);
                    }
                    stream.write_all(&[rest]).unwrap();
                });
                client.join().unwrap();
            }

            #[test]
            fn connections_that_write_in_the_opposite_order_are_told_apart() {
                const COUNT: u8 = 10;
                $around(|| {
                    each_loopback(|at| {
                        let (listener, addr) = listening(at);
                        let server = thread::spawn(move || {
                            let serve = |stream: std::io::Result<TcpStream>| {
                                thread::spawn(move || {
                                    let mut buf = [0];
                                    stream.unwrap().read_exact(&mut buf).unwrap();
                                    buf[0]
                                })
                            };
                            let incoming = listener.incoming().take(COUNT.into());
                            let all: Vec<_> = incoming.map(serve).collect();
                            let read = all.into_iter().map(|one| one.join().unwrap());
                            read.collect::<Vec<u8>>()
                        });
                        connect_and_then(COUNT - 1, addr);
                        let read = server.join().unwrap();
                        assert!(read.into_iter().eq((0..COUNT).rev()));
                    });
                });
            }

            #[test]
            fn read_returns_what_there_is() {
                $around(|| {
                    each_loopback(|at| {
                        let (mut client, mut server) = pair(at);
                        let answer = thread::spawn(move || {
                            server.write_all(&[10]).unwrap();
                            server.read(&mut [0]).unwrap()
                        });
                        assert_eq!(client.read(&mut [0; 10]).unwrap(), 1);
                        client.write_all(&[1]).unwrap();
                        assert_eq!(answer.join().unwrap(), 1);
                    });
                });
            }

            #[test]
            fn vectored_calls_use_the_buffers_in_order() {
                $around(|| {
                    each_loopback(|at| {
                        let (mut client, mut server) = pair(at);
                        let parts = [&[][..], &[10], &[11, 12]].map(IoSlice::new);
                        assert_eq!(client.write_vectored(&parts).unwrap(), 3);
                        let (mut a, mut b, mut c) = ([], [0], [0; 3]);
                        let mut room = [&mut a[..], &mut b, &mut c].map(IoSliceMut::new);
                        assert_eq!(server.read_vectored(&mut room).unwrap(), 3);
                        assert_eq!((b, c), ([10], [11, 12, 0]));
                    });
                });
            }

            #[test]
            fn clones_read_and_write_one_connection() {
                $around(|| {
                    each_loopback(|at| {
                        let (mut client, mut server) = pair(at);
                        let mut clone = server.try_clone().unwrap();
                        let (go, gone) = channel();
                        let writer = thread::spawn(move || {
                            gone.recv().unwrap();
                            clone.write_all(&[1]).unwrap();
                        });
                        let echo = thread::spawn(move || {
                            let mut buf = [0; 2];
                            assert_eq!(client.read(&mut buf).unwrap(), 1);
                            client.write_all(&[buf[0] + 1]).unwrap();
                        });
                        go.send(()).unwrap();
                        let mut buf = [0; 2];
                        assert_eq!(server.read(&mut buf).unwrap(), 1);
                        assert_eq!(buf[0], 2);
                        writer.join().unwrap();
                        echo.join().unwrap();
                    });
                });
            }

            #[test]
            fn two_clones_that_read_or_write_each_get_their_turn() {
                $around(|| {
                    each_loopback(|at| {
                        let (client, server) = pair(at);
                        let read = |mut stream: TcpStream| {
                            thread::spawn(move || {
                                let mut buf = [0];
                                stream.read_exact(&mut buf).unwrap();
                                buf[0]
                            })
                        };
                        let write = |mut stream: TcpStream, byte| {
                            thread::spawn(move || stream.write(&[byte]).unwrap())
                        };
                        let readers = [read(server.try_clone().unwrap()), read(server)];
                        let writers = [write(client.try_clone().unwrap(), 1), write(client, 2)];
                        let sum: u8 = readers.into_iter().map(|one| one.join().unwrap()).sum();
                        assert_eq!(sum, 3);
                        for writer in writers {
                            assert_eq!(writer.join().unwrap(), 1);
                        }
                    });
                });
            }

            #[test]
            fn clone_made_while_another_reads_disturbs_nothing() {
                $around(|| {
                    each_loopback(|at| {
                        let (mut client, server) = pair(at);
                        let mut clone = server.try_clone().unwrap();
                        let reader = thread::spawn(move || clone.read(&mut [0]).unwrap());
                        for _ in 0..50 {
                            thread::yield_now();
                        }
                        drop(server.try_clone().unwrap());
                        client.write_all(&[0]).unwrap();
                        assert_eq!(reader.join().unwrap(), 1);
                    });
                });
            }

            #[test]
            fn listeners_clones_accept_beside_it() {
                $around(|| {
                    each_loopback(|at| {
                        let (first, addr) = listening(at);
                        let second = first.try_clone().unwrap();
                        let accept = |listener: TcpListener| {
                            thread::spawn(move || drop(listener.accept().unwrap()))
                        };
                        let acceptors = [accept(first), accept(second)];
                        for _ in 0..2 {
                            thread::spawn(move || drop(TcpStream::connect(addr)));
                        }
                        for acceptor in acceptors {
                            acceptor.join().unwrap();
                        }
                    });
                });
            }

            #[test]
            fn shutdown_of_writing_lets_the_answer_through() {
                $around(|| {
                    each_loopback(|at| {
                        let (mut client, mut server) = pair(at);
                        client.shutdown(Shutdown::Write).unwrap();
                        let error = client.write(&[1]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                        assert_eq!(server.read(&mut [0]).unwrap(), 0);
                        server.write_all(&[1]).unwrap();
                        let mut buf = [0; 2];
                        assert_eq!(client.read(&mut buf).unwrap(), 1);
                        assert_eq!(buf[0], 1);
                    });
                });
            }

            #[test]
            fn shutdown_ends_clones_made_before_and_after() {
                $around(|| {
                    each_loopback(|at| {
                        let (first, _server) = pair(at);
                        let before = first.try_clone().unwrap();
                        first.shutdown(Shutdown::Write).unwrap();
                        first.shutdown(Shutdown::Read).unwrap();
                        let after = first.try_clone().unwrap();
                        for mut stream in [first, before, after] {
                            assert!(stream.write(&[0]).is_err());
                            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                            // Again does no harm, whatever it says.
                            let _ = stream.shutdown(Shutdown::Read);
                            let _ = stream.shutdown(Shutdown::Write);
                        }
                    });
                });
            }

            #[test]
            fn shutdown_of_reading_ends_the_wait_of_a_reader() {
                $around(|| {
                    each_loopback(|at| {
                        let (mut client, _server) = pair(at);
                        let clone = client.try_clone().unwrap();
                        let closer = thread::spawn(move || {
                            thread::sleep(SHORT);
                            clone.shutdown(Shutdown::Read).unwrap();
                        });
                        assert_eq!(client.read(&mut [0]).unwrap(), 0);
                        closer.join().unwrap();
                    });
                });
            }

            #[test]
            fn timeouts_options_and_texts_are_as_set() {
                $around(|| {
                    let (listener, addr) = listening("127.0.0.1:0");
                    let stream = TcpStream::connect(("localhost", addr.port())).unwrap();
                    let long = Duration::new(15410, 0);
                    for value in [Some(long), None] {
                        stream.set_read_timeout(value).unwrap();
                        stream.set_write_timeout(value).unwrap();
                        assert_eq!(stream.read_timeout().unwrap(), value);
                        assert_eq!(stream.write_timeout().unwrap(), value);
                    }
                    for on in [false, true, false] {
                        stream.set_nodelay(on).unwrap();
                        assert_eq!(stream.nodelay().unwrap(), on);
                        stream.set_quickack(on).unwrap();
                        assert_eq!(stream.quickack().unwrap(), on);
                    }
                    listener.set_ttl(100).unwrap();
                    stream.set_ttl(101).unwrap();
                    assert_eq!((listener.ttl().unwrap(), stream.ttl().unwrap()), (100, 101));
                    let fd = listener.as_raw_fd();
                    let text = format!("TcpListener {{ addr: {addr:?}, fd: {fd} }}");
                    assert_eq!(format!("{listener:?}"), text);
                    let (fd, local) = (stream.as_raw_fd(), stream.local_addr().unwrap());
                    let text = format!("TcpStream {{ addr: {local:?}, peer: {addr:?}, fd: {fd} }}");
                    assert_eq!(format!("{stream:?}"), text);
                });
            }

            #[test]
            fn read_that_waits_too_long_would_block_and_not_early() {
                $around(|| {
                    let (mut client, mut server) = pair("127.0.0.1:0");
                    client.set_read_timeout(Some(SHORT)).unwrap();
                    server.write_all(b"hello world").unwrap();
                    let mut buf = [0; 11];
                    client.read_exact(&mut buf).unwrap();
                    assert_eq!(&buf, b"hello world");
                    let start = Instant::now();
                    let error = client.read_exact(&mut buf).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    // The kernel counts in ticks of 4 ms.
                    assert!(start.elapsed() >= SHORT - Duration::from_millis(5));
                });
            }

            #[test]
            fn peek_and_mode_do_as_they_say() {
                $around(|| {
                    each_loopback(|at| {
                        let (mut client, mut server) = pair(at);
                        server.write_all(&[1, 3, 3, 7]).unwrap();
                        let mut buf = [0; 10];
                        for _ in 0..2 {
                            assert_eq!(client.peek(&mut buf).unwrap(), 4);
                        }
                        assert_eq!(client.read(&mut buf).unwrap(), 4);
                        client.set_nonblocking(true).unwrap();
                        client.set_nonblocking(false).unwrap();
                        client.set_nonblocking(true).unwrap();
                        let error = client.peek(&mut buf).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        let error = client.read(&mut buf).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    });
                });
            }

            #[test]
            fn connect_in_time_succeeds_and_what_fails_at_once_is_no_timeout() {
                $around(|| {
                    let (_listener, addr) = listening("127.0.0.1:0");
                    for limit in [Duration::from_secs(60), Duration::MAX] {
                        TcpStream::connect_timeout(&addr, limit).unwrap();
                    }
                    // No other test binds a port of this address.
                    let closed = listening("127.0.77.1:0").1;
                    let error = TcpStream::connect_timeout(&closed, Duration::MAX).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
                    // A refusal that needs no wait comes before that of a limit of zero.
                    let multicast = SocketAddr::from(([224, 0, 0, 251], 9));
                    let error = TcpStream::connect_timeout(&multicast, Duration::ZERO).unwrap_err();
                    assert_ne!(error.kind(), ErrorKind::InvalidInput);
                });
            }
        }
    };
}

same_tests!(
    of_std,
    std::net,
    std::os::linux::net,
    std::thread,
    std::sync,
    once
);
same_tests!(
    of_greenroom,
    greenroom::net,
    greenroom::os::linux::net,
    greenroom::thread,
    greenroom::sync,
    green
);
same_tests!(
    of_greenroom_on_os_threads,
    greenroom::net,
    greenroom::os::linux::net,
    std::thread,
    std::sync,
    once
);
