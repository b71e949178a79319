//! `poll(2)` on one descriptor or two: how an ordinary OS thread waits for a socket.
//!
//! Green threads never come here with a timeout other than zero; they park on their worker's epoll
//! instead. Called by the one wait loop in `io/`, by `process/drain.rs` for the two streams of a child,
//! and by `net/connect.rs`, which looks without waiting.
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
    let mut watched = [watch(fd, what)];
    loop {
        let left_ns = left_ns(deadline_ns);
        match poll_once(&mut watched, left_ns) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(false) if left_ns != 0 => {}
            done => return done,
        }
    }
}

/// Waits until one of `fds` is readable, and says which, or until `deadline_ns` has come.
pub(crate) fn wait_either(fds: [BorrowedFd<'_>; 2], deadline_ns: u64) -> io::Result<Option<usize>> {
    let mut watched = fds.map(|fd| watch(fd, Readiness::Readable));
    loop {
        let left_ns = left_ns(deadline_ns);
        match poll_once(&mut watched, left_ns) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(false) if left_ns != 0 => {}
            Ok(_) => return Ok(watched.iter().position(|watched| watched.revents != 0)),
            Err(error) => return Err(error),
        }
    }
}

/// Whether `fd` is ready now.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, what: Readiness) -> io::Result<bool> {
    wait_until(fd, what, 0)
}

fn left_ns(deadline_ns: u64) -> u64 {
    match deadline_ns {
        NEVER_NS => NEVER_NS,
        _ => deadline_ns.saturating_sub(now_ns()),
    }
}

fn watch(fd: BorrowedFd<'_>, what: Readiness) -> libc::pollfd {
    let events = match what {
        Readiness::Readable => libc::POLLIN | libc::POLLRDHUP,
        Readiness::Writable => libc::POLLOUT,
    };
    libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    }
}

/// One `ppoll` of at most `left_ns`.
fn poll_once(watched: &mut [libc::pollfd], left_ns: u64) -> io::Result<bool> {
    let timeout = libc::timespec {
        tv_sec: i64::try_from(left_ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(left_ns % 1_000_000_000).unwrap_or(0),
    };
    let timeout = if left_ns == NEVER_NS {
        std::ptr::null()
    } else {
        &raw const timeout
    };
    let count = watched.len() as libc::nfds_t;
    let list = watched.as_mut_ptr();
    // SAFETY: `count` structures and the timeout outlive the call; a null signal mask changes no mask.
    let ready = check(unsafe { libc::ppoll(list, count, timeout, std::ptr::null()) })?;
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
    fn poll_of_two_names_the_one_that_is_readable() {
        let (first, mut to_first) = io::pipe().unwrap();
        let (second, mut to_second) = io::pipe().unwrap();
        let fds = [first.as_fd(), second.as_fd()];
        assert_eq!(wait_either(fds, now_ns()).unwrap(), None);
        to_second.write_all(b"x").unwrap();
        assert_eq!(wait_either(fds, NEVER_NS).unwrap(), Some(1));
        to_first.write_all(b"x").unwrap();
        assert_eq!(wait_either(fds, NEVER_NS).unwrap(), Some(0));
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
