//! The functions of [`std::fs`] that take paths and no open file: std's own, on the blocking pool.
//!
//! A caller's `as_ref` runs on the caller's stack; the pool sees paths only.

use crate::unblock::{Lane, lend};
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// The absolute path, without links and dots. Parks.
///
/// # Errors
/// As [`std::fs::canonicalize`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// assert!(greenroom::fs::canonicalize(".")?.is_absolute());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::canonicalize(path))
}

/// Makes a directory. Parks.
///
/// # Errors
/// As [`std::fs::create_dir`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-create-dir-{}", std::process::id()));
/// greenroom::fs::create_dir(&there)?;
/// # greenroom::fs::remove_dir(&there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::create_dir(path))
}

/// Makes a directory and the parents that are missing. Parks.
///
/// # Errors
/// As [`std::fs::create_dir_all`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-create-dir-all-{}", std::process::id()));
/// greenroom::fs::create_dir_all(there.join("deep/down"))?;
/// # greenroom::fs::remove_dir_all(&there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::create_dir_all(path))
}

/// Whether there is something at a path; a link is followed. Parks.
///
/// # Errors
/// As [`std::fs::exists`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// assert!(greenroom::fs::exists("Cargo.toml")?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::exists(path))
}

/// Gives a file a second name. Parks.
///
/// # Errors
/// As [`std::fs::hard_link`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-hard-link-{}", std::process::id()));
/// # greenroom::fs::create_dir(&there)?;
/// greenroom::fs::write(there.join("a"), "text")?;
/// greenroom::fs::hard_link(there.join("a"), there.join("b"))?;
/// assert_eq!(greenroom::fs::read(there.join("b"))?, b"text");
/// # greenroom::fs::remove_dir_all(&there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    lend(Lane::Brief, || fs::hard_link(original, link))
}

/// What is known of a file; a link is followed. Parks.
///
/// # Errors
/// As [`std::fs::metadata`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// assert!(greenroom::fs::metadata("Cargo.toml")?.is_file());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::metadata(path))
}

/// Where a symbolic link leads. Parks.
///
/// # Errors
/// As [`std::fs::read_link`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// let target = greenroom::fs::read_link("/proc/self")?;
/// assert_eq!(target.to_str(), Some(&*std::process::id().to_string()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::read_link(path))
}

/// Removes an empty directory. Parks.
///
/// # Errors
/// As [`std::fs::remove_dir`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-remove-dir-{}", std::process::id()));
/// greenroom::fs::create_dir(&there)?;
/// greenroom::fs::remove_dir(&there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::remove_dir(path))
}

/// Removes a directory and all that is in it; links are removed, not followed. Parks.
///
/// # Errors
/// As [`std::fs::remove_dir_all`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-remove-dir-all-{}", std::process::id()));
/// greenroom::fs::create_dir_all(there.join("deep/down"))?;
/// greenroom::fs::remove_dir_all(&there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::remove_dir_all(path))
}

/// Removes a name of a file. Parks.
///
/// # Errors
/// As [`std::fs::remove_file`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-remove-file-{}", std::process::id()));
/// greenroom::fs::write(&there, "text")?;
/// greenroom::fs::remove_file(&there)?;
/// assert!(!greenroom::fs::exists(&there)?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::remove_file(path))
}

/// Gives a file another name, replacing what had it. Parks.
///
/// # Errors
/// As [`std::fs::rename`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-rename-{}", std::process::id()));
/// greenroom::fs::write(&there, "text")?;
/// let then = there.with_extension("old");
/// greenroom::fs::rename(&there, &then)?;
/// greenroom::fs::remove_file(&then)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    lend(Lane::Brief, || fs::rename(from, to))
}

/// Sets the permissions of a file; a link is followed. Parks.
///
/// # Errors
/// As [`std::fs::set_permissions`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-set-permissions-{}", std::process::id()));
/// greenroom::fs::write(&there, "text")?;
/// let mut permissions = greenroom::fs::metadata(&there)?.permissions();
/// permissions.set_readonly(true);
/// greenroom::fs::set_permissions(&there, permissions)?;
/// # greenroom::fs::remove_file(&there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_permissions<P: AsRef<Path>>(path: P, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::set_permissions(path, permissions))
}

/// Makes a symbolic link. Parks.
///
/// # Errors
/// As [`std::fs::soft_link`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// # let there = std::env::temp_dir().join(format!("greenroom-soft-link-{}", std::process::id()));
/// # #[expect(deprecated, reason = "it is the example")]
/// greenroom::fs::soft_link("anywhere", &there)?;
/// # greenroom::fs::remove_file(&there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[deprecated(note = "as in std: use `os::unix::fs::symlink`")]
#[expect(deprecated, reason = "std still has it")]
pub fn soft_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    lend(Lane::Brief, || fs::soft_link(original, link))
}

/// What is known of a file; a link is a link. Parks.
///
/// # Errors
/// As [`std::fs::symlink_metadata`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// assert!(greenroom::fs::symlink_metadata("/proc/self")?.is_symlink());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref();
    lend(Lane::Brief, || fs::symlink_metadata(path))
}
