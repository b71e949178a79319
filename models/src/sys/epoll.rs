//! Stands in for `runtime/sys/epoll.rs` and for the socket behind it: edge-triggered, one descriptor.
//!
//! A change is an edge for the epoll that the socket is registered with; adding reports what is there
//! already as an edge; deleting drops edges that were not fetched. All under one lock, as in the
//! kernel.

use super::event::Event as Bell;
use super::lock::Lock;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

/// The only descriptor there is.
pub(crate) const FD: RawFd = 3;

/// What a source asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interest {
    Stream,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) key: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) closed: bool,
}

/// A stream socket with an unbounded receive buffer and room for one message to send.
#[derive(Debug)]
pub(crate) struct Socket {
    inner: Lock<Inner>,
    /// Rings when there are edges to fetch, or never will be.
    bell: Bell,
}

#[derive(Debug)]
struct Inner {
    bytes: u32,
    is_ended: bool,
    is_full: bool,
    registered: Option<(usize, u64)>,
    edge: Option<usize>,
    is_over: bool,
}

impl Socket {
    pub(crate) fn new() -> Arc<Socket> {
        Arc::new(Socket {
            inner: Lock::new(Inner {
                bytes: 0,
                is_ended: false,
                is_full: false,
                registered: None,
                edge: None,
                is_over: false,
            }),
            bell: Bell::new(),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock();
        change(&mut inner);
        if let Some((epoll, _)) = inner.registered {
            inner.edge = Some(epoll);
            self.bell.set();
        }
    }

    /// The peer sends `bytes`, and ends its direction if `end`: one edge for both.
    pub(crate) fn arrive(&self, bytes: u32, end: bool) {
        self.change(|inner| {
            inner.bytes += bytes;
            inner.is_ended |= end;
        });
    }

    /// The peer took what was sent.
    pub(crate) fn drain(&self) {
        self.change(|inner| inner.is_full = false);
    }

    /// Takes all there is: `Some(0)` is the end of the stream, `None` would block.
    pub(crate) fn receive(&self) -> Option<u32> {
        let mut inner = self.inner.lock();
        match std::mem::take(&mut inner.bytes) {
            0 if !inner.is_ended => None,
            bytes => Some(bytes),
        }
    }

    /// Takes one byte if there is one.
    pub(crate) fn receive_one(&self) -> Option<u32> {
        let mut inner = self.inner.lock();
        inner.bytes = inner.bytes.checked_sub(1)?;
        Some(1)
    }

    /// Sends one message; `None` would block.
    pub(crate) fn send(&self) -> Option<()> {
        let mut inner = self.inner.lock();
        (!std::mem::replace(&mut inner.is_full, true)).then_some(())
    }

    pub(crate) fn is_readable(&self) -> bool {
        let inner = self.inner.lock();
        inner.bytes > 0 || inner.is_ended
    }

    pub(crate) fn is_writable(&self) -> bool {
        !self.inner.lock().is_full
    }

    /// Waits for an edge; returns which epoll it is for, and what that reports: the present state.
    /// `None`: there will be no more.
    pub(crate) fn next_edge(&self) -> Option<(usize, Event)> {
        loop {
            {
                let mut inner = self.inner.lock();
                if let Some(epoll) = inner.edge.take() {
                    let (_, key) = inner
                        .registered
                        .expect("because deleting drops what was not fetched");
                    return Some((epoll, inner.event(key)));
                }
                if inner.is_over {
                    return None;
                }
            }
            self.bell.take();
        }
    }

    /// Nobody will wait any more.
    pub(crate) fn end_edges(&self) {
        self.inner.lock().is_over = true;
        self.bell.set();
    }
}

impl Inner {
    fn event(&self, key: u64) -> Event {
        Event {
            key,
            readable: self.bytes > 0 || self.is_ended,
            writable: !self.is_full,
            closed: self.is_ended,
        }
    }
}

/// One worker's epoll.
#[derive(Debug)]
pub(crate) struct Epoll {
    index: usize,
    socket: Arc<Socket>,
}

impl Epoll {
    pub(crate) fn new(index: usize, socket: Arc<Socket>) -> Epoll {
        Epoll { index, socket }
    }

    pub(crate) fn add(&self, fd: RawFd, interest: Interest, key: u64) -> io::Result<()> {
        let (Interest::Stream, FD) = (interest, fd) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut inner = self.socket.inner.lock();
        assert!(inner.registered.is_none(), "registered twice");
        inner.registered = Some((self.index, key));
        // A stream socket's state is never empty: it is at least writable, or full for now.
        let event = inner.event(key);
        if event.readable || event.writable {
            inner.edge = Some(self.index);
            self.socket.bell.set();
        }
        Ok(())
    }

    pub(crate) fn delete(&self, _fd: RawFd) {
        let mut inner = self.socket.inner.lock();
        inner.registered = None;
        inner.edge = None;
    }
}
