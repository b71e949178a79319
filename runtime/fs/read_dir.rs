//! [`read_dir`], [`ReadDir`], [`DirEntry`]: entries come in batches, one trip to the pool for each.
//!
//! The kernel hands over about a thousand entries per call, so std reads ahead as well. A batch also
//! brings each entry's type, which most file systems store in the directory; where one does not, a trip
//! more per entry is saved by asking for it while the thread is there.

use crate::unblock::{Lane, lend};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::DirEntryExt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};

/// Entries per trip: a tenth of a microsecond of the trip for each.
const BATCH: usize = 128;

/// The entries of a directory, without `.` and `..`. Parks.
///
/// # Errors
/// As [`std::fs::read_dir`].
///
/// # Cancel
/// See [`crate::fs`].
///
/// # Examples
/// ```
/// let mut names = Vec::new();
/// for entry in greenroom::fs::read_dir(".")? {
///     names.push(entry?.file_name());
/// }
/// assert!(names.contains(&"Cargo.toml".into()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let path = path.as_ref();
    let std = lend(Lane::Brief, || fs::read_dir(path))?;
    Ok(ReadDir {
        std,
        batch: VecDeque::new(),
        is_at_end: false,
    })
}

/// Iterator over a directory, made by [`read_dir`], as [`std::fs::ReadDir`].
///
/// # Examples
/// ```
/// let mut entries = greenroom::fs::read_dir(".")?;
/// assert!(entries.next().is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ReadDir {
    std: fs::ReadDir,
    batch: VecDeque<io::Result<DirEntry>>,
    is_at_end: bool,
}

impl ReadDir {
    fn fetch(&mut self) {
        let (std, batch) = (&mut self.std, &mut self.batch);
        self.is_at_end = lend(Lane::Brief, || {
            let entries = std.by_ref().take(BATCH);
            batch.extend(entries.map(|entry| entry.map(DirEntry::new)));
            batch.len() < BATCH
        });
    }
}

// As std's: an error that waits for its turn is only ever handed over.
impl UnwindSafe for ReadDir {}
impl RefUnwindSafe for ReadDir {}

/// Parks now and then.
impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        if self.batch.is_empty() && !self.is_at_end {
            self.fetch();
        }
        self.batch.pop_front()
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

/// An entry of a directory, as [`std::fs::DirEntry`].
///
/// # Examples
/// ```
/// let entry = greenroom::fs::read_dir("/dev/fd/")?.next().unwrap()?;
/// assert!(entry.path().starts_with("/dev/fd"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct DirEntry {
    std: fs::DirEntry,
    /// As far as it was known.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// On a thread of the pool.
    fn new(std: fs::DirEntry) -> DirEntry {
        let file_type = std.file_type().ok();
        DirEntry { std, file_type }
    }

    /// The directory's path with the name joined to it. Never parks.
    ///
    /// # Examples
    /// ```
    /// for entry in greenroom::fs::read_dir(".")? {
    ///     assert!(entry?.path().starts_with("."));
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.std.path()
    }

    /// What is known of the file; a link is not followed. Parks.
    ///
    /// # Errors
    /// As [`std::fs::DirEntry::metadata`], for one when it has been removed.
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// for entry in greenroom::fs::read_dir(".")? {
    ///     let entry = entry?;
    ///     assert_eq!(entry.metadata()?.file_type(), entry.file_type()?);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metadata(&self) -> io::Result<Metadata> {
        lend(Lane::Brief, || self.std.metadata())
    }

    /// What it is; a link is a link. Parks only if that could not be found out while reading.
    ///
    /// # Errors
    /// As [`std::fs::DirEntry::file_type`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let mut entries = greenroom::fs::read_dir(".")?.flatten();
    /// assert!(entries.any(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn file_type(&self) -> io::Result<FileType> {
        match self.file_type {
            Some(file_type) => Ok(file_type),
            None => lend(Lane::Brief, || self.std.file_type()),
        }
    }

    /// The name alone. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut entries = greenroom::fs::read_dir(".")?.flatten();
    /// assert!(entries.any(|entry| entry.file_name() == "Cargo.toml"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.std.file_name()
    }
}

impl DirEntryExt for DirEntry {
    fn ino(&self) -> u64 {
        self.std.ino()
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}
