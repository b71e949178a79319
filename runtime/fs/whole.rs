//! [`read()`], [`read_to_string`], [`write`], [`copy`]: whole files by their paths.
//!
//! One trip to the blocking pool, by std's own functions, if the path names a regular file or nothing.
//! Otherwise it may be a FIFO or a device, which may let everybody wait: then the same steps are gone
//! through with our own [`File`].

use super::{File, OpenOptions};
use crate::unblock::{Lane, lend};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Whether no call on `path` waits for anything but a disk.
fn is_brief(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file() || metadata.is_dir())
}

/// Runs `in_std` in one trip if `path` and `other` are brief.
fn in_one_trip<T: Send>(
    path: &Path,
    other: &Path,
    in_std: impl FnOnce() -> io::Result<T> + Send,
) -> Option<io::Result<T>> {
    lend(Lane::Brief, || {
        (is_brief(path) && is_brief(other)).then(in_std)
    })
}

/// All that is in a file. Parks; for a FIFO until its writers have gone.
///
/// # Errors
/// As [`std::fs::read`].
///
/// # Cancel
/// See [`crate::fs`]; what was read of a FIFO is lost.
///
/// # Examples
/// ```
/// let bytes = greenroom::fs::read("Cargo.toml")?;
/// assert!(bytes.starts_with(b"["));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    in_one_trip(path, path, || fs::read(path)).unwrap_or_else(|| {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// All that is in a file of UTF-8. Parks; for a FIFO until its writers have gone.
///
/// # Errors
/// As [`std::fs::read_to_string`]: `InvalidData` for what is not UTF-8.
///
/// # Cancel
/// See [`crate::fs`]; what was read of a FIFO is lost.
///
/// # Examples
/// ```
/// assert!(greenroom::fs::read_to_string("Cargo.toml")?.contains("greenroom"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    let path = path.as_ref();
    in_one_trip(path, path, || fs::read_to_string(path)).unwrap_or_else(|| {
        let mut text = String::new();
        File::open(path)?.read_to_string(&mut text)?;
        Ok(text)
    })
}

/// Makes a file, or empties it, and writes `contents` to it. Parks; for a FIFO until a reader has taken
/// all but what the FIFO holds.
///
/// # Errors
/// As [`std::fs::write`].
///
/// # Cancel
/// See [`crate::fs`]; a FIFO may have taken a part.
///
/// # Examples
/// ```
/// let path = std::env::temp_dir().join(format!("greenroom-write-{}", std::process::id()));
/// greenroom::fs::write(&path, "text")?;
/// assert_eq!(greenroom::fs::read_to_string(&path)?, "text");
/// # greenroom::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
    let (path, contents) = (path.as_ref(), contents.as_ref());
    in_one_trip(path, path, || fs::write(path, contents))
        .unwrap_or_else(|| File::create(path)?.write_all(contents))
}

/// Copies contents and permissions of a regular file; returns the count of bytes. Parks.
///
/// # Errors
/// As [`std::fs::copy`]: `InvalidInput` if `from` is not a regular file.
///
/// # Cancel
/// See [`crate::fs`]; what is no regular file may have taken a part.
///
/// # Examples
/// ```
/// let path = std::env::temp_dir().join(format!("greenroom-copy-{}", std::process::id()));
/// let bytes = greenroom::fs::copy("Cargo.toml", &path)?;
/// assert_eq!(greenroom::fs::metadata(&path)?.len(), bytes);
/// # greenroom::fs::remove_file(&path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    in_one_trip(from, to, || fs::copy(from, to)).unwrap_or_else(|| copy_by_files(from, to))
}

/// As std does it.
fn copy_by_files(from: &Path, to: &Path) -> io::Result<u64> {
    let mut reader = File::open(from)?;
    let metadata = reader.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the source path is neither a regular file nor a symlink to a regular file",
        ));
    }
    let permissions = metadata.permissions();
    let mut writer = OpenOptions::new()
        .mode(permissions.mode())
        .write(true)
        .create(true)
        .truncate(true)
        .open(to)?;
    if writer.metadata()?.is_file() {
        writer.set_permissions(permissions)?;
    }
    io::copy(&mut reader, &mut writer)
}
