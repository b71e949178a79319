//! socket2: its sockets become ours and back, its options reach ours, in whatever mode they come.
//!
//! Compiled over greenroom's streams and over std's.

use super::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use super::on_every_ground;
use super::wire::pair;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

const SHORT: Option<Duration> = Some(Duration::from_millis(5));

fn any_port() -> socket2::SockAddr {
    SocketAddr::from(([127, 0, 0, 1], 0)).into()
}

fn listener() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&any_port()).unwrap();
    socket.listen(16).unwrap();
    socket
}

fn address_of(socket: &Socket) -> socket2::SockAddr {
    socket.local_addr().unwrap()
}

/// A word each way.
#[track_caller]
fn assert_connected(mut one: &TcpStream, mut other: &TcpStream) {
    let mut word = [0; 4];
    one.write_all(b"ping").unwrap();
    other.read_exact(&mut word).unwrap();
    other.write_all(b"pong").unwrap();
    one.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"pong");
}

#[test]
fn sockets_become_streams_and_back_and_stay_what_they_are() {
    on_every_ground(|ground| {
        let socket = listener();
        let (address, number) = (address_of(&socket), socket.as_raw_fd());
        let listener = TcpListener::from(OwnedFd::from(socket));
        assert_eq!(listener.as_raw_fd(), number);
        let connecting = ground.spawn(move || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.connect(&address).unwrap();
            TcpStream::from(OwnedFd::from(socket))
        });
        let (server, peer) = listener.accept().unwrap();
        let client = connecting.join();
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_connected(&client, &server);

        let socket = Socket::from(OwnedFd::from(client));
        assert!(!socket.nonblocking().unwrap());
        let client = TcpStream::from(OwnedFd::from(socket));
        assert_connected(&server, &client);
        let socket = Socket::from(OwnedFd::from(listener));
        assert!(!socket.nonblocking().unwrap());
        let listener = TcpListener::from(OwnedFd::from(socket));
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_connected(&client, &listener.accept().unwrap().0);
    });
}

#[test]
fn options_set_by_reference_are_the_streams_own() {
    on_every_ground(|_| {
        let (client, server) = pair();
        let socket = SockRef::from(&client);
        socket.set_tcp_nodelay(true).unwrap();
        assert!(client.nodelay().unwrap());
        client.set_ttl(77).unwrap();
        assert_eq!(socket.ttl_v4().unwrap(), 77);
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(5));
        socket.set_tcp_keepalive(&keepalive).unwrap();
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            Duration::from_secs(30)
        );
        socket.set_recv_buffer_size(65_536).unwrap();
        assert!(socket.recv_buffer_size().unwrap() >= 65_536);
        socket.set_linger(Some(Duration::from_secs(3))).unwrap();
        assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(3)));
        assert_eq!(
            socket.peer_addr().unwrap().as_socket(),
            Some(client.peer_addr().unwrap())
        );
        assert_connected(&client, &server);
        socket.shutdown(Shutdown::Write).unwrap();
        assert_eq!((&server).read(&mut [0; 1]).unwrap(), 0);
    });
}

#[test]
fn linger_of_zero_resets_the_peer() {
    on_every_ground(|ground| {
        let (client, mut server) = pair();
        let reading = ground.spawn(move || server.read(&mut [0; 1]).unwrap_err());
        SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(client);
        assert_eq!(reading.join().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn adopted_sockets_keep_the_mode_they_came_with() {
    on_every_ground(|ground| {
        let socket = listener();
        socket.set_nonblocking(true).unwrap();
        let listener = TcpListener::from(OwnedFd::from(socket));
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        listener.set_nonblocking(false).unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = ground.spawn(move || listener.accept().unwrap().0);

        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.connect(&address.into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut client = TcpStream::from(OwnedFd::from(socket));
        let server = accepting.join();
        let error = client.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let socket = Socket::from(OwnedFd::from(client));
        assert!(socket.nonblocking().unwrap());
        client = TcpStream::from(OwnedFd::from(socket));
        client.set_nonblocking(false).unwrap();
        let reading = ground.spawn(move || {
            client.read_exact(&mut [0; 2]).unwrap();
            client
        });
        (&server).write_all(b"ok").unwrap();
        assert_connected(&reading.join(), &server);
    });
}

#[test]
fn adopted_sockets_keep_the_timeouts_they_came_with() {
    on_every_ground(|_| {
        let socket = listener();
        let mut address = socket.local_addr().unwrap().as_socket().unwrap();
        address.set_ip([127, 0, 0, 1].into());
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        client.connect(&address.into()).unwrap();
        client.set_read_timeout(SHORT).unwrap();
        let mut client = TcpStream::from(OwnedFd::from(client));
        assert!(client.read_timeout().unwrap().unwrap() >= SHORT.unwrap());
        let error = client.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let client = Socket::from(OwnedFd::from(client));
        assert!(client.read_timeout().unwrap().is_some());
    });
}

#[test]
fn connection_begun_by_socket2_is_waited_for() {
    on_every_ground(|_| {
        let socket = listener();
        let address = address_of(&socket);
        let listener = TcpListener::from(OwnedFd::from(socket));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        // EINPROGRESS, or done at once over loopback.
        drop(socket.connect(&address));
        let client = TcpStream::from(OwnedFd::from(socket));
        client.set_nonblocking(false).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_connected(&client, &server);
    });
}

#[test]
fn mode_and_timeouts_set_by_reference_count_at_once() {
    on_every_ground(|_| {
        let settings: [fn(&TcpStream); 2] = [
            |stream| SockRef::from(stream).set_nonblocking(true).unwrap(),
            |stream| SockRef::from(stream).set_read_timeout(SHORT).unwrap(),
        ];
        for set in settings {
            let (mut client, _server) = pair();
            set(&client);
            let error = client.read(&mut [0; 1]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    });
}
