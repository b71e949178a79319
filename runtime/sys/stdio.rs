//! The three descriptors that a process starts with, and what runs when it ends.
//!
//! They belong to the process, not to us: they are borrowed for one call at a time, never closed, and
//! their flags are shared with the shell, so nothing here changes them. Called by `io/stdio/`.
#![expect(unsafe_code, reason = "borrows descriptors by number; atexit")]

use std::io;
use std::os::fd::{BorrowedFd, RawFd};

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    Input,
    Output,
    Error,
}

impl Standard {
    pub(crate) fn number(self) -> RawFd {
        match self {
            Standard::Input => libc::STDIN_FILENO,
            Standard::Output => libc::STDOUT_FILENO,
            Standard::Error => libc::STDERR_FILENO,
        }
    }

    /// Whatever has this number now.
    pub(crate) fn fd(self) -> BorrowedFd<'static> {
        // SAFETY: std starts no program with one of the three closed, and promises their borrow itself
        // (`AsFd for std::io::Stdin`). A program that closes one all the same gets EBADF from each call.
        unsafe { BorrowedFd::borrow_raw(self.number()) }
    }
}

/// Whether a call failed because its descriptor is closed, or not open in that direction.
pub(crate) fn is_closed(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBADF)
}

/// Has `f` run when the process exits, on the thread that calls `exit`.
pub(crate) fn at_exit(f: extern "C" fn()) {
    // SAFETY: `f` is a function without captures, so it can be called at any time; in an `extern "C"`
    // function a panic aborts and does not unwind into the C library.
    let refused = unsafe { libc::atexit(f) };
    // Only for want of memory; then the last line without its end is lost, and nothing else.
    debug_assert_eq!(refused, 0);
}
