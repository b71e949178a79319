//! Names of sockets: paths, abstract names, none at all, and what is wrong with others.

use super::around;
use super::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use crate::ground::{Dir, abstract_addr};
use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::path::Path;

/// What every call says that takes a path, by name.
fn of_every_call(path: &Path) -> Vec<(&'static str, io::Error)> {
    fn error<T: Debug>(result: io::Result<T>) -> io::Error {
        result.expect_err("the path is wrong")
    }
    let socket = UnixDatagram::unbound().unwrap();
    vec![
        ("connect", error(UnixStream::connect(path))),
        ("listener", error(UnixListener::bind(path))),
        ("datagram", error(UnixDatagram::bind(path))),
        ("datagram connect", error(socket.connect(path))),
        ("send_to", error(socket.send_to(b"x", path))),
        ("address", error(SocketAddr::from_pathname(path))),
    ]
}

#[test]
fn path_that_is_too_long_is_invalid_everywhere() {
    around(|| {
        let dir = Dir::new();
        for (call, error) in of_every_call(&dir.path(&"long".repeat(27))) {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{call}");
            assert_eq!(
                error.to_string(),
                "path must be shorter than SUN_LEN",
                "{call}"
            );
        }
    });
}

#[test]
fn path_with_a_nul_is_invalid_everywhere() {
    around(|| {
        for path in ["in\0side", "\0before", "behind\0"] {
            for (call, error) in of_every_call(path.as_ref()) {
                let text = "paths must not contain interior null bytes";
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{call}");
                assert_eq!(error.to_string(), text, "{call}");
            }
        }
    });
}

#[test]
fn path_of_the_greatest_length_works() {
    around(|| {
        let dir = Dir::new();
        let short = dir.path("x").as_os_str().len();
        let path = dir.path(&"x".repeat(107 - short + 1));
        assert_eq!(path.as_os_str().len(), 107);
        let listener = UnixListener::bind(&path).unwrap();
        let stream = UnixStream::connect(&path).unwrap();
        assert_eq!(stream.peer_addr().unwrap().as_pathname(), Some(&*path));
        drop(listener);
        std::fs::remove_file(&path).unwrap();
        let receiver = UnixDatagram::bind(&path).unwrap();
        receiver.send_to(b"self", &path).unwrap();
        let (len, from) = receiver.recv_from(&mut [0; 8]).unwrap();
        assert_eq!((len, from.as_pathname()), (4, Some(&*path)));
    });
}

#[test]
fn connect_to_what_does_not_listen_says_why() {
    around(|| {
        let dir = Dir::new();
        let (missing, file) = (dir.path("missing"), dir.path("file"));
        std::fs::write(&file, "plain").unwrap();
        let (datagram, left) = (dir.path("datagram"), dir.path("left"));
        let _receiver = UnixDatagram::bind(&datagram).unwrap();
        drop(UnixListener::bind(&left).unwrap());
        let errno = |path: &Path| UnixStream::connect(path).unwrap_err().raw_os_error();
        assert_eq!(errno(&missing), Some(libc::ENOENT));
        assert_eq!(errno(&file), Some(libc::ECONNREFUSED));
        assert_eq!(errno(&datagram), Some(libc::EPROTOTYPE));
        assert_eq!(
            errno(&left),
            Some(libc::ECONNREFUSED),
            "nobody listens any more"
        );
        assert_eq!(errno(&missing.join("below")), Some(libc::ENOENT));
        assert_eq!(errno(&file.join("below")), Some(libc::ENOTDIR));
        assert_eq!(errno("".as_ref()), Some(libc::EINVAL), "unnamed");
        let socket = UnixDatagram::unbound().unwrap();
        let errno = |path: &Path| socket.send_to(b"x", path).unwrap_err().raw_os_error();
        assert_eq!(errno(&missing), Some(libc::ENOENT));
        assert_eq!(errno(&file), Some(libc::ECONNREFUSED));
        assert_eq!(errno(&left), Some(libc::ECONNREFUSED));
        assert_eq!(errno("".as_ref()), Some(libc::EINVAL));
    });
}

