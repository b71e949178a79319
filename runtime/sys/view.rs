//! A descriptor looked at as one of std's types, for the calls that never wait.
//!
//! Options, addresses and flags of a socket are the same whoever asks, and std's wording of their
//! errors is part of what a drop-in promises: so std asks. Must never be used for a call that may wait,
//! but on the blocking pool.
#![expect(unsafe_code, reason = "views a borrowed descriptor as an owned one")]

use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd};

/// Calls `body` with `fd` as an `S`, which is not dropped, so the descriptor stays open.
pub(crate) fn with_std<S: FromRawFd, T>(fd: BorrowedFd<'_>, body: impl FnOnce(&S) -> T) -> T {
    // SAFETY: the descriptor is open while it is borrowed, and never closed through this view.
    let view = ManuallyDrop::new(unsafe { S::from_raw_fd(fd.as_raw_fd()) });
    body(&view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    #[test]
    fn view_is_std_s_and_leaves_the_descriptor_open() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let seen = with_std(socket.as_fd(), UdpSocket::local_addr).unwrap();
        assert_eq!(seen, socket.local_addr().unwrap());
    }
}
