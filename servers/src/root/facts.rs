//! What a file system says of a file: the part that servers pass on.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// Whether a name is a file, a directory, or something that no server opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A FIFO, a socket, a device.
    Other,
}

/// What a file is, from one `stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// File, directory, or neither.
    pub kind: Kind,
    /// Its bytes.
    pub len: u64,
    /// When its contents changed last.
    pub modified: SystemTime,
    /// The file system it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// Its permission bits: `0o644`.
    pub mode: u32,
}

impl Facts {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Facts {
        let kind = match metadata {
            _ if metadata.is_file() => Kind::File,
            _ if metadata.is_dir() => Kind::Directory,
            _ => Kind::Other,
        };
        Facts {
            kind,
            len: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
            mode: metadata.mode() & 0o7777,
        }
    }

    pub(super) fn of_cap(metadata: &cap_std::fs::Metadata) -> Facts {
        use cap_std::fs::MetadataExt;
        let kind = match metadata {
            _ if metadata.is_file() => Kind::File,
            _ if metadata.is_dir() => Kind::Directory,
            _ => Kind::Other,
        };
        Facts {
            kind,
            len: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
            mode: metadata.mode() & 0o7777,
        }
    }
}

/// A time of the file system; what does not fit is the epoch.
fn time(seconds: i64, nanos: i64) -> SystemTime {
    let nanos = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = match seconds >= 0 {
        true => SystemTime::UNIX_EPOCH.checked_add(whole),
        false => SystemTime::UNIX_EPOCH.checked_sub(whole),
    };
    base.and_then(|base| base.checked_add(nanos))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
