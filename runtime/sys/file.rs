//! Reading and writing open files of any kind: what waits, and what never does.
//!
//! `*_nowait` are `preadv2` and `pwritev2` with `RWF_NOWAIT`: per-call non-blocking, so the file status
//! flags stay the user's. The kernel knows it for anonymous pipes (since 6.4), sockets, eventfds and
//! cached regular files, not for FIFOs and terminals: those say `Unsupported`. The plain calls wait as
//! long as the file does, and belong on the blocking pool. Called by `io/` and `fs/`.
#![expect(unsafe_code, reason = "read, write and their vectored forms")]

use super::socket::IOV_MAX;
use super::{check, retry_eintr};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// For [`preadv2`] and [`pwritev2`]: at the file's own position, which moves.
const AT_POSITION: libc::off_t = -1;

/// What an open file is, as far as waiting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// On a disk: no readiness; the call takes as long as the disk.
    Regular,
    /// A directory or block device: as a regular file.
    OtherDisk,
    /// A pipe or FIFO.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal, or another character device.
    Character,
    /// An eventfd, pidfd, ...: has no type of its own.
    Other,
}

/// Asks what `fd` is.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> io::Result<FileKind> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: fstat writes one structure, which outlives the call.
    check(unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) })?;
    // SAFETY: zeroed before, and any bit pattern is a `stat`.
    let mode = unsafe { stat.assume_init() }.st_mode;
    Ok(match mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::Regular,
        libc::S_IFDIR | libc::S_IFBLK => FileKind::OtherDisk,
        libc::S_IFIFO => FileKind::Pipe,
        libc::S_IFSOCK => FileKind::Socket,
        libc::S_IFCHR => FileKind::Character,
        _ => FileKind::Other,
    })
}

/// `Unsupported`: this kind of file has no such call; everything else is as from `readv`.
pub(crate) fn read_nowait(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let count = iov_count(bufs.len());
    let read = retry_eintr(|| {
        // SAFETY: IoSliceMut is ABI-compatible with iovec on Unix (promised by std); the first `count`
        // buffers are borrowed mutably for the call.
        unsafe {
            libc::preadv2(
                fd.as_raw_fd(),
                bufs.as_mut_ptr().cast(),
                count,
                AT_POSITION,
                libc::RWF_NOWAIT,
            )
        }
    });
    refused_as_unsupported(read)
}

/// `Unsupported`: this kind of file has no such call; everything else is as from `writev` to a
/// non-blocking file.
pub(crate) fn write_nowait(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = iov_count(bufs.len());
    let written = retry_eintr(|| {
        // SAFETY: IoSlice is ABI-compatible with iovec on Unix (promised by std); the first `count`
        // buffers are borrowed for the call, which only reads them.
        unsafe {
            libc::pwritev2(
                fd.as_raw_fd(),
                bufs.as_ptr().cast(),
                count,
                AT_POSITION,
                libc::RWF_NOWAIT,
            )
        }
    });
    refused_as_unsupported(written)
}

/// `readv(2)`. Waits if the file does, unless its open file is non-blocking.
pub(crate) fn read(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let count = iov_count(bufs.len());
    // SAFETY: as in `read_nowait`.
    let read =
        retry_eintr(|| unsafe { libc::readv(fd.as_raw_fd(), bufs.as_mut_ptr().cast(), count) })?;
    Ok(read.cast_unsigned())
}

/// `writev(2)`. Waits if the file does, unless its open file is non-blocking.
pub(crate) fn write(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = iov_count(bufs.len());
    // SAFETY: as in `write_nowait`.
    let written =
        retry_eintr(|| unsafe { libc::writev(fd.as_raw_fd(), bufs.as_ptr().cast(), count) })?;
    Ok(written.cast_unsigned())
}

/// Buffers beyond what one call takes are left for the next one.
fn iov_count(len: usize) -> libc::c_int {
    libc::c_int::try_from(len.min(IOV_MAX)).expect("because IOV_MAX is a small number")
}

/// ENOTSUP where the file has no such call, ENOSYS and EINVAL where the kernel has none.
fn refused_as_unsupported(returned: io::Result<isize>) -> io::Result<usize> {
    match returned {
        Ok(count) => Ok(count.cast_unsigned()),
        Err(error) => match error.raw_os_error() {
            Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    fn read_some(fd: BorrowedFd<'_>) -> io::Result<usize> {
        read_nowait(fd, &mut [IoSliceMut::new(&mut [0; 8])])
    }

    #[test]
    fn empty_pipe_would_block_and_keeps_its_flags() {
        let (reader, mut writer) = io::pipe().unwrap();
        let error = read_some(reader.as_fd()).unwrap_err().kind();
        assert!(
            error == io::ErrorKind::WouldBlock || error == io::ErrorKind::Unsupported,
            "{error:?}: the latter before Linux 6.4"
        );
        assert!(!crate::sys::fd::is_nonblocking(reader.as_fd()).unwrap());
        writer.write_all(b"abc").unwrap();
        assert_eq!(
            read(reader.as_fd(), &mut [IoSliceMut::new(&mut [0; 8])]).unwrap(),
            3
        );
    }

    #[test]
    fn kinds_of_files_are_told_apart() {
        let (reader, _writer) = io::pipe().unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(kind(reader.as_fd()).unwrap(), FileKind::Pipe);
        assert_eq!(kind(socket.as_fd()).unwrap(), FileKind::Socket);
        assert_eq!(kind(null.as_fd()).unwrap(), FileKind::Character);
        assert_eq!(kind(file.as_fd()).unwrap(), FileKind::Regular);
    }
}
