//! Bytes with descriptors over a Unix stream socket (`SCM_RIGHTS`), with and without waiting.
//!
//! The descriptors arrive with the first byte of what was sent with them. The socket's mode is never changed:
//! each call says for itself that it does not wait (`MSG_DONTWAIT`), and who may park waits by
//! `greenroom::multiplex`, which also works on OS threads. Received descriptors are close-on-exec at once.

use super::handover::DESCRIPTORS_MAX;
use greenroom::multiplex::{POLLIN, POLLOUT, Poll, PollFlags};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

/// Room for as many descriptors as the kernel sends at once.
const SPACE: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX + 3));

/// Sends the first bytes with all of `fds`; returns how many bytes went. Waits in the kernel unless told
/// not to.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = flags | SendFlags::NOSIGNAL;
    loop {
        match rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            sent => return Ok(sent?),
        }
    }
}

/// Receives bytes, and appends the descriptors that come with them. Zero bytes are the end.
pub(super) fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    flags: RecvFlags,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let received = loop {
        match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            received => break received?,
        }
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            fds.extend(more);
        }
    }
    Ok(received.bytes)
}

/// [`send`] that parks its green thread until there is room.
pub(super) fn send_parking(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[OwnedFd],
) -> io::Result<usize> {
    let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    loop {
        match send(socket, bytes, &fds, SendFlags::DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return sent,
        }
        is_ready(socket, POLLOUT, None)?;
    }
}

/// [`receive`] that parks its green thread until something comes, or the deadline.
pub(super) fn receive_parking(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
    deadline: Option<Instant>,
) -> io::Result<usize> {
    loop {
        match receive(socket, bytes, fds, RecvFlags::DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            received => return received,
        }
        if !is_readable(socket, deadline)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// Parks until there is something to read or the end, or the deadline: then it is false.
pub(super) fn is_readable(socket: BorrowedFd<'_>, deadline: Option<Instant>) -> io::Result<bool> {
    is_ready(socket, POLLIN, deadline)
}

fn is_ready(
    socket: BorrowedFd<'_>,
    events: PollFlags,
    deadline: Option<Instant>,
) -> io::Result<bool> {
    let poll = Poll::new();
    poll.register(&socket, events);
    let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
    Ok(!poll.poll(left)?.is_empty())
}
