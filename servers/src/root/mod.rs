//! [`Root`]: a directory tree that no path leaves.
//!
//! `cap-std` resolves every path from the root's descriptor by `openat2(RESOLVE_BENEATH)`, or step by
//! step where the kernel has no `openat2`. What is opened is looked at through its own descriptor: no
//! name is checked first and used later, so nobody can change it in between.
//!
//! | a path with | gets |
//! |---|---|
//! | `..` above the top | the top, see [`VirtualPath`] |
//! | a symlink inside the tree, relative | followed |
//! | a symlink out of it, or an absolute one | `PermissionDenied` |
//! | a loop of symlinks | `ELOOP` |
//! | a FIFO, socket or device, opened as a file | `PermissionDenied`, at once |
//! | a directory, opened as a file | `IsADirectory` |
//!
//! A read-only root writes nothing: `ReadOnlyFilesystem`. Hard links and mounts inside the tree count as
//! inside.

mod cached;
mod facts;
mod path;
mod read_dir;
#[cfg(test)]
mod tests;

pub use facts::{Facts, Kind};
pub use path::VirtualPath;
pub use read_dir::{Entry, ReadDir};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use greenroom::fs::File;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// A directory tree that no path leaves. A clone is the same tree.
///
/// # Examples
/// ```
/// use greenroom_servers::root::{Root, VirtualPath};
/// let root = Root::read_only("src")?;
/// let (_file, facts) = root.open(&VirtualPath::new("/lib.rs")?)?;
/// assert!(facts.len > 0);
/// assert!(root.open(&VirtualPath::new("/../Cargo.toml")?).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Root {
    dir: Arc<Dir>,
    is_writable: bool,
}

/// What a file that is opened for writing begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Nothing: it is made, or emptied.
    Create,
    /// Nothing: it is made, and must not have been there.
    CreateNew,
    /// What it has: it is made, or left as it is; the position is its beginning.
    Keep,
    /// What it has: it is made, or left as it is; all writes go to its end.
    Append,
}

