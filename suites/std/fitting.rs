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
    "Dir",
    "Guard::map",
    "Guard::filter_map",
    "MappedMutexGuard",
    "MappedRwLockReadGuard",
    "MappedRwLockWriteGuard",
    "SocketAncillary",
    "Uncategorized",
    "UnixSocketExt",
    "current_os_id",
    "get_cloned",
    "fs::set_times",
    "get_or_try_init",
    "mkfifo",
    "mpmc",
    "nonpoison",
    "nonpoison_and_poison_unwrap_test",
    "set_linger",
    "set_deferaccept",
    "set_times_nofollow",
];

/// `Mutex::set` and `replace`, and those of `RwLock`.
const ACCESSORS: &[(&str, &str)] = &[
    ("poison_test_set", "`set` is unstable in std"),
    ("poison_test_set_drop", "`set` is unstable in std"),
    ("poison_test_replace", "`replace` is unstable in std"),
    ("test_set_poison", "`set` is unstable in std"),
    ("test_replace_poison", "`replace` is unstable in std"),
];

/// Files of tests about what greenroom has, that are not taken.
pub(crate) const NOT_TAKEN: &[(&str, &str)] = &[
    (
        "std/tests/pipe_subprocess.rs",
        "starts its own program again",
    ),
    (
        "std/tests/process_spawning.rs",
        "starts its own program again",
    ),
    (
        "std/tests/switch-stdout.rs",
        "exchanges the test's standard output",
    ),
    (
        "std/src/os/unix/fs/tests.rs",
        "all of it is unstable in std",
    ),
    (
        "std/src/io/buffered/tests.rs",
        "std's own types, re-exported",
    ),
    (
        "std/tests/sync/{mpmc,oneshot,reentrant_lock}.rs",
        "unstable in std",
    ),
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
    File {
        module: "net_udp",
        path: "std/src/net/udp/tests.rs",
        skip: &[],
        edits: &[(
            "udpsock.0.socket().as_raw()",
            "crate::os::fd::AsRawFd::as_raw_fd(&udpsock)",
        )],
    },
    File {
        module: "unix_net",
        path: "std/src/os/unix/net/tests.rs",
        skip: &[
            ("test_unix_stream_peek", "`peek` is unstable in std"),
            ("test_unix_datagram_peek", "`peek` is unstable in std"),
            (
                "test_unix_datagram_peek_from",
                "`peek_from` is unstable in std",
            ),
        ],
        edits: &[],
    },
    File {
        module: "linux_net",
        path: "std/src/os/net/linux_ext/tests.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "process",
        path: "std/src/process/tests.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "fs",
        path: "std/src/fs/tests.rs",
        skip: &[],
        edits: &[("dir_entry.0.path()", "dir_entry.path()")],
    },
    File {
        module: "io_pipe",
        path: "std/src/io/pipe/tests.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "io_stdio",
        path: "std/src/io/stdio/tests.rs",
        skip: &[],
        edits: &[],
    },
    File {
        module: "io_copy",
        path: "std/src/io/copy/tests.rs",
        skip: &[],
        edits: &[
            ("mod io_benches", "#[cfg(any())]\nmod io_benches"),
            ("DEFAULT_BUF_SIZE", "8192"),
        ],
    },
];
