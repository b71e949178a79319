//! Where the bodies run, and what they share: paths, names, listeners and queues that are full.
#![expect(unsafe_code, reason = "a small backlog needs listen(2)")]

use crate::common::{Rt, watchdog};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A time that passes during the test.
pub(crate) const SHORT: Duration = Duration::from_millis(20);

/// Calls a test on this OS thread.
#[track_caller]
pub(crate) fn once(test: impl Fn()) {
    let _watchdog = watchdog();
    test();
}

/// Calls a test on green threads of 1 and 2 workers, and on this OS thread.
#[track_caller]
pub(crate) fn everywhere(test: impl Fn() + Sync) {
    on_green_threads(&test);
    once(test);
}

/// Calls a test on green threads of 1 and 2 workers.
#[track_caller]
pub(crate) fn on_green_threads(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(&test);
    }
}

fn unique() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("greenroom-{}-{next}", std::process::id())
}

/// A name that nobody else uses.
pub(crate) fn abstract_addr() -> (Vec<u8>, SocketAddr) {
    let name = unique().into_bytes();
    let addr = SocketAddr::from_abstract_name(&name).unwrap();
    (name, addr)
}

/// A directory for sockets, gone at the end.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Dir {
        let path = std::env::temp_dir().join(unique());
        std::fs::create_dir(&path).unwrap();
        Dir(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A listener at `path` with one connection in its queue, which is full with it.
pub(crate) fn full_listener(path: &Path) -> (UnixListener, UnixStream) {
    let listener = UnixListener::bind(path).unwrap();
    // SAFETY: no pointers; a second listen on a listening socket sets its backlog.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let queued = UnixStream::connect(path).unwrap();
    (listener, queued)
}

/// A receiver at `path` whose queue is full, and how many datagrams (of one byte, 0) are in it.
pub(crate) fn full_receiver(path: &Path) -> (UnixDatagram, usize) {
    let receiver = UnixDatagram::bind(path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    for count in 0.. {
        match sender.send_to(&[0], path) {
            Ok(sent) => assert_eq!(sent, 1),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return (receiver, count);
            }
        }
    }
    unreachable!("a queue is bounded")
}

/// Gives others the time to reach their waits. Only makes an order likely.
pub(crate) fn settle() {
    greenroom::thread::sleep(Duration::from_millis(10));
}

/// O_NONBLOCK of an open file.
pub(crate) fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    // SAFETY: no pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

/// Whether a child would inherit it.
pub(crate) fn is_close_on_exec(fd: &impl AsRawFd) -> bool {
    // SAFETY: no pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
    assert!(flags >= 0);
    flags & libc::FD_CLOEXEC != 0
}
