//! Many green threads at a time: groups and pools of them, functions over many items, waits for many
//! handles.
//!
//! | gevent | here |
//! |---|---|
//! | `gevent.pool.Group` | [`Group`]: `spawn`, `join`, `cancel` (its `kill`), `len` |
//! | `gevent.pool.Pool` | [`Pool`]: also `try_spawn`, `free_count`, `wait_available` |
//! | `map`, `imap`, `imap_unordered`, `apply`, `apply_async` | the methods of both, and the functions here |
//! | `gevent.joinall(greenlets, timeout, count)` | [`join_all`] |
//! | `gevent.iwait`, `concurrent.futures.as_completed` | [`as_completed`] |
//! | `gevent.wait(objects, count=1)` | [`wait_any`] |
//! | `gevent.killall` | [`cancel_all`]; then [`join_all`] to wait |
//!
//! Who comes first waits least: room in a pool is handed over in the order of those who wait for it. A
//! member's panic stays with it, and is told by whoever asks: its handle, the results of a map, or the
//! [`Report`] of the group's `join`. To cancel the siblings at the first panic, use a scope and
//! [`Scope::cancel_on_panic`](crate::thread::Scope::cancel_on_panic). Everything works on green threads
//! and on OS threads; from an OS thread, members are spawned on the global runtime.
//!
//! What has no timed form of its own takes a [`timeout`](crate::timeout) around it.

mod completed;
mod face;
mod handle;
mod imap;
mod map;
mod member;
mod pool;
mod report;
mod roster;
mod unbounded;
mod watched;

pub use completed::{
    AsCompleted, Joined, as_completed, as_completed_timeout, cancel_all, join_all, wait_any,
    wait_any_timeout,
};
pub use handle::Handle;
pub use imap::{Imap, ImapUnordered};
pub use map::{apply, apply_async, imap, imap_unordered, map, map_results};
pub use member::Member;
pub use pool::Pool;
pub use report::{Failure, Report};
pub use unbounded::Group;

pub(crate) use watched::Ends;