impl Root {
    /// A tree that is only read. Parks.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// let root = Root::read_only(".")?;
    /// let error = root.create_dir(&VirtualPath::new("/new")?).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_only<P: AsRef<Path>>(path: P) -> io::Result<Root> {
        Root::at(path.as_ref(), false)
    }

    /// A tree that may be changed. Parks.
    ///
    /// # Errors
    /// As [`Root::read_only`].
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::Root;
    /// assert!(Root::writable(std::env::temp_dir())?.is_writable());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn writable<P: AsRef<Path>>(path: P) -> io::Result<Root> {
        Root::at(path.as_ref(), true)
    }

    fn at(path: &Path, is_writable: bool) -> io::Result<Root> {
        let path = path.to_owned();
        let dir = greenroom::unblock(|| Dir::open_ambient_dir(path, ambient_authority()))?;
        Ok(Root {
            dir: Arc::new(dir),
            is_writable,
        })
    }

    /// The same tree, only read.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::Root;
    /// assert!(!Root::writable(".")?.to_read_only().is_writable());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn to_read_only(&self) -> Root {
        Root {
            dir: Arc::clone(&self.dir),
            is_writable: false,
        }
    }

    /// The tree below one of its directories: a user's home. Parks.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// let sources = Root::read_only(".")?.subtree(&VirtualPath::new("/src")?)?;
    /// assert!(sources.facts(&VirtualPath::new("/lib.rs")?).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn subtree(&self, path: &VirtualPath) -> io::Result<Root> {
        let dir = self.on_pool(path, |dir, path| dir.open_dir(path))?;
        Ok(Root {
            dir: Arc::new(dir),
            is_writable: self.is_writable,
        })
    }

    /// Whether it may be changed.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::Root;
    /// assert!(!Root::read_only(".")?.is_writable());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Opens a regular file for reading, and says what it is. Parks, unless the kernel has all names of
    /// the path in memory.
    ///
    /// # Errors
    /// See the table of [`crate::root`]; `NotFound`, `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// use std::io::Read;
    /// let root = Root::read_only(".")?;
    /// let (mut file, facts) = root.open(&VirtualPath::new("/Cargo.toml")?)?;
    /// let mut text = String::new();
    /// file.read_to_string(&mut text)?;
    /// assert_eq!(text.len() as u64, facts.len);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(&self, path: &VirtualPath) -> io::Result<(File, Facts)> {
        match cached::open(&self.dir, path.relative()) {
            Some(file) => facts_of_open(file).map(|(file, facts)| (File::from(file), facts)),
            None => self.open_on_pool(path),
        }
    }

    fn open_on_pool(&self, path: &VirtualPath) -> io::Result<(File, Facts)> {
        let opened = self.on_pool(path, |dir, path| {
            let mut options = OpenOptions::new();
            options.read(true);
            open_regular(dir, path, &mut options)
        });
        opened.map(|(file, facts)| (File::from(file), facts))
    }

    /// Opens a regular file for writing. Parks.
    ///
    /// # Errors
    /// See the table of [`crate::root`]; `AlreadyExists`, `NotFound`, `PermissionDenied`,
    /// `ReadOnlyFilesystem`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath, Writing};
    /// use std::io::Write;
    /// let root = Root::writable(std::env::temp_dir())?;
    /// let path = VirtualPath::new(&format!("greenroom-root-{}", std::process::id()))?;
    /// root.open_to_write(&path, Writing::Create)?.write_all(b"one")?;
    /// root.open_to_write(&path, Writing::Append)?.write_all(b"two")?;
    /// assert_eq!(root.facts(&path)?.len, 6);
    /// root.remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open_to_write(&self, path: &VirtualPath, writing: Writing) -> io::Result<File> {
        self.may_write()?;
        let file = self.on_pool(path, move |dir, path| {
            let mut options = OpenOptions::new();
            options.write(true).append(writing == Writing::Append);
            match writing {
                Writing::CreateNew => options.create_new(true),
                _ => options.create(true),
            };
            let (file, facts) = open_regular(dir, path, &mut options)?;
            // Not by O_TRUNC: by now it is known to be a regular file.
            if writing == Writing::Create && facts.len > 0 {
                file.set_len(0)?;
            }
            Ok(file)
        })?;
        Ok(File::from(file))
    }

    /// What a path names, symlinks followed. Parks.
    ///
    /// # Errors
    /// `NotFound`; see the table of [`crate::root`].
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Kind, Root, VirtualPath};
    /// let root = Root::read_only(".")?;
    /// assert_eq!(root.facts(&VirtualPath::new("/src")?)?.kind, Kind::Directory);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn facts(&self, path: &VirtualPath) -> io::Result<Facts> {
        self.on_pool(path, |dir, path| {
            dir.metadata(path).map(|metadata| Facts::of_cap(&metadata))
        })
    }

    /// A directory's entries. Parks, and so does the iterator.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// let mut names = Vec::new();
    /// for entry in Root::read_only(".")?.read_dir(&VirtualPath::root())? {
    ///     names.push(entry?.name);
    /// }
    /// assert!(names.contains(&"Cargo.toml".into()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_dir(&self, path: &VirtualPath) -> io::Result<ReadDir> {
        let (dir, path) = (Arc::clone(&self.dir), path.clone());
        greenroom::unblock(move || ReadDir::open(dir, path))
    }

    /// Makes a directory. Parks.
    ///
    /// # Errors
    /// `AlreadyExists`, `NotFound`, `PermissionDenied`, `ReadOnlyFilesystem`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// let root = Root::writable(std::env::temp_dir())?;
    /// let path = VirtualPath::new(&format!("greenroom-dir-{}", std::process::id()))?;
    /// root.create_dir(&path)?;
    /// root.remove_dir(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create_dir(&self, path: &VirtualPath) -> io::Result<()> {
        self.may_write()?;
        self.on_pool(path, |dir, path| dir.create_dir(path))
    }

    /// Removes a file, or a symlink. Parks.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `PermissionDenied`, `ReadOnlyFilesystem`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// let root = Root::writable(std::env::temp_dir())?;
    /// assert!(root.remove_file(&VirtualPath::new("/no such file")?).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn remove_file(&self, path: &VirtualPath) -> io::Result<()> {
        self.may_write()?;
        self.on_pool(path, |dir, path| dir.remove_file(path))
    }

    /// Removes an empty directory. Parks.
    ///
    /// # Errors
    /// `NotFound`, `DirectoryNotEmpty`, `NotADirectory`, `ReadOnlyFilesystem`; `PermissionDenied` for
    /// the top.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// let root = Root::writable(std::env::temp_dir())?;
    /// assert!(root.remove_dir(&VirtualPath::root()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn remove_dir(&self, path: &VirtualPath) -> io::Result<()> {
        self.may_write()?;
        not_the_top(path)?;
        self.on_pool(path, |dir, path| dir.remove_dir(path))
    }

    /// Gives a file or directory another name; a file that has it already is replaced. Parks.
    ///
    /// # Errors
    /// `NotFound`, `ReadOnlyFilesystem`; `PermissionDenied` for the top; what `rename(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::root::{Root, VirtualPath};
    /// let root = Root::writable(std::env::temp_dir())?;
    /// assert!(root.rename(&VirtualPath::root(), &VirtualPath::new("/other")?).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn rename(&self, from: &VirtualPath, to: &VirtualPath) -> io::Result<()> {
        self.may_write()?;
        not_the_top(from)?;
        not_the_top(to)?;
        let to = to.clone();
        self.on_pool(from, move |dir, from| dir.rename(from, dir, to.relative()))
    }

    fn may_write(&self) -> io::Result<()> {
        match self.is_writable {
            true => Ok(()),
            false => Err(ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    /// Runs `call` where it may block.
    fn on_pool<T: Send + 'static>(
        &self,
        path: &VirtualPath,
        call: impl FnOnce(&Dir, &Path) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (dir, path) = (Arc::clone(&self.dir), path.clone());
        greenroom::unblock(move || call(&dir, path.relative()))
    }
}

/// Opens what must be a regular file. `O_NONBLOCK`, so that a FIFO does not wait for its other end;
/// regular files do not mind it.
fn open_regular(
    dir: &Dir,
    path: &Path,
    options: &mut OpenOptions,
) -> io::Result<(std::fs::File, Facts)> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    options.custom_flags(flags.cast_signed());
    match dir.open_with(path, options) {
        Ok(file) => facts_of_open(file.into_std()),
        // A socket, or a FIFO that nobody reads.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => Err(not_a_file()),
        Err(error) => Err(error),
    }
}

fn facts_of_open(file: std::fs::File) -> io::Result<(std::fs::File, Facts)> {
    let facts = Facts::of(&file.metadata()?);
    match facts.kind {
        Kind::File => Ok((file, facts)),
        Kind::Directory => Err(ErrorKind::IsADirectory.into()),
        Kind::Other => Err(not_a_file()),
    }
}

fn not_a_file() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "not a regular file")
}

fn not_the_top(path: &VirtualPath) -> io::Result<()> {
    match path.is_root() {
        true => Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "the top of the tree stays",
        )),
        false => Ok(()),
    }
}
