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
    pub use std::os::*;
}

pub mod sync {
    pub use greenroom::sync::*;
    pub mod poison {
        pub use greenroom::sync::*;
    }
}

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

/// Where a test runs.
#[derive(Clone, Copy)]
enum Place {
    OsThread,
    /// In a green thread, of a runtime with so many.
    Workers(usize),
}

impl Place {
    fn run(self, test: fn()) {
        watched(|| match self {
            Place::OsThread => test(),
            Place::Workers(workers) => {
                let runtime = Runtime::builder().workers(workers).build().unwrap();
                runtime.run(test);
            }
        });
    }

    fn run_to_a_panic(self, test: fn()) {
        let outcome = std::panic::catch_unwind(|| self.run(test));
        assert!(outcome.is_err(), "it should have panicked");
    }
}

#[track_caller]
fn result_unwrap<T, E: std::fmt::Debug>(x: Result<T, E>) -> T {
    x.unwrap()
}

macro_rules! files {
    ($($tests:ident: $file:ident),* $(,)?) => {$(
        #[cfg(std_sources)]
        mod $tests {
            #[allow(unused_imports, reason = "some files name what is in their parent")]
            use super::*;
            include!(concat!(env!("OUT_DIR"), "/", stringify!($file), ".rs"));
        }
    )*};
}

files! {
    net_tcp_tests: net_tcp,
    thread_tests: thread,
    thread_local_tests: thread_local,
    mutex_tests: mutex,
    rwlock_tests: rwlock,
    condvar_tests: condvar,
    barrier_tests: barrier,
    once_tests: once,
    once_lock_tests: once_lock,
    lazy_lock_tests: lazy_lock,
    mpsc_tests: mpsc,
    mpsc_sync_tests: mpsc_sync,
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