#[test]
fn name_that_is_taken_is_in_use() {
    around(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        let in_use = |error: io::Error| assert_eq!(error.kind(), ErrorKind::AddrInUse);
        in_use(UnixListener::bind(&path).unwrap_err());
        in_use(UnixDatagram::bind(&path).unwrap_err());
        let (_, addr) = abstract_addr();
        let _listener = UnixListener::bind_addr(&addr).unwrap();
        in_use(UnixListener::bind_addr(&addr).unwrap_err());
    });
}

#[test]
fn sockets_bound_to_nothing_get_an_abstract_name() {
    around(|| {
        let unnamed = SocketAddr::from_pathname("").unwrap();
        assert!(unnamed.is_unnamed());
        let listener = UnixListener::bind_addr(&unnamed).unwrap();
        let addr = listener.local_addr().unwrap();
        assert_eq!(addr.as_abstract_name().map(<[u8]>::len), Some(5));
        UnixStream::connect_addr(&addr).unwrap();
        let socket = UnixDatagram::bind("").unwrap();
        assert!(socket.local_addr().unwrap().as_abstract_name().is_some());
    });
}

#[test]
fn abstract_name_is_neither_path_nor_nothing() {
    around(|| {
        let (name, addr) = abstract_addr();
        let addr: &SocketAddr = &addr;
        assert_eq!(addr.as_abstract_name(), Some(&*name));
        assert_eq!(addr.as_pathname(), None);
        assert!(!addr.is_unnamed());
        let text = format!("\"{}\" (abstract)", String::from_utf8(name).unwrap());
        assert_eq!(format!("{addr:?}"), text);
        let escaped = SocketAddr::from_abstract_name(b"\0a\t\xff").unwrap();
        assert_eq!(format!("{escaped:?}"), r#""\0a\t\xff" (abstract)"#);
        let error = SocketAddr::from_abstract_name([b'x'; 108]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(SocketAddr::from_abstract_name([b'x'; 107]).is_ok());
    });
}

#[test]
fn abstract_listener_is_reached_by_its_name() {
    around(|| {
        let (name, addr) = abstract_addr();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        let server = super::thread::spawn(move || {
            let mut got = Vec::new();
            for stream in listener.incoming().take(2) {
                let mut stream = stream.unwrap();
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                stream.write_all(&byte).unwrap();
                got.extend(byte);
            }
            (listener.local_addr().unwrap(), got)
        });
        for byte in [1, 2] {
            let mut stream = UnixStream::connect_addr(&addr).unwrap();
            let peer = stream.peer_addr().unwrap();
            assert_eq!(peer.as_abstract_name(), Some(&*name));
            stream.write_all(&[byte]).unwrap();
            let mut echo = Vec::new();
            stream.read_to_end(&mut echo).unwrap();
            assert_eq!(echo, [byte]);
        }
        let (local, got) = server.join().unwrap();
        assert_eq!(local.as_abstract_name(), Some(&*name));
        assert_eq!(got, [1, 2]);
        let error = UnixStream::connect_addr(&addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "it has gone");
    });
}

#[test]
fn accepted_peer_has_the_name_it_has() {
    around(|| {
        let dir = Dir::new();
        let listener = UnixListener::bind(dir.path("socket")).unwrap();
        let client = UnixStream::connect(dir.path("socket")).unwrap();
        assert!(client.local_addr().unwrap().is_unnamed());
        let (server, peer) = listener.accept().unwrap();
        assert!(peer.is_unnamed());
        assert_eq!(format!("{peer:?}"), "(unnamed)");
        assert!(server.peer_addr().unwrap().is_unnamed());
        let local = server.local_addr().unwrap();
        assert_eq!(local.as_pathname(), Some(&*dir.path("socket")));
    });
}
