//! Opening a file whose path the kernel has in memory, without a trip to the blocking pool.
//!
//! `RESOLVE_CACHED` (Linux 5.12) never waits for a disk. It may succeed where `cap-std` would, too: the
//! flags that keep a path inside are the same. Whatever else happens, `cap-std` is asked, on the pool.

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use std::fs::File;
use std::path::Path;

/// None: ask again where waiting is no harm.
pub(super) fn open(dir: &Dir, path: &Path) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::CACHED;
    openat2(dir, path, flags, Mode::empty(), resolve)
        .ok()
        .map(File::from)
}
