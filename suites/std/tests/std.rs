//! std's own tests over greenroom. The root of this crate stands for std: its modules have std's names,
//! and where greenroom has one it is greenroom's.
#![allow(
    warnings,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    unsafe_code,
    reason = "std's tests are written to other rules than ours"
)]

pub use greenroom::{fs, io, process, thread, thread_local};
pub use std::{
    any, array, cell, char, clone, cmp, collections, convert, default, env, error, ffi, fmt,
    future, hash, hint, iter, marker, mem, num, ops, option, panic, path, pin, ptr, rc, result,
    slice, str, string, task, vec, write,
};

pub mod net {
    pub use greenroom::net::*;
    #[cfg(std_sources)]
    pub mod test {
        include!(concat!(env!("OUT_DIR"), "/net_test.rs"));
    }
}

/// Of std's own tests: directories that go with their names, and random numbers.
mod test_helpers {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicUsize, Ordering};

    pub(crate) use crate::common::test_rng;

    pub(crate) struct TempDir(PathBuf);

    impl TempDir {
        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        pub(crate) fn join(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for TempDir {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    pub(crate) fn tmpdir() -> TempDir {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-std-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        TempDir(path)
    }
}

/// Of std's own tests: a random number generator.
mod common {
    pub(crate) fn test_rng() -> rand_xorshift::XorShiftRng {
        use rand::SeedableRng;
        rand_xorshift::XorShiftRng::seed_from_u64(std::process::id().into())
    }
}

pub mod time {
    pub use greenroom::time::*;
    pub use std::time::*;
}

pub mod os {
    pub use greenroom::os::*;
    pub mod net {
        pub mod linux_ext {
            pub mod tcp {
                pub use greenroom::os::linux::net::TcpStreamExt;
            }
        }
    }
}

pub mod sync {
    pub use greenroom::sync::*;
    pub mod poison {
        pub use greenroom::sync::*;
    }
}

/// Unstable in std, and only a convenience.
macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        assert!(matches!($value, $pattern $(if $guard)?))
    };
}
pub(crate) use assert_matches;

use greenroom::Runtime;
use std::time::Duration;

/// A test that hangs fails, with its name, rather than all.
const LIMIT: Duration = Duration::from_secs(120);

fn watched(body: impl FnOnce()) {
    let (alive, guard) = std::sync::mpsc::channel::<()>();
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    std::thread::spawn(move || {
        if guard.recv_timeout(LIMIT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{name} hangs, aborting");
            std::process::abort();
        }
    });
    body();
    drop(alive);
}

/// Whose turn it is of the copies of one test.
type Turn = std::sync::Mutex<()>;

/// Where a test runs.
#[derive(Clone, Copy)]
enum Place {
    OsThread,
    /// In a green thread, of a runtime with so many.
    Workers(usize),
}

impl Place {
    fn run(self, turn: &Turn, test: fn()) {
        // A copy that failed is reported as such.
        let _turn = turn
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        watched(|| match self {
            Place::OsThread => test(),
            Place::Workers(workers) => {
                let runtime = Runtime::builder().workers(workers).build().unwrap();
                runtime.run(test);
            }
        });
    }

    fn run_to_a_panic(self, turn: &Turn, test: fn()) {
        let outcome = std::panic::catch_unwind(|| self.run(turn, test));
        assert!(outcome.is_err(), "it should have panicked");
    }
}

#[track_caller]
fn result_unwrap<T, E: std::fmt::Debug>(x: Result<T, E>) -> T {
    x.unwrap()
}

/// `parent` is the module of std that has the tests in it, which say `use super::*`; then what it imports.
macro_rules! files {
    ($($module:ident: $file:ident in $parent:path $(, $import:path)*;)*) => {$(
        #[cfg(std_sources)]
        mod $module {
            use crate::result_unwrap;
            pub use $parent::*;
            $(use $import;)*
            mod tests {
                include!(concat!(env!("OUT_DIR"), "/", stringify!($file), ".rs"));
            }
        }
    )*};
}

files! {
    barriers: barrier in crate::sync;
    condvars: condvar in crate::sync;
    files_of_std: fs in crate::fs;
    io_copy_: io_copy in crate::io;
    io_pipes: io_pipe in crate::io;
    io_stdio_: io_stdio in crate::io, crate::sync::Arc, crate::sync::Mutex;
    lazy_locks: lazy_lock in crate::sync;
    linux_sockets: linux_net in crate::net;
    mpsc_channels: mpsc in crate::sync::mpsc;
    mpsc_sync_channels: mpsc_sync in crate::sync::mpsc;
    mutexes: mutex in crate::sync;
    once_locks: once_lock in crate::sync;
    onces: once in crate::sync;
    processes: process in crate::process;
    rwlocks: rwlock in crate::sync;
    tcp: net_tcp in crate::net;
    thread_locals: thread_local in crate::thread;
    threads: thread in crate::thread;
    udp: net_udp in crate::net;
    unix_sockets: unix_net in crate::os::unix::net;
}

/// What is left out is told, with the reasons.
#[test]
fn what_is_left_out() {
    if cfg!(std_sources) {
        print!(
            "{}",
            include_str!(concat!(env!("OUT_DIR"), "/left_out.txt"))
        );
    } else {
        println!("no sources of std here: `rustup component add rust-src`, with Rust 1.95");
    }
}
