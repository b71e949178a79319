//! Child processes as descriptors: `pidfd_open(2)`.
//!
//! A pidfd is readable once its process has ended, and stays bound to that process, whatever becomes of
//! the number. It reaps nothing: only `waitpid` of the parent does, which is std's business. By the raw
//! system call, because C libraries have had a wrapper only since a short time.
#![expect(unsafe_code, reason = "the pidfd_open system call")]

use super::check;
use super::fd::above_standard;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// Opens a descriptor of the process `pid`, close-on-exec. Not waited for yet, it exists, dead or alive.
pub(crate) fn open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed; a number that belongs to nobody is an error.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    let fd = i32::try_from(fd).expect("because descriptors are small numbers");
    // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
    above_standard(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::NEVER_NS;
    use crate::sys::poll::{Readiness, is_ready, wait_until};
    use std::os::fd::AsFd;
    use std::process::{Command, Stdio};

    #[test]
    fn pidfd_is_readable_from_the_end_of_its_process_on() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pidfd = open(child.id()).unwrap();
        assert!(!is_ready(pidfd.as_fd(), Readiness::Readable).unwrap());
        drop(child.stdin.take());
        assert!(wait_until(pidfd.as_fd(), Readiness::Readable, NEVER_NS).unwrap());
        assert!(child.wait().unwrap().success());
        assert!(is_ready(pidfd.as_fd(), Readiness::Readable).unwrap());
        assert!(open(child.id()).is_err());
    }
}
