//! `poll(2)` on one descriptor: how an ordinary OS thread waits for a socket.
//!
//! Green threads never come here with a timeout other than zero; they park on their worker's epoll
//! instead. Called by the one wait loop in `io/` and by `net/connect.rs`, which looks without
//! waiting.
#![expect(unsafe_code, reason = "the ppoll system call")]

use super::check;
use super::clock::{NEVER_NS, now_ns};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What to wait for. Errors and hang-ups end every wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Data, the end of the stream, a connection to accept.
    Readable,
    /// Room to write, or the end of a connection attempt.
    Writable,
}

/// Waits until `fd` is ready or `deadline_ns` (CLOCK_MONOTONIC) has come; `false` is the latter.
/// Signals do not end the wait. [`NEVER_NS`] waits without limit.
pub(crate) fn wait_until(
    fd: BorrowedFd<'_>,
    what: Readiness,
    deadline_ns: u64,
) -> io::Result<bool> {
    loop {
        let left_ns = match deadline_ns {
            NEVER_NS => NEVER_NS,
            _ => deadline_ns.saturating_sub(now_ns()),
        };
        match poll_once(fd, what, left_ns) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(false) if left_ns != 0 => {}
            done => return done,
        }
    }
}

/// Whether `fd` is ready now.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, what: Readiness) -> io::Result<bool> {
    wait_until(fd, what, 0)
}

/// One `ppoll` of at most `left_ns`.
fn poll_once(fd: BorrowedFd<'_>, what: Readiness, left_ns: u64) -> io::Result<bool> {
    let events = match what {
        Readiness::Readable => libc::POLLIN | libc::POLLRDHUP,
        Readiness::Writable => libc::POLLOUT,
    };
    let mut watched = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    let timeout = libc::timespec {
        tv_sec: i64::try_from(left_ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(left_ns % 1_000_000_000).unwrap_or(0),
    };
    let timeout = if left_ns == NEVER_NS {
        std::ptr::null()
    } else {
        &raw const timeout
    };
    // SAFETY: one pollfd and the timeout outlive the call; a null signal mask changes no mask.
    let ready = check(unsafe { libc::ppoll(&raw mut watched, 1, timeout, std::ptr::null()) })?;
    Ok(ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::deadline_after;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::time::{Duration, Instant};

    #[test]
    fn poll_silent_socket_ends_at_its_deadline_and_not_before() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let start = Instant::now();
        let deadline_ns = deadline_after(Duration::from_millis(20));
        assert!(!wait_until(listener.as_fd(), Readiness::Readable, deadline_ns).unwrap());
        assert!(start.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn poll_socket_with_data_is_readable_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert!(!is_ready(server.as_fd(), Readiness::Readable).unwrap());
        assert!(is_ready(server.as_fd(), Readiness::Writable).unwrap());
        client.write_all(b"x").unwrap();
        assert!(wait_until(server.as_fd(), Readiness::Readable, NEVER_NS).unwrap());
    }
}
