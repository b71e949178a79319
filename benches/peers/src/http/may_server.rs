//! may_minihttp on one worker of may, one coroutine per connection.
//!
//! It leaves TCP_NODELAY to its user, and a new connection's descriptor is all that it tells of it.

use crate::BODY;
use may_minihttp::{HttpService, HttpServiceFactory, Request, Response};
use socket2::SockRef;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{BorrowedFd, RawFd};

/// As in its own benches: in words.
const STACK_WORDS: usize = 0x1000;

struct Plaintext;

impl HttpService for Plaintext {
    fn call(&mut self, _request: Request, response: &mut Response) -> io::Result<()> {
        response.header("Content-Type: text/plain").body(BODY);
        Ok(())
    }
}

struct Factory;

impl HttpServiceFactory for Factory {
    type Service = Plaintext;

    fn new_service(&self, id: usize) -> Plaintext {
        let fd = RawFd::try_from(id).expect("because it is a descriptor");
        set_nodelay(fd).expect("because it is a TCP socket");
        Plaintext
    }
}

#[expect(unsafe_code, reason = "the crate gives out a bare descriptor")]
fn set_nodelay(fd: RawFd) -> io::Result<()> {
    // SAFETY: the caller of `new_service` holds the stream with this descriptor until it returns.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    SockRef::from(&fd).set_tcp_nodelay(true)
}

pub(crate) fn serve(port: u16) -> io::Result<()> {
    may::config().set_workers(1).set_pool_capacity(1000);
    may::config().set_stack_size(STACK_WORDS);
    let server = Factory.start((Ipv4Addr::LOCALHOST, port))?;
    let ended = server.join();
    ended.map_err(|_| io::Error::other("the server panicked"))
}
