//! Directories that go away with their test, FIFOs, and the places where a test runs.

use crate::common::{Rt, watchdog};
use std::ffi::CString;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty directory; removed, with what is in it, when dropped.
#[derive(Debug)]
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Dir {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-fs-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Dir(path.canonicalize().unwrap())
    }

    /// A file with `contents`.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    #[expect(unsafe_code, reason = "mkfifo, which std has not stable")]
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        let text = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: a path that ends in NUL, and outlives the call.
        let made = unsafe { libc::mkfifo(text.as_ptr(), 0o600) };
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
        path
    }
}

impl Deref for Dir {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Calls `test` on an OS thread, and on green threads with one and with two workers.
#[track_caller]
pub(crate) fn in_all_places(test: impl Fn(&Dir) + Sync) {
    let _watchdog = watchdog();
    test(&Dir::new());
    on_green_threads(|_, dir| test(dir));
}

/// Calls `test` as a green thread with one and with two workers.
#[track_caller]
pub(crate) fn on_green_threads(test: impl Fn(&Rt, &Dir) + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let rt = Rt::with_workers(workers);
        rt.run(|| test(&rt, &Dir::new()));
    }
}

/// Calls `test` on an OS thread with a runtime of one and of two workers.
#[track_caller]
pub(crate) fn with_runtimes(test: impl Fn(&Rt, &Dir)) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        test(&Rt::with_workers(workers), &Dir::new());
    }
}

/// How many OS threads this process has.
pub(crate) fn os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
