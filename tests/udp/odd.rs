//! Odd calls, told as text: std and greenroom must tell the same, word for word.

use crate::around::{green, once};
use std::fmt::Debug;
use std::io;
use std::sync::Mutex;

/// What a call returned, with all that an error shows. Ports differ from run to run, so no address may
/// be in it.
fn told<T: Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?} {error} {error:?}", error.kind()),
    }
}

macro_rules! odd_calls {
    ($name:ident, $net:path) => {
        mod $name {
            use super::told;
            use net::{
                Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs,
                UdpSocket,
            };
            use std::io::{Read, Write};
            use std::os::fd::{AsRawFd, OwnedFd};
            use std::os::unix::net::{UnixDatagram, UnixStream};
            use std::time::Duration;
            use $net as net;

            fn socket() -> UdpSocket {
                UdpSocket::bind("127.0.0.1:0").unwrap()
            }

            pub(crate) fn addresses() -> Vec<String> {
                let none: &[SocketAddr] = &[];
                let mut seen = Vec::new();
                for text in [
                    "",
                    ":",
                    ":0",
                    "127.0.0.1",
                    "127.0.0.1:",
                    "127.0.0.1:x",
                    "127.0.0.1:65536",
                    "::1",
                    "[::1]",
                    "a:b:80",
                    "nul\0name:80",
                    "127.0.0.1:80\0",
                    " 127.0.0.1:80",
                    "256.0.0.1:80",
                    "..:80",
                    "-:80",
                    "[::1]:80",
                    "1.2.3.4:80",
                ] {
                    let addrs = |addrs: std::vec::IntoIter<SocketAddr>| addrs.collect::<Vec<_>>();
                    seen.push(told(text.to_socket_addrs().map(addrs)));
                    seen.push(told((text, 80).to_socket_addrs().map(addrs)));
                    seen.push(told((text.to_owned(), 80).to_socket_addrs().map(addrs)));
                    seen.push(told(text.to_owned().to_socket_addrs().map(addrs)));
                }
                seen.push(told(none.to_socket_addrs().map(Iterator::count)));
                seen.push(told(UdpSocket::bind(none)));
                let silent = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
                let multicast = SocketAddr::from((Ipv4Addr::new(224, 0, 0, 251), 9));
                for addr in [silent, multicast] {
                    seen.push(told(TcpStream::connect_timeout(&addr, Duration::ZERO)));
                }
                seen.push(told(TcpListener::bind("1.1.1.1:9999")));
                seen.push(told(TcpStream::connect(multicast)));
                seen.push(told(UdpSocket::bind("nul\0name:80")));
                seen.push(told(TcpListener::bind(none)));
                seen.push(told(TcpStream::connect(none)));
                seen.push(told(TcpStream::connect("nul\0name:80")));
                seen.push(told(socket().connect(none)));
                seen.push(told(socket().send_to(b"x", none)));
                seen.push(told(socket().send_to(b"x", "nul\0name:80")));
                seen
            }

            pub(crate) fn datagrams() -> Vec<String> {
                let socket = socket();
                let addr = socket.local_addr().unwrap();
                let broadcast = SocketAddr::from((Ipv4Addr::BROADCAST, 9));
                let multicast = SocketAddr::from((Ipv4Addr::new(224, 0, 0, 251), 9));
                let other_family = SocketAddr::from((Ipv6Addr::LOCALHOST, 9));
                let seen = vec![
                    told(socket.send(b"nobody")),
                    told(socket.send_to(b"x", broadcast)),
                    told(socket.connect(broadcast)),
                    told(socket.send_to(b"x", other_family)),
                    told(socket.connect(other_family)),
                    told(socket.send_to(b"x", (Ipv4Addr::LOCALHOST, 0))),
                    told(socket.connect(multicast)),
                    told(socket.peer_addr()),
                    told(socket.connect(&[other_family, multicast][..])),
                    told(socket.send_to(&[], addr)),
                    told(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map(drop)),
                    told(UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).map(drop)),
                    told(UdpSocket::bind(("localhost", 0)).map(drop)),
                ];
                let number = socket.as_raw_fd().to_string();
                let shown = format!("{socket:?} {socket:#?}");
                assert!(shown.contains(&addr.to_string()) && shown.contains(&number));
                let shown = shown.replace(&addr.to_string(), "A");
                seen.into_iter()
                    .chain([shown.replace(&number, "N")])
                    .collect()
            }

            pub(crate) fn options() -> Vec<String> {
                let socket = socket();
                let group = Ipv4Addr::new(239, 77, 5, 2);
                let local = Ipv4Addr::LOCALHOST;
                let nowhere = Ipv4Addr::new(192, 0, 2, 77);
                let mut seen = vec![
                    told(socket.ttl()),
                    told(socket.set_ttl(100)),
                    told(socket.ttl()),
                    told(socket.set_ttl(0)),
                    told(socket.set_ttl(256)),
                    told(socket.set_ttl(u32::MAX)),
                    told(socket.ttl()),
                    told(socket.broadcast()),
                    told(socket.set_broadcast(true)),
                    told(socket.broadcast()),
                    told(socket.set_broadcast(false)),
                    told(socket.multicast_loop_v4()),
                    told(socket.set_multicast_loop_v4(false)),
                    told(socket.multicast_loop_v4()),
                    told(socket.multicast_ttl_v4()),
                    told(socket.set_multicast_ttl_v4(255)),
                    told(socket.set_multicast_ttl_v4(256)),
                    told(socket.multicast_ttl_v4()),
                    told(socket.multicast_loop_v6()),
                    told(socket.set_multicast_loop_v6(false)),
                    told(socket.join_multicast_v4(&group, &local)),
                    told(socket.join_multicast_v4(&group, &local)),
                    told(socket.leave_multicast_v4(&group, &local)),
                    told(socket.leave_multicast_v4(&group, &local)),
                    told(socket.join_multicast_v4(&local, &local)),
                    told(socket.join_multicast_v4(&group, &nowhere)),
                    told(socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0)),
                    told(socket.take_error().map(|error| error.is_none())),
                    told(socket.set_read_timeout(Some(Duration::ZERO))),
                    told(socket.set_write_timeout(Some(Duration::ZERO))),
                    told(socket.set_read_timeout(Some(Duration::from_micros(1)))),
                    told(socket.read_timeout()),
                    told(socket.set_read_timeout(Some(Duration::MAX))),
                    told(socket.read_timeout()),
                    told(socket.set_read_timeout(Some(Duration::from_nanos(1_500_999)))),
                    told(socket.read_timeout()),
                ];
                if let Ok(socket) = UdpSocket::bind("[::1]:0") {
                    let group = Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 0x77);
                    seen.extend([
                        told(socket.set_multicast_loop_v6(false)),
                        told(socket.multicast_loop_v6()),
                        told(socket.join_multicast_v6(&group, 1)),
                        told(socket.join_multicast_v6(&group, 1)),
                        told(socket.leave_multicast_v6(&group, 1)),
                        told(socket.leave_multicast_v6(&group, 1)),
                        told(socket.join_multicast_v6(&group, u32::MAX)),
                        told(socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, 1)),
                        told(socket.set_ttl(77)),
                        told(socket.ttl()),
                    ]);
                }
                seen
            }

            /// A descriptor of another kind, as one may adopt by mistake.
            pub(crate) fn adopted() -> Vec<String> {
                let (left, right) = UnixDatagram::pair().unwrap();
                left.set_nonblocking(true).unwrap();
                let socket = UdpSocket::from(OwnedFd::from(left));
                let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
                right.send(b"x").unwrap();
                let (left, _other) = UnixStream::pair().unwrap();
                left.set_nonblocking(true).unwrap();
                let mut stream = TcpStream::from(OwnedFd::from(left));
                vec![
                    told(stream.local_addr()),
                    told(stream.peer_addr()),
                    told(stream.nodelay()),
                    told(stream.ttl()),
                    told(stream.write(b"x")),
                    told(stream.read(&mut [0; 8])),
                    told(stream.shutdown(Shutdown::Write)),
                    told(stream.write(b"x")),
                    told(stream.take_error().map(|error| error.is_none())),
                    told(socket.local_addr()),
                    told(socket.peer_addr()),
                    told(socket.send(b"through")),
                    told(right.recv(&mut [0; 8])),
                    told(socket.recv(&mut [0; 8])),
                    told(socket.recv(&mut [0; 8])),
                    told(socket.send_to(b"x", addr)),
                    told(socket.ttl()),
                    told(socket.take_error().map(|error| error.is_none())),
                ]
            }
        }
    };
}

odd_calls!(of_std, std::net);
odd_calls!(of_greenroom, greenroom::net);

/// Compares what std tells on an OS thread with what greenroom tells everywhere.
fn assert_same(theirs: fn() -> Vec<String>, ours: fn() -> Vec<String>) {
    let expected = Mutex::new(Vec::new());
    once(|| *expected.lock().unwrap() = theirs());
    let expected = expected.into_inner().unwrap();
    let compare = || {
        let seen = ours();
        assert_eq!(seen.len(), expected.len());
        for (at, (seen, expected)) in seen.iter().zip(&expected).enumerate() {
            assert_eq!(seen, expected, "number {at}");
        }
    };
    once(compare);
    green(compare);
}

#[test]
fn odd_addresses_are_refused_in_stds_words() {
    assert_same(of_std::addresses, of_greenroom::addresses);
}

#[test]
fn odd_datagrams_are_refused_in_stds_words() {
    assert_same(of_std::datagrams, of_greenroom::datagrams);
}

#[test]
fn options_take_and_refuse_what_stds_do() {
    assert_same(of_std::options, of_greenroom::options);
}

#[test]
fn adopted_descriptor_of_another_kind_behaves_as_in_std() {
    assert_same(of_std::adopted, of_greenroom::adopted);
}
