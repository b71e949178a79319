//! Which of std's test files are taken, and what of them is left out, and why.

pub(crate) struct File {
    /// Its name in `tests/std.rs`.
    pub(crate) module: &'static str,
    /// Inside `library/`.
    pub(crate) path: &'static str,
    /// Tests that are left out, with the reason.
    pub(crate) skip: &'static [(&'static str, &'static str)],
    /// Imports of what is unstable, and the like.
    pub(crate) edits: &'static [(&'static str, &'static str)],
}

/// What a test names and stable Rust does not have.
pub(crate) const UNSTABLE: &[&str] = &[
    "BorrowedBuf",
    "Guard::map",
    "Guard::filter_map",
    "MappedMutexGuard",
    "MappedRwLockReadGuard",
    "MappedRwLockWriteGuard",
    "Uncategorized",
    "assert_matches",
    "current_os_id",
    "get_cloned",
    "get_or_try_init",
    "mpmc",
    "nonpoison",
    "nonpoison_and_poison_unwrap_test",
    "set_linger",
];

/// `Mutex::set` and `replace`, and those of `RwLock`.
const ACCESSORS: &[(&str, &str)] = &[
    ("poison_test_set", "`set` is unstable in std"),
    ("poison_test_set_drop", "`set` is unstable in std"),
    ("poison_test_replace", "`replace` is unstable in std"),
    ("test_set_poison", "`set` is unstable in std"),
    ("test_replace_poison", "`replace` is unstable in std"),
];

pub(crate) const FILES: &[File] = &[
    File {
        module: "net_test",
        path: "std/src/net/test.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "net_tcp",
        path: "std/src/net/tcp/tests.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "thread",
        path: "std/src/thread/tests.rs",
        skip: &[(
            "test_named_thread_truncation",
            "asks the kernel for the name of the OS thread",
        )],
        edits: &[("super::sleep", "thread::sleep")],
    },
    File {
        module: "thread_local",
        path: "std/tests/thread_local/tests.rs",
        skip: &[],
        edits: &[("#[cfg(target_thread_local)]", "")],
    },
    File {
        module: "mutex",
        path: "std/tests/sync/mutex.rs",
        skip: ACCESSORS,
        edits: &[],
    },
    File {
        module: "rwlock",
        path: "std/tests/sync/rwlock.rs",
        skip: ACCESSORS,
        edits: &[],
    },
    File {
        module: "condvar",
        path: "std/tests/sync/condvar.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "barrier",
        path: "std/tests/sync/barrier.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "once",
        path: "std/tests/sync/once.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "once_lock",
        path: "std/tests/sync/once_lock.rs",
        skip: &[],
        // A reader that spins: std knows a target where it must yield, and so must a green thread.
        edits: &[(r#"#[cfg(target_env = "sgx")]"#, "")],
    },
    File {
        module: "lazy_lock",
        path: "std/tests/sync/lazy_lock.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "mpsc",
        path: "std/tests/sync/mpsc.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "mpsc_sync",
        path: "std/tests/sync/mpsc_sync.rs",
        skip: &[],
        edits: &[],
    },
];
