//! System calls that std lacks, each in a safe function: files at chosen numbers, files sent to another
//! process, what a socket has received.
#![expect(
    unsafe_code,
    reason = "fcntl, close, sendmsg, ioctl, socket options, posix_openpt"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

fn owned(fd: RawFd) -> OwnedFd {
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: has just been made, and is nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn done(result: libc::c_int) {
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Moves a file to a number that no one else in this process chooses.
pub(crate) fn put_at(number: RawFd, file: &OwnedFd) -> OwnedFd {
    // SAFETY: takes numbers.
    let put = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, number) };
    assert_eq!(put, number, "{}", io::Error::last_os_error());
    owned(put)
}

pub(crate) fn set_nonblocking(file: &impl AsFd) {
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: takes numbers; these kinds have no other flag that is lost by it.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    // SAFETY: as above.
    done(unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) });
}

pub(crate) fn read(file: &impl AsFd, bytes: &mut [u8]) -> io::Result<usize> {
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: writes at most as many bytes as there are.
    let count = unsafe { libc::read(fd, bytes.as_mut_ptr().cast(), bytes.len()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Rust's programs ignore SIGPIPE: a broken pipe is an error.
pub(crate) fn write(file: &impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: reads as many bytes as there are.
    let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

pub(crate) fn send_urgent(file: &impl AsFd) -> bool {
    let fd = file.as_fd().as_raw_fd();
    let flags = libc::MSG_OOB | libc::MSG_NOSIGNAL;
    // SAFETY: reads one byte.
    unsafe { libc::send(fd, b"!".as_ptr().cast(), 1, flags) == 1 }
}

pub(crate) fn read_urgent(file: &impl AsFd) {
    let fd = file.as_fd().as_raw_fd();
    let mut byte = 0_u8;
    // SAFETY: writes one byte at most.
    unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, libc::MSG_OOB) };
}

pub(crate) fn shut(file: &impl AsFd, how: i32) -> bool {
    // SAFETY: takes numbers.
    unsafe { libc::shutdown(file.as_fd().as_raw_fd(), how) == 0 }
}

pub(crate) fn set_option<T>(file: &impl AsFd, level: i32, name: i32, value: &T) {
    let fd = file.as_fd().as_raw_fd();
    let size = libc::socklen_t::try_from(size_of::<T>()).unwrap();
    // SAFETY: reads a value of the size that is told.
    done(unsafe { libc::setsockopt(fd, level, name, std::ptr::from_ref(value).cast(), size) });
}

/// State and count of received bytes, from `TCP_INFO`: fields at 0 and 128 of `struct tcp_info`.
pub(crate) fn tcp_info(file: &impl AsFd) -> (u8, u64) {
    let mut bytes = [0_u8; 136];
    let mut size = 136;
    let fd = file.as_fd().as_raw_fd();
    let to = bytes.as_mut_ptr().cast();
    // SAFETY: writes at most as many bytes as there are.
    done(unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, to, &raw mut size) });
    assert_eq!(size, 136);
    let received = bytes[128..].try_into().unwrap();
    (bytes[0], u64::from_ne_bytes(received))
}

fn count(file: &impl AsFd, request: libc::Ioctl) -> i32 {
    let mut count: libc::c_int = 0;
    // SAFETY: writes one number.
    done(unsafe { libc::ioctl(file.as_fd().as_raw_fd(), request, &raw mut count) });
    count
}

/// Bytes that the peer has not acknowledged, and those of them that have not been sent.
pub(crate) fn unsent(file: &impl AsFd) -> (i32, i32) {
    const SIOCOUTQNSD: libc::Ioctl = 0x894B;
    (count(file, libc::TIOCOUTQ), count(file, SIOCOUTQNSD))
}

pub(crate) fn eventfd() -> OwnedFd {
    // SAFETY: takes numbers.
    owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
}

/// A terminal that changes no byte: who types, and the program's side.
pub(crate) fn terminal() -> (OwnedFd, OwnedFd) {
    // SAFETY: takes flags.
    let master = owned(unsafe {
        libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC | libc::O_NONBLOCK)
    });
    let mut unlocked: libc::c_int = 0;
    // SAFETY: reads one number.
    done(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw mut unlocked) });
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: takes flags.
    let slave = owned(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) });
    // SAFETY: a structure of integers.
    let mut mode: libc::termios = unsafe { std::mem::zeroed() };
    // SAFETY: writes one structure.
    done(unsafe { libc::tcgetattr(slave.as_raw_fd(), &raw mut mode) });
    // SAFETY: changes one structure.
    unsafe { libc::cfmakeraw(&raw mut mode) };
    // SAFETY: reads one structure.
    done(unsafe { libc::tcsetattr(slave.as_raw_fd(), libc::TCSANOW, &raw const mode) });
    (master, slave)
}

/// Sends a text, and a file with it.
pub(crate) fn send_with_file(to: &UnixStream, text: &str, file: &impl AsFd) {
    let number: RawFd = file.as_fd().as_raw_fd();
    let mut part = libc::iovec {
        iov_base: text.as_ptr().cast_mut().cast(),
        iov_len: text.len(),
    };
    // Aligned as a header must be.
    let mut space = [0_u64; 8];
    // SAFETY: a structure of integers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.as_mut_ptr().cast();
    let bytes = libc::c_uint::try_from(size_of::<RawFd>()).unwrap();
    // SAFETY: arithmetic.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(bytes) } as usize;
    // SAFETY: `message` has room for a header: the space is larger than what is told.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    // SAFETY: arithmetic.
    let length = unsafe { libc::CMSG_LEN(bytes) } as usize;
    let filled = libc::cmsghdr {
        cmsg_len: length,
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    // SAFETY: points into the space, aligned.
    unsafe { header.write(filled) };
    // SAFETY: within the space, behind the header.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: there is room for one number.
    unsafe { data.cast::<RawFd>().write_unaligned(number) };
    // SAFETY: all that the message points to lives in this function.
    let sent = unsafe { libc::sendmsg(to.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    assert_eq!(
        usize::try_from(sent).ok(),
        Some(text.len()),
        "{}",
        io::Error::last_os_error()
    );
}

/// A regular file with some bytes and no name.
pub(crate) fn regular() -> OwnedFd {
    // SAFETY: reads a text that ends with zero.
    let file = owned(unsafe { libc::memfd_create(c"steps".as_ptr(), libc::MFD_CLOEXEC) });
    io::Write::write_all(&mut File::from(file.try_clone().unwrap()), b"text").unwrap();
    file
}
