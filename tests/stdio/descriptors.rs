//! Descriptors at 0, 1 and 2: what replaces them, and files that std cannot make.
#![expect(unsafe_code, reason = "dup2, close, posix_openpt, mkfifo")]

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// A standard stream that is another file until this is dropped.
pub(crate) struct Replaced {
    number: i32,
    saved: OwnedFd,
}

pub(crate) fn dup2(from: &impl AsRawFd, to: i32) {
    // SAFETY: both are numbers; what was at `to` belongs to this test process, which runs one test.
    let result = unsafe { libc::dup2(from.as_raw_fd(), to) };
    assert_eq!(result, to);
}

pub(crate) fn close(number: i32) {
    // SAFETY: as above.
    assert_eq!(unsafe { libc::close(number) }, 0);
}

/// Puts `fd` at `number`.
pub(crate) fn replace(number: i32, fd: impl AsFd) -> Replaced {
    // SAFETY: the standard streams of a test are open.
    let old = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
    let saved = old.try_clone_to_owned().unwrap();
    dup2(&fd.as_fd(), number);
    Replaced { number, saved }
}

/// Closes `number`.
pub(crate) fn shut(number: i32) -> Replaced {
    let null = File::open("/dev/null").unwrap();
    let replaced = replace(number, null);
    close(number);
    replaced
}

impl Drop for Replaced {
    fn drop(&mut self) {
        dup2(&self.saved, self.number);
    }
}

/// Both ends of a new terminal: the one who types, and the one of the program.
pub(crate) fn terminal() -> (File, File) {
    // SAFETY: takes flags, returns a descriptor or -1.
    let master = unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) };
    assert!(master >= 0);
    // SAFETY: has just been opened, and is nobody else's.
    let master = unsafe { File::from_raw_fd(master) };
    let mut unlocked: libc::c_int = 0;
    // SAFETY: reads one int.
    let done = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw mut unlocked) };
    assert_eq!(done, 0);
    let mut number: libc::c_int = 0;
    // SAFETY: writes one int.
    let done = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN, &raw mut number) };
    assert_eq!(done, 0);
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY)
        .open(format!("/dev/pts/{number}"));
    (master, slave.unwrap())
}

/// Both ends of a new FIFO: the reader and the writer.
pub(crate) fn fifo() -> (File, File) {
    let path = scratch("fifo");
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a C string that outlives the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    // Read and write, so that the open does not wait for a peer.
    let both = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let reader = File::open(&path).unwrap();
    let writer = OpenOptions::new().write(true).open(&path).unwrap();
    drop(both);
    std::fs::remove_file(path).unwrap();
    (reader, writer)
}

/// A new name in the directory for temporary files.
pub(crate) fn scratch(what: &str) -> PathBuf {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("greenroom-stdio-{what}-{}-{count}", std::process::id());
    std::env::temp_dir().join(name)
}

/// A file that is gone with its last descriptor.
pub(crate) fn file(content: &[u8]) -> File {
    use std::io::{Seek, Write};
    let path = scratch("file");
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create_new(true);
    let mut file = options.open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}
