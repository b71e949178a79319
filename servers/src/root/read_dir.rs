//! A directory's entries, some at a time: memory stays bounded however many there are.

use super::facts::Facts;
use super::path::VirtualPath;
use cap_std::fs::{Dir, DirEntry};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::vec;

/// Entries of one trip to the blocking pool: a trip costs as much as a few `stat` calls.
const ENTRIES_PER_TRIP: usize = 128;

/// One name of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What it is; of a symlink, what it leads to.
    pub facts: Facts,
}

/// The entries of a directory, in no order. Its `next` parks, once for every 128 entries.
///
/// Left out: `.` and `..`, symlinks that lead out of the root or nowhere, and what is removed meanwhile.
pub struct ReadDir {
    dir: Arc<Dir>,
    path: VirtualPath,
    /// None at the end.
    rest: Option<cap_std::fs::ReadDir>,
    ready: vec::IntoIter<Entry>,
}

impl ReadDir {
    /// On a thread that may block.
    pub(super) fn open(dir: Arc<Dir>, path: VirtualPath) -> io::Result<ReadDir> {
        let rest = Some(dir.read_dir(path.relative())?);
        Ok(ReadDir {
            dir,
            path,
            rest,
            ready: Vec::new().into_iter(),
        })
    }

    fn refill(&mut self) -> io::Result<()> {
        let Some(mut rest) = self.rest.take() else {
            return Ok(());
        };
        let (dir, path) = (Arc::clone(&self.dir), self.path.clone());
        let (entries, rest) = greenroom::unblock(move || {
            let mut entries = Vec::new();
            while entries.len() < ENTRIES_PER_TRIP {
                match rest.next() {
                    None => return Ok((entries, None)),
                    Some(entry) => entries.extend(look_at(&dir, &path, &entry?)),
                }
            }
            Ok::<_, io::Error>((entries, Some(rest)))
        })?;
        self.rest = rest;
        self.ready = entries.into_iter();
        Ok(())
    }
}

/// None for what is left out.
fn look_at(dir: &Dir, path: &VirtualPath, entry: &DirEntry) -> Option<Entry> {
    let name = entry.file_name();
    let mut metadata = entry.metadata().ok()?;
    if metadata.is_symlink() {
        let target = path.join(&name).ok()?;
        metadata = dir.metadata(target.relative()).ok()?;
    }
    let facts = Facts::of_cap(&metadata);
    Some(Entry { name, facts })
}

impl Iterator for ReadDir {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        loop {
            if let Some(entry) = self.ready.next() {
                return Some(Ok(entry));
            }
            self.rest.as_ref()?;
            if let Err(error) = self.refill() {
                return Some(Err(error));
            }
        }
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDir")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
