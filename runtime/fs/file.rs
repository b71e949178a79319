//! [`File`]: an open file, on the blocking pool or, if it can be polled, parked on readiness.
//!
//! Regular files, directories and block devices are std's `File`, borrowed by threads of the pool. All
//! else (FIFOs, terminals, sockets, character devices) reads and writes through `io/descriptor.rs`.
//! Whether somebody else may move the position is remembered, for `cached`.

use super::OpenOptions;
use super::patience::{Patience, may_block};
use crate::io::descriptor::Descriptor;
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::file::{self, FileKind};
use crate::sys::view::with_std;
use crate::task::WaitReason;
use crate::unblock::{Lane, lend};
use std::fmt;
use std::fs::{self, FileTimes, Metadata, Permissions, TryLockError};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::SystemTime;

/// An open file, as [`std::fs::File`].
///
/// Reads, writes and seeks like std's; `&File` does, too. Dropping it closes it, on the spot as std
/// does: `close(2)` may take its time on a network file system.
///
/// # Cancel
/// A call that has begun on the blocking pool is waited for, see [`crate::fs`]. Reads of FIFOs and
/// terminals, the wait for their writers' room, [`File::lock`] and the open of a FIFO end at once.
///
/// # Examples
/// ```
/// use greenroom::fs::File;
/// use std::io::Read;
/// greenroom::run(|| {
///     let mut text = String::new();
///     File::open("Cargo.toml")?.read_to_string(&mut text)?;
///     assert!(text.contains("greenroom"));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct File {
    pub(super) held: Held,
    /// 1: somebody else may have the open file, too, and so its position.
    is_shared: AtomicU8,
}

/// How it waits.
pub(super) enum Held {
    /// For a disk.
    Disk(fs::File),
    /// As whatever it is does.
    Other(Descriptor),
}

impl File {
    /// Takes a file that was just opened, or may be shared from now on.
    pub(super) fn adopt(file: fs::File) -> File {
        let held = match file::kind(file.as_fd()) {
            Ok(FileKind::Regular | FileKind::OtherDisk) => Held::Disk(file),
            _ => Held::Other(Descriptor::adopt(OwnedFd::from(file))),
        };
        File {
            held,
            is_shared: AtomicU8::new(0),
        }
    }

