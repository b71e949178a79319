//! The operating system, behind safe functions: the only place that names `libc`.
//!
//! Every wrapper turns `-1` into an [`io::Error`], retries `EINTR` where the kernel allows it, and
//! knows nothing of tasks, workers or parking. Modules above this rank hold no syscall of their own.

pub(crate) mod addr;
pub(crate) mod atomic;
pub(crate) mod clock;
pub(crate) mod datagram;
pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod fatal;
pub(crate) mod fd;
pub(crate) mod file;
pub(crate) mod futex;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod multiplex;
pub(crate) mod poll;
pub(crate) mod prefetch;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod signal_number;
pub(crate) mod signals;
pub(crate) mod sigsegv;
pub(crate) mod socket;
pub(crate) mod stdio;
pub(crate) mod terminal;
pub(crate) mod unix_addr;
pub(crate) mod unix_socket;
pub(crate) mod view;

use std::io;

/// What the C library returns when a call failed and `errno` says why.
pub(crate) trait Failure: Copy {
    /// Whether this value is the `-1` that means "look at `errno`".
    fn is_failure(self) -> bool;
}

impl Failure for i32 {
    fn is_failure(self) -> bool {
        self == -1
    }
}

impl Failure for isize {
    fn is_failure(self) -> bool {
        self == -1
    }
}

impl Failure for i64 {
    fn is_failure(self) -> bool {
        self == -1
    }
}

/// Turns the C convention (`-1` and `errno`) into a result.
pub(crate) fn check<T: Failure>(returned: T) -> io::Result<T> {
    if returned.is_failure() {
        Err(io::Error::last_os_error())
    } else {
        Ok(returned)
    }
}

/// Repeats `call` while a signal interrupts it. `EINTR` is handled nowhere above this rank.
pub(crate) fn retry_eintr<T: Failure>(mut call: impl FnMut() -> T) -> io::Result<T> {
    loop {
        match check(call()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// What a blocking call says when its time is up, and a non-blocking one at once: `EAGAIN`.
pub(crate) fn would_block() -> io::Error {
    io::Error::from_raw_os_error(libc::EAGAIN)
}
