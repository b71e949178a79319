//! [`DirBuilder`]: std's, with a `create` that parks.
//!
//! The options are std's own, lent to the pool for the call.

use crate::unblock::{Lane, lend};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// How to make a directory, as [`std::fs::DirBuilder`].
///
/// # Examples
/// ```
/// let there = std::env::temp_dir();
/// greenroom::fs::DirBuilder::new().recursive(true).create(there)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct DirBuilder(fs::DirBuilder);

impl DirBuilder {
    /// Not recursive, with all permissions that the process gives. Source:
    /// [`std::fs::DirBuilder::new`].
    ///
    /// # Examples
    /// ```
    /// let builder = greenroom::fs::DirBuilder::new();
    /// assert!(builder.create(std::env::temp_dir()).is_err(), "it is there");
    /// ```
    #[expect(clippy::new_without_default, reason = "std's has none")]
    #[must_use]
    pub fn new() -> DirBuilder {
        DirBuilder(fs::DirBuilder::new())
    }

    /// Whether missing parents are made, and what is there is no error. Source:
    /// [`std::fs::DirBuilder::recursive`].
    ///
    /// # Examples
    /// ```
    /// let mut builder = greenroom::fs::DirBuilder::new();
    /// assert!(builder.recursive(true).create(std::env::temp_dir()).is_ok());
    /// ```
    pub fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.0.recursive(recursive);
        self
    }

    /// Makes a directory. Parks.
    ///
    /// # Errors
    /// As [`std::fs::DirBuilder::create`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let builder = greenroom::fs::DirBuilder::new();
    /// let error = builder.create(std::env::temp_dir()).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// ```
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let path = path.as_ref();
        lend(Lane::Brief, || self.0.create(path))
    }
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        self.0.mode(mode);
        self
    }
}

impl fmt::Debug for DirBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
