//! What a wait has to find out by itself: a reset in the middle of a write, options set past the type.
//!
//! The same bodies against std's `TcpStream` and greenroom's.

use crate::around::{green, once};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(20);

macro_rules! same_tests {
    ($name:ident, $net:path, $thread:path, $around:path) => {
        mod $name {
            use super::*;
            use net::{TcpListener, TcpStream};
            use std::io::{ErrorKind, Read, Write};
            use $net as net;
            use $thread as thread;

            /// A client and what the listener got of it.
            fn pair() -> (TcpStream, TcpStream) {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                (client, listener.accept().unwrap().0)
            }

            /// A reset that comes while a write waits for room is told after what the peer had sent.
            #[test]
            fn reset_in_the_middle_of_a_write_is_told_to_the_next_read() {
                $around(|| {
                    let (mut client, mut server) = pair();
                    let peer = thread::spawn(move || {
                        server.read_exact(&mut [0; 1000]).unwrap();
                        server.write_all(b"the beginning").unwrap();
                        // Unread bytes make the end a reset.
                    });
                    let written = client.write(&vec![0; 50_000_000]).unwrap();
                    assert!(written > 1000 && written < 50_000_000);
                    peer.join().unwrap();
                    let mut answer = Vec::new();
                    let error = client.read_to_end(&mut answer).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    assert_eq!(answer, b"the beginning");
                    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0, "told once");
                });
            }

            #[test]
            fn reset_in_the_middle_of_a_write_is_told_to_the_next_write() {
                $around(|| {
                    let (mut client, mut server) = pair();
                    let peer = thread::spawn(move || server.read_exact(&mut [0; 1000]).unwrap());
                    let error = client.write_all(&vec![0; 50_000_000]).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                    peer.join().unwrap();
                    let error = client.write(b"x").unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                });
            }

            #[test]
            fn time_that_is_up_is_the_kernels_own_error() {
                $around(|| {
                    let (mut client, _server) = pair();
                    client.set_read_timeout(Some(SHORT)).unwrap();
                    let error = client.read(&mut [0; 8]).unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
                });
            }

            /// Mode and time-outs set by the descriptor, past the type.
            #[test]
            fn options_set_by_the_descriptor_count() {
                use std::os::fd::AsFd;
                $around(|| {
                    let (client, _server) = pair();
                    let before = client.try_clone().unwrap();
                    let copy = client.as_fd().try_clone_to_owned().unwrap();
                    let copy = std::net::TcpStream::from(copy);
                    let after = client.try_clone().unwrap();
                    for mut client in [client, before, after] {
                        copy.set_read_timeout(Some(SHORT)).unwrap();
                        let error = client.read(&mut [0; 8]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        copy.set_read_timeout(None).unwrap();
                        copy.set_nonblocking(true).unwrap();
                        let error = client.read(&mut [0; 8]).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        copy.set_nonblocking(false).unwrap();
                    }
                });
            }
        }
    };
}

same_tests!(of_std, std::net, std::thread, once);
same_tests!(of_greenroom, greenroom::net, greenroom::thread, green);
same_tests!(
    of_greenroom_on_os_threads,
    greenroom::net,
    std::thread,
    once
);
