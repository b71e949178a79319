//! What waits at a terminal besides bytes: job control, and reads that never wait.
//!
//! Whoever reads a terminal from the background is to be stopped (SIGTTIN), whoever writes to one that
//! forbids it, too (SIGTTOU). The kernel says EIO instead to a thread that blocks the signal, and the
//! threads of the blocking pool block all: they open these two around their calls. Called by `io/` for
//! descriptors that epoll or the pool waits for; what is no terminal answers "no" to every question.
#![expect(
    unsafe_code,
    reason = "tcgetattr, tcgetpgrp, sigset calls, an empty read"
)]

use super::signals::{current_mask, with_mask};
use super::{check, retry_eintr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Whether `fd` is a terminal.
pub(crate) fn is_one(fd: BorrowedFd<'_>) -> bool {
    attributes(fd).is_ok()
}

/// Whether a read does not wait for input: raw mode with `VMIN` 0 returns what there is, at once or
/// after `VTIME`, and poll(2) knows nothing of that.
pub(crate) fn answers_without_input(fd: BorrowedFd<'_>) -> bool {
    attributes(fd).is_ok_and(|attributes| {
        attributes.c_lflag & libc::ICANON == 0 && attributes.c_cc[libc::VMIN] == 0
    })
}

fn attributes(fd: BorrowedFd<'_>) -> io::Result<libc::termios> {
    let mut attributes = MaybeUninit::<libc::termios>::zeroed();
    // SAFETY: tcgetattr writes one structure, which outlives the call.
    check(unsafe { libc::tcgetattr(fd.as_raw_fd(), attributes.as_mut_ptr()) })?;
    // SAFETY: zeroed before, and any bit pattern is a `termios`.
    Ok(unsafe { attributes.assume_init() })
}

/// Whether `fd` is the terminal of this session, and another job has it.
pub(crate) fn is_in_background(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: takes a number; what is not our terminal is an error.
    let foreground = unsafe { libc::tcgetpgrp(fd.as_raw_fd()) };
    // SAFETY: takes nothing, and cannot fail.
    foreground > 0 && foreground != unsafe { libc::getpgrp() }
}

/// Is stopped if a read now would be, and takes no input: a read of nothing, which asks for the right to
/// read before it looks at its length. Comes back when the job is in the foreground again.
pub(crate) fn ask_to_read(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no byte is written, so no buffer is needed.
    retry_eintr(|| unsafe { libc::read(fd.as_raw_fd(), std::ptr::null_mut(), 0) })?;
    Ok(())
}

/// Runs `body` with the signals of job control open on this thread, which is not a worker.
pub(crate) fn with_job_control<T>(body: impl FnOnce() -> T) -> T {
    with_mask(&current_mask(), || {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set it is given.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        for signal in [libc::SIGTTIN, libc::SIGTTOU] {
            // SAFETY: the set was initialised above and the signal number is valid.
            unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
        }
        // SAFETY: the set is initialised; a null `oldset` is allowed. `with_mask` puts the mask back.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut()) };
        body()
    })
}
