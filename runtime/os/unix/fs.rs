//! [`std::os::unix::fs`] for green threads: std's traits, and its functions on the blocking pool.
//!
//! The types of [`crate::fs`] implement the traits, so they mix with std's types.

use crate::unblock::{Lane, lend};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs;
use std::path::Path;

pub use std::os::unix::fs::{
    DirBuilderExt, DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};

/// Makes a symbolic link at `link` that leads to `original`. Parks.
///
/// # Errors
/// As [`std::os::unix::fs::symlink`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// let link = std::env::temp_dir().join(format!("greenroom-symlink-{}", std::process::id()));
/// greenroom::os::unix::fs::symlink("anywhere", &link)?;
/// assert_eq!(greenroom::fs::read_link(&link)?.to_str(), Some("anywhere"));
/// # greenroom::fs::remove_file(&link)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    lend(Lane::Brief, || fs::symlink(original, link))
}

/// Changes the owner and group of a file; a link is followed. Parks.
///
/// # Errors
/// As [`std::os::unix::fs::chown`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// let error = greenroom::os::unix::fs::chown("missing", None, None).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
pub fn chown<P: AsRef<Path>>(dir: P, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let dir = dir.as_ref();
    lend(Lane::Brief, || fs::chown(dir, uid, gid))
}

/// Changes the owner and group of an open file. Parks.
///
/// # Errors
/// As [`std::os::unix::fs::fchown`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// let file = greenroom::fs::File::open("Cargo.toml")?;
/// greenroom::os::unix::fs::fchown(&file, None, None)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn fchown<F: AsFd>(fd: F, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let fd = fd.as_fd();
    lend(Lane::Brief, || fs::fchown(fd, uid, gid))
}

/// Changes the owner and group of a file; a link is a link. Parks.
///
/// # Errors
/// As [`std::os::unix::fs::lchown`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// let error = greenroom::os::unix::fs::lchown("missing", None, None).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
pub fn lchown<P: AsRef<Path>>(dir: P, uid: Option<u32>, gid: Option<u32>) -> io::Result<()> {
    let dir = dir.as_ref();
    lend(Lane::Brief, || fs::lchown(dir, uid, gid))
}

/// Makes `dir` the root of the process, of all its threads. Parks.
///
/// # Errors
/// As [`std::os::unix::fs::chroot`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// let error = greenroom::os::unix::fs::chroot("missing").unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// ```
pub fn chroot<P: AsRef<Path>>(dir: P) -> io::Result<()> {
    let dir = dir.as_ref();
    lend(Lane::Brief, || fs::chroot(dir))
}
