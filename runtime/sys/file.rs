//! Reading and writing open files of any kind: what waits, and what never does.
//!
//! `*_nowait` are `preadv2` and `pwritev2` with `RWF_NOWAIT`: per-call non-blocking, so the file status
//! flags stay the user's. The kernel knows it for anonymous pipes (since 6.4), sockets, eventfds and
//! cached regular files, not for FIFOs and terminals: those say `Unsupported`. The plain calls wait as
//! long as the file does, and belong on the blocking pool. Called by `io/` and `fs/`.
#![expect(unsafe_code, reason = "read, write, their vectored forms, tee")]

use super::poll::{self, Readiness};
use super::socket::IOV_MAX;
use super::{check, fd, retry_eintr};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// For [`preadv2`] and [`pwritev2`]: at the file's own position, which moves.
const AT_POSITION: libc::off_t = -1;

/// Flags of open(2) that opens without waiting need.
pub(crate) const O_NONBLOCK: i32 = libc::O_NONBLOCK;
/// See [`O_NONBLOCK`].
pub(crate) const O_PATH: i32 = libc::O_PATH;
/// See [`O_NONBLOCK`].
pub(crate) const O_NOFOLLOW: i32 = libc::O_NOFOLLOW;

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

fn stat(fd: BorrowedFd<'_>) -> io::Result<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: fstat writes one structure, which outlives the call.
    check(unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) })?;
    // SAFETY: zeroed before, and any bit pattern is a `stat`.
    Ok(unsafe { stat.assume_init() })
}

/// Asks what `fd` is.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> io::Result<FileKind> {
    Ok(match stat(fd)?.st_mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::Regular,
        libc::S_IFDIR | libc::S_IFBLK => FileKind::OtherDisk,
        libc::S_IFIFO => FileKind::Pipe,
        libc::S_IFSOCK => FileKind::Socket,
        libc::S_IFCHR => FileKind::Character,
        _ => FileKind::Other,
    })
}

/// Which file it is, whoever has opened it: its device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(u64, u64);

/// Asks which file `fd` is.
pub(crate) fn id(fd: BorrowedFd<'_>) -> io::Result<FileId> {
    let stat = stat(fd)?;
    Ok(FileId(stat.st_dev, stat.st_ino))
}

/// `Unsupported`: this kind of file has no such call; everything else is as from `readv`.
pub(crate) fn read_nowait(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    preadv2_nowait(fd, bufs, AT_POSITION)
}

/// As [`read_nowait`], at `offset`; the file's position stays. What is no offset is `Unsupported`.
pub(crate) fn read_nowait_at(fd: BorrowedFd<'_>, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let offset = libc::off_t::try_from(offset).map_err(|_| io::ErrorKind::Unsupported)?;
    preadv2_nowait(fd, &mut [IoSliceMut::new(buf)], offset)
}

fn preadv2_nowait(
    fd: BorrowedFd<'_>,
    bufs: &mut [IoSliceMut<'_>],
    offset: libc::off_t,
) -> io::Result<usize> {
    let count = iov_count(bufs.len());
    let read = retry_eintr(|| {
        // SAFETY: IoSliceMut is ABI-compatible with iovec on Unix (promised by std); the first `count`
        // buffers are borrowed mutably for the call.
        unsafe {
            libc::preadv2(
                fd.as_raw_fd(),
                bufs.as_mut_ptr().cast(),
                count,
                offset,
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

/// A pipe that [`has_writer`] copies to. One is enough for everybody: it is empty between the calls.
#[derive(Debug)]
pub(crate) struct Scratch {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Scratch {
    pub(crate) fn new() -> io::Result<Scratch> {
        let (reader, writer) = io::pipe()?;
        let reader = fd::above_standard(reader.into())?;
        let writer = fd::above_standard(writer.into())?;
        fd::set_nonblocking(reader.as_fd(), true)?;
        Ok(Scratch { reader, writer })
    }
}

/// Whether a FIFO that was opened for reading, and gave none of its data away yet, has or had a writer.
///
/// Consumes nothing. What is ready to read had one. What is not is copied (`tee(2)`), since only that
/// tells "nothing yet" (EAGAIN) from "nobody there" (0).
pub(crate) fn has_writer(fifo: BorrowedFd<'_>, scratch: &Scratch) -> io::Result<bool> {
    if poll::is_ready(fifo, Readiness::Readable)? {
        return Ok(true);
    }
    has_writer_by_copy(fifo, scratch)
}

/// Subtle: a writer may write after the look, and then a byte is copied indeed. It must not stay: a
/// scratch pipe that is full says EAGAIN too, of any FIFO.
fn has_writer_by_copy(fifo: BorrowedFd<'_>, scratch: &Scratch) -> io::Result<bool> {
    let to = scratch.writer.as_raw_fd();
    let flags = libc::SPLICE_F_NONBLOCK;
    // SAFETY: tee takes no pointers.
    match retry_eintr(|| unsafe { libc::tee(fifo.as_raw_fd(), to, 1, flags) }) {
        Ok(0) => Ok(false),
        Ok(_) => {
            // One byte for the one we put, whichever: each that is there has somebody who takes it.
            read(scratch.reader.as_fd(), &mut [IoSliceMut::new(&mut [0])])?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether a FIFO could not be opened for writing because nobody reads it.
pub(crate) fn is_without_reader(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENXIO)
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

    #[test]
    fn lonely_fifo_is_told_from_others_however_often_was_asked() {
        let scratch = Scratch::new().unwrap();
        let (reader, mut writer) = io::pipe().unwrap();
        assert!(has_writer(reader.as_fd(), &scratch).unwrap(), "silent");
        writer.write_all(b"data").unwrap();
        for _ in 0..100 {
            // As if it had been written after the look.
            assert!(has_writer_by_copy(reader.as_fd(), &scratch).unwrap());
        }
        assert!(has_writer(reader.as_fd(), &scratch).unwrap());
        assert!(!poll::is_ready(scratch.reader.as_fd(), Readiness::Readable).unwrap());
        let path = std::env::temp_dir().join(format!("greenroom-lonely-{}", std::process::id()));
        let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: a C string that outlives the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let mut options = std::fs::OpenOptions::new();
        let lonely = std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, O_NONBLOCK)
            .read(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(path).unwrap();
        assert!(!has_writer(lonely.as_fd(), &scratch).unwrap());
    }
}
