//! The listening sockets that greenroom holds: who shares one, and which mode its user chose.
//!
//! `accept4` has no "do not wait" of its own, so a listener's open file is non-blocking while any
//! handle of ours lives; the last one restores the user's mode. Handles find each other by the
//! socket's cookie, because they may come from clones made elsewhere (`From<std::net::TcpListener>`
//! once per worker): the second would take the flag that the first has set for its user's, and the
//! first to go would make the others' accepts block their workers. Called by `evented` only.

use super::settings::Settings;
use crate::sys::fd;
use crate::sys::lock::Lock;
use crate::sys::socket::option;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

#[derive(Debug)]
struct Held {
    /// `None`: no socket, so nothing to recognise it by.
    cookie: Option<u64>,
    settings: Arc<Settings>,
    handles: usize,
}

/// A handful at most; scanned when a handle comes or goes.
static HELD: Lock<Vec<Held>> = Lock::new(Vec::new());

/// A handle comes: the settings it shares with the others, or those the socket came with.
pub(super) fn enter(fd: BorrowedFd<'_>) -> Arc<Settings> {
    let cookie = option::cookie(fd).ok();
    let mut held = HELD.lock();
    let known = held
        .iter_mut()
        .find(|held| cookie.is_some() && held.cookie == cookie);
    if let Some(known) = known {
        known.handles += 1;
        return Arc::clone(&known.settings);
    }
    let settings = Arc::new(Settings::of_kernel(fd));
    // A failure shows at the first accept, which then blocks its OS thread: as std would.
    let _ = fd::set_nonblocking(fd, true);
    held.push(Held {
        cookie,
        settings: Arc::clone(&settings),
        handles: 1,
    });
    settings
}

/// A handle goes, with its descriptor still open. With the lock held over the restoring, a handle
/// that comes meanwhile sees either the old entry or the user's mode.
pub(super) fn leave(fd: BorrowedFd<'_>, settings: &Arc<Settings>) {
    let mut held = HELD.lock();
    let at = held
        .iter()
        .position(|held| Arc::ptr_eq(&held.settings, settings))
        .expect("because every listener entered");
    held[at].handles -= 1;
    if held[at].handles > 0 {
        return;
    }
    held.swap_remove(at);
    if !settings.is_nonblocking() {
        let _ = fd::set_nonblocking(fd, false);
    }
}
