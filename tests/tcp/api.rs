//! The same lines compile and run against std and greenroom: every stable method, trait and type.

use super::ground::on_both;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Instantiates the tour for one of the two libraries.
macro_rules! tour {
    ($library:ident, $($net:ident)::+) => {
        mod $library {
            use $($net)::+::{
                AddrParseError, Incoming, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr,
                SocketAddrV4, SocketAddrV6, TcpListener, TcpStream, ToSocketAddrs,
            };
            use std::io::{self, BufRead, BufReader, IoSlice, IoSliceMut, Read, Write};
            use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
            use std::time::Duration;

            fn connect_to<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
                TcpStream::connect(addr)
            }

            pub(crate) fn every_kind_of_address(port: u16) -> io::Result<()> {
                let ip: Ipv4Addr = Ipv4Addr::LOCALHOST;
                let v4 = SocketAddrV4::new(ip, port);
                let addr = SocketAddr::V4(v4);
                let text = format!("127.0.0.1:{port}");
                connect_to(v4)?;
                connect_to(addr)?;
                connect_to(&addr)?;
                connect_to(&[addr, addr][..])?;
                connect_to((ip, port))?;
                connect_to((IpAddr::V4(ip), port))?;
                connect_to(("127.0.0.1", port))?;
                connect_to((String::from("127.0.0.1"), port))?;
                connect_to(text.as_str())?;
                connect_to(&text)?;
                connect_to(text)?;
                let v6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0);
                assert_eq!(v6.to_socket_addrs()?.next(), Some(SocketAddr::V6(v6)));
                let first = (Ipv6Addr::LOCALHOST, port).to_socket_addrs()?.next();
                assert_eq!(first, Some(SocketAddr::V6(v6)));
                let _: AddrParseError = "x".parse::<SocketAddr>().unwrap_err();
                Ok(())
            }

            pub(crate) fn every_listener_method() -> io::Result<()> {
                let listener: TcpListener = TcpListener::bind("127.0.0.1:0")?;
                let addr: SocketAddr = listener.local_addr()?;
                every_kind_of_address(addr.port())?;
                let clone: TcpListener = listener.try_clone()?;
                listener.set_ttl(61)?;
                assert_eq!(clone.ttl()?, 61);
                #[expect(deprecated, reason = "std still has them")]
                let only_v6 = (listener.set_only_v6(true), listener.only_v6());
                assert!(only_v6.0.is_err() && only_v6.1.is_err(), "an IPv4 socket has none");
                assert!(listener.take_error()?.is_none());
                listener.set_nonblocking(false)?;
                let _client = TcpStream::connect(addr)?;
                let (stream, _peer): (TcpStream, SocketAddr) = clone.accept()?;
                every_stream_method(stream, TcpStream::connect(addr)?)?;
                let mut incoming: Incoming<'_> = listener.incoming();
                incoming.next().expect("because it never ends")?;
                let _: BorrowedFd<'_> = listener.as_fd();
                let _: RawFd = listener.as_raw_fd();
                let fd: OwnedFd = listener.into();
                let listener = TcpListener::from(fd);
                let _number: RawFd = listener.as_raw_fd();
                drop(OwnedFd::from(clone));
                Ok(())
            }

            fn every_stream_method(kept: TcpStream, mut stream: TcpStream) -> io::Result<()> {
                let addr: SocketAddr = stream.peer_addr()?;
                let _: SocketAddr = stream.local_addr()?;
                drop(TcpStream::connect_timeout(&addr, Duration::from_secs(5))?);
                let clone: TcpStream = stream.try_clone()?;
                stream.set_read_timeout(Some(Duration::from_secs(5)))?;
                stream.set_write_timeout(Some(Duration::from_secs(6)))?;
                assert_eq!(clone.read_timeout()?, Some(Duration::from_secs(5)));
                assert_eq!(clone.write_timeout()?, Some(Duration::from_secs(6)));
                stream.set_nodelay(true)?;
                assert!(clone.nodelay()?);
                stream.set_ttl(62)?;
                assert_eq!(clone.ttl()?, 62);
                assert!(stream.set_ttl(256).is_err());
                assert!(stream.take_error()?.is_none());
                stream.set_nonblocking(false)?;
                let _: io::Result<usize> = { &stream }.write(b"1");
                let _: io::Result<usize> = stream.write_vectored(&[IoSlice::new(b"2")]);
                { &stream }.write_all(b"3")?;
                writeln!(stream, "4")?;
                stream.flush()?;
                stream.shutdown(Shutdown::Both)?;
                assert_eq!(stream.peek(&mut [0])?, 0);
                assert_eq!(stream.read(&mut [0])?, 0);
                assert_eq!({ &stream }.read_vectored(&mut [IoSliceMut::new(&mut [0])])?, 0);
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line)?;
                let _: BorrowedFd<'_> = stream.as_fd();
                let _: RawFd = stream.as_raw_fd();
                let fd: OwnedFd = stream.into();
                drop(TcpStream::from(fd));
                let _: fn(TcpStream) -> RawFd = IntoRawFd::into_raw_fd;
                let _: unsafe fn(RawFd) -> TcpStream = FromRawFd::from_raw_fd;
                drop(kept);
                Ok(())
            }

            /// The traits a caller may rely on without naming them.
            pub(crate) fn marker_traits() {
                super::is_send_sync_unwind_safe::<TcpStream>();
                super::is_send_sync_unwind_safe::<TcpListener>();
                super::is_send_sync_unwind_safe::<Incoming<'_>>();
            }
        }
    };
}

tour!(of_std, std::net);
tour!(of_greenroom, greenroom::net);

fn is_send_sync_unwind_safe<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

#[test]
fn api_is_stds() {
    of_std::marker_traits();
    of_greenroom::marker_traits();
    of_std::every_listener_method().unwrap();
    on_both(|_| of_greenroom::every_listener_method().unwrap());
}