    /// Whether a caller with exclusive access is the only one who moves the position. Relaxed: who
    /// shares it has had it before, or got it by way of whoever set this.
    pub(super) fn is_alone(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed) == 0
    }

    pub(super) fn share(&self) {
        self.is_shared.store(1, Ordering::Relaxed);
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match &self.held {
            Held::Disk(file) => file.as_fd(),
            Held::Other(descriptor) => descriptor.as_fd(),
        }
    }

    /// A method of std's on the pool.
    pub(super) fn brief<T: Send>(&self, call: impl FnOnce(&fs::File) -> T + Send) -> T {
        let fd = self.fd();
        lend(Lane::Brief, move || with_std(fd, call))
    }

    /// Opens a file for reading. Parks; for a FIFO until it has a writer.
    ///
    /// # Errors
    /// As [`std::fs::File::open`].
    ///
    /// # Cancel
    /// Ends the wait for a writer; else see [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let file = greenroom::fs::File::open("Cargo.toml")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<File> {
        OpenOptions::new().read(true).open(path)
    }

    /// Makes a file, or empties it, and opens it for writing. Parks; for a FIFO until it has a reader.
    ///
    /// # Errors
    /// As [`std::fs::File::create`].
    ///
    /// # Cancel
    /// Ends the wait for a reader; else see [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let file = greenroom::fs::File::create("/dev/null")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).open(path)
    }

    /// Makes a file that must not be there, and opens it for reading and writing. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::create_new`]: `AlreadyExists`.
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let error = greenroom::fs::File::create_new("Cargo.toml").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    /// ```
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).open(path)
    }

    /// [`OpenOptions::new`].
    ///
    /// # Examples
    /// ```
    /// let file = greenroom::fs::File::options().read(true).open("Cargo.toml")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Waits until contents and metadata are on the disk. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_all`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// greenroom::fs::File::open("Cargo.toml")?.sync_all()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn sync_all(&self) -> io::Result<()> {
        self.brief(fs::File::sync_all)
    }

    /// Waits until the contents are on the disk. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::sync_data`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// greenroom::fs::File::open("Cargo.toml")?.sync_data()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn sync_data(&self) -> io::Result<()> {
        self.brief(fs::File::sync_data)
    }

    /// Waits for the exclusive lock of the file. Parks. Holds no thread: the lock is asked for again and
    /// again, every 20 ms at last. Source: [`std::fs::File::lock`].
    ///
    /// Differs: who waits in the kernel, in another process or on an OS thread, is served first.
    ///
    /// # Errors
    /// As [`std::fs::File::lock`].
    ///
    /// # Cancel
    /// Ends the wait, without the lock.
    ///
    /// # Examples
    /// ```
    /// let file = greenroom::fs::File::open("Cargo.toml")?;
    /// file.lock()?;
    /// file.unlock()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lock(&self) -> io::Result<()> {
        self.lock_by(fs::File::lock, fs::File::try_lock)
    }

    /// Waits for a shared lock of the file, as [`File::lock`] does. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::lock_shared`].
    ///
    /// # Cancel
    /// Ends the wait, without the lock.
    ///
    /// # Examples
    /// ```
    /// let (one, other) = (
    ///     greenroom::fs::File::open("Cargo.toml")?,
    ///     greenroom::fs::File::open("Cargo.toml")?,
    /// );
    /// one.lock_shared()?;
    /// other.lock_shared()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lock_shared(&self) -> io::Result<()> {
        self.lock_by(fs::File::lock_shared, fs::File::try_lock_shared)
    }

    fn lock_by(
        &self,
        lock: fn(&fs::File) -> io::Result<()>,
        try_lock: fn(&fs::File) -> Result<(), TryLockError>,
    ) -> io::Result<()> {
        if may_block() {
            return with_std(self.fd(), lock);
        }
        let mut patience = Patience::new(WaitReason::FileLock(self.fd().as_raw_fd()));
        loop {
            match self.brief(try_lock) {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => patience.pause(),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Takes the exclusive lock of the file if nobody has one. Parks for the call, not for the lock.
    ///
    /// # Errors
    /// As [`std::fs::File::try_lock`]: `WouldBlock` if somebody has one.
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join(format!("greenroom-try-lock-{}", std::process::id()));
    /// let file = greenroom::fs::File::create(&path)?;
    /// file.try_lock()?;
    /// assert!(greenroom::fs::File::open(&path)?.try_lock().is_err());
    /// # greenroom::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        self.brief(fs::File::try_lock)
    }

    /// Takes a shared lock of the file if nobody has the exclusive one. Parks for the call, not for the
    /// lock.
    ///
    /// # Errors
    /// As [`std::fs::File::try_lock_shared`]: `WouldBlock` if somebody has the exclusive one.
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// greenroom::fs::File::open("Cargo.toml")?.try_lock_shared()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        self.brief(fs::File::try_lock_shared)
    }

    /// Gives up the lock, whichever it is; none is no error. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::unlock`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// greenroom::fs::File::open("Cargo.toml")?.unlock()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unlock(&self) -> io::Result<()> {
        self.brief(fs::File::unlock)
    }

    /// Cuts the file off at `size`, or extends it by a hole. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::set_len`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join(format!("greenroom-set-len-{}", std::process::id()));
    /// let file = greenroom::fs::File::create(&path)?;
    /// file.set_len(1 << 30)?;
    /// assert_eq!(file.metadata()?.len(), 1 << 30);
    /// # greenroom::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        self.brief(move |file| file.set_len(size))
    }

    /// What is known of the file. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::metadata`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// assert!(greenroom::fs::File::open("Cargo.toml")?.metadata()?.is_file());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.brief(fs::File::metadata)
    }

    /// A second handle of the same open file: position, locks and flags are one. Never parks.
    ///
    /// # Errors
    /// As [`std::fs::File::try_clone`]: no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let second = greenroom::fs::File::open("Cargo.toml")?.try_clone()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<File> {
        let held = match &self.held {
            Held::Disk(file) => Held::Disk(file.try_clone()?),
            Held::Other(descriptor) => Held::Other(descriptor.try_clone()?),
        };
        self.share();
        let is_shared = AtomicU8::new(1);
        Ok(File { held, is_shared })
    }

    /// Sets the permissions of the file. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::set_permissions`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join(format!("greenroom-chmod-{}", std::process::id()));
    /// let file = greenroom::fs::File::create(&path)?;
    /// let mut permissions = file.metadata()?.permissions();
    /// permissions.set_readonly(true);
    /// file.set_permissions(permissions)?;
    /// # greenroom::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_permissions(&self, permissions: Permissions) -> io::Result<()> {
        self.brief(move |file| file.set_permissions(permissions))
    }

    /// Sets the times of the file. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::set_times`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::fs::{File, FileTimes};
    /// let path = std::env::temp_dir().join(format!("greenroom-times-{}", std::process::id()));
    /// let file = File::create(&path)?;
    /// file.set_times(FileTimes::new().set_modified(std::time::UNIX_EPOCH))?;
    /// assert_eq!(file.metadata()?.modified()?, std::time::UNIX_EPOCH);
    /// # greenroom::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        self.brief(move |file| file.set_times(times))
    }

    /// Sets the time of the last change. Parks.
    ///
    /// # Errors
    /// As [`std::fs::File::set_modified`].
    ///
    /// # Cancel
    /// See [`crate::fs`].
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join(format!("greenroom-modified-{}", std::process::id()));
    /// let file = greenroom::fs::File::create(&path)?;
    /// file.set_modified(std::time::UNIX_EPOCH)?;
    /// # greenroom::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.brief(move |file| file.set_modified(time))
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_std(self.fd(), |file: &fs::File| fmt::Debug::fmt(file, f))
    }
}
