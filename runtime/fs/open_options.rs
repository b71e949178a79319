//! [`OpenOptions`]: std's, with an open that parks.
//!
//! Keeps std's own options for the open itself, and beside them what it cannot ask of them: which end of
//! a FIFO they would open.

use super::File;
use super::opening::{self, End};
use crate::sys::file::{O_NOFOLLOW, O_NONBLOCK, O_PATH};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How to open a file, as [`std::fs::OpenOptions`].
///
/// # Examples
/// ```
/// use greenroom::fs::OpenOptions;
/// let file = OpenOptions::new().read(true).open("Cargo.toml")?;
/// assert!(file.metadata()?.is_file());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct OpenOptions {
    std: fs::OpenOptions,
    read: bool,
    write: bool,
    append: bool,
    create_new: bool,
    custom_flags: i32,
}

/// A setter of std's, which may be remembered, too.
macro_rules! setters {
    ($($(#[$docs:meta])* $name:ident $(remembered in $field:ident)?,)*) => {$(
        $(#[$docs])*
        pub fn $name(&mut self, $name: bool) -> &mut OpenOptions {
            self.std.$name($name);
            $(self.$field = $name;)?
            self
        }
    )*};
}

impl OpenOptions {
    /// Everything off. Source: [`std::fs::OpenOptions::new`].
    ///
    /// # Examples
    /// ```
    /// let options = greenroom::fs::OpenOptions::new();
    /// assert!(options.open("Cargo.toml").is_err(), "neither read nor write");
    /// ```
    #[expect(clippy::new_without_default, reason = "std's has none")]
    #[must_use]
    pub fn new() -> OpenOptions {
        OpenOptions {
            std: fs::OpenOptions::new(),
            read: false,
            write: false,
            append: false,
            create_new: false,
            custom_flags: 0,
        }
    }

    setters! {
        /// Whether it can be read. Source: [`std::fs::OpenOptions::read`].
        ///
        /// # Examples
        /// ```
        /// let file = greenroom::fs::OpenOptions::new().read(true).open("Cargo.toml");
        /// assert!(file.is_ok());
        /// ```
        read remembered in read,
        /// Whether it can be written. Source: [`std::fs::OpenOptions::write`].
        ///
        /// # Examples
        /// ```
        /// let file = greenroom::fs::OpenOptions::new().write(true).open("/dev/null");
        /// assert!(file.is_ok());
        /// ```
        write remembered in write,
        /// Whether each write goes to the end. Source: [`std::fs::OpenOptions::append`].
        ///
        /// # Examples
        /// ```
        /// let file = greenroom::fs::OpenOptions::new().append(true).open("/dev/null");
        /// assert!(file.is_ok());
        /// ```
        append remembered in append,
        /// Whether what is there is emptied. Source: [`std::fs::OpenOptions::truncate`].
        ///
        /// # Examples
        /// ```
        /// let mut options = greenroom::fs::OpenOptions::new();
        /// assert!(options.write(true).truncate(true).open("/dev/null").is_ok());
        /// ```
        truncate,
        /// Whether it is made if it is missing. Source: [`std::fs::OpenOptions::create`].
        ///
        /// # Examples
        /// ```
        /// let mut options = greenroom::fs::OpenOptions::new();
        /// assert!(options.write(true).create(true).open("/dev/null").is_ok());
        /// ```
        create,
        /// Whether it must be missing, and is made. Source: [`std::fs::OpenOptions::create_new`].
        ///
        /// # Examples
        /// ```
        /// let mut options = greenroom::fs::OpenOptions::new();
        /// let error = options.write(true).create_new(true).open("Cargo.toml").unwrap_err();
        /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
        /// ```
        create_new remembered in create_new,
    }

    /// Opens a file with these options. Parks; for a FIFO until somebody has opened its other end.
    ///
    /// # Errors
    /// As [`std::fs::OpenOptions::open`].
    ///
    /// # Cancel
    /// Ends the wait for the other end of a FIFO; else see [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let file = greenroom::fs::OpenOptions::new().read(true).open("Cargo.toml")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        opening::open(self, path.as_ref())
    }

    pub(super) fn in_std(&self) -> &fs::OpenOptions {
        &self.std
    }

    /// The same with further flags, for a path that needs no more following.
    pub(super) fn with_flags(&self, flags: i32) -> fs::OpenOptions {
        let mut options = self.std.clone();
        options.custom_flags((self.custom_flags & !O_NOFOLLOW) | flags);
        options
    }

    /// What these options would open.
    pub(super) fn look_at(&self, path: &Path) -> io::Result<fs::Metadata> {
        if self.custom_flags & O_NOFOLLOW != 0 {
            fs::symlink_metadata(path)
        } else {
            fs::metadata(path)
        }
    }

    /// The end of a FIFO that these options would open, and wait for the other. What std refuses or
    /// opens at once is `None`.
    pub(super) fn waiting_end(&self) -> Option<End> {
        if self.create_new || self.custom_flags & (O_NONBLOCK | O_PATH) != 0 {
            return None;
        }
        match (self.read, self.write || self.append) {
            (true, false) => Some(End::Read),
            (false, true) => Some(End::Write),
            _ => None,
        }
    }
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.std.mode(mode);
        self
    }

    fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.std.custom_flags(flags);
        self.custom_flags = flags;
        self
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}
