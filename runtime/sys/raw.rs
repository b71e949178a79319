//! The two system calls of every message, without the C library in between.
//!
//! In a threaded process glibc's `recv` and `send` are cancellation points: each enters and leaves an
//! asynchronous-cancellation state with two atomic operations, 1.5 % of an echoed message. The calls
//! here never wait (`MSG_DONTWAIT`), so there is nothing to cancel. Errors come as `-errno` and leave
//! `errno` alone. On other processors the C library is called.
#![expect(unsafe_code, reason = "system call instructions")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `recvfrom(fd, buf, len, flags, NULL, NULL)`.
#[inline]
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: i32) -> io::Result<usize> {
    // SAFETY: `buf` is writable for its whole length; the kernel writes nowhere else.
    let returned = unsafe {
        call(
            libc::SYS_recvfrom,
            fd.as_raw_fd(),
            buf.as_mut_ptr(),
            buf.len(),
            flags,
        )
    };
    checked(returned)
}

/// `sendto(fd, buf, len, flags, NULL, 0)`.
#[inline]
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8], flags: i32) -> io::Result<usize> {
    // SAFETY: `buf` is readable for its whole length; the kernel only reads it.
    let returned = unsafe {
        call(
            libc::SYS_sendto,
            fd.as_raw_fd(),
            buf.as_ptr().cast_mut(),
            buf.len(),
            flags,
        )
    };
    checked(returned)
}

#[inline]
fn checked(returned: i64) -> io::Result<usize> {
    usize::try_from(returned).map_err(|_| {
        // The kernel's error numbers are below 4,096.
        io::Error::from_raw_os_error(i32::try_from(-returned).unwrap_or(libc::EIO))
    })
}

/// A system call of the shape of `recvfrom` and `sendto`, with a null address.
///
/// # Safety
/// `buf` and `len` are what `number` demands.
#[cfg(target_arch = "x86_64")]
#[inline]
unsafe fn call(number: libc::c_long, fd: i32, buf: *mut u8, len: usize, flags: i32) -> i64 {
    let returned: i64;
    // SAFETY: the caller's contract; the instruction clobbers rcx and r11 only.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number => returned,
            in("rdi") i64::from(fd),
            in("rsi") buf,
            in("rdx") len,
            in("r10") i64::from(flags),
            in("r8") 0usize,
            in("r9") 0usize,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    };
    returned
}

/// A system call of the shape of `recvfrom` and `sendto`, with a null address.
///
/// # Safety
/// `buf` and `len` are what `number` demands.
#[cfg(target_arch = "aarch64")]
#[inline]
unsafe fn call(number: libc::c_long, fd: i32, buf: *mut u8, len: usize, flags: i32) -> i64 {
    let returned: i64;
    // SAFETY: the caller's contract; the instruction changes x0 only.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") i64::from(fd) => returned,
            in("x1") buf,
            in("x2") len,
            in("x3") i64::from(flags),
            in("x4") 0usize,
            in("x5") 0usize,
            options(nostack)
        );
    };
    returned
}

/// A system call of the shape of `recvfrom` and `sendto`, with a null address.
///
/// # Safety
/// `buf` and `len` are what `number` demands.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn call(number: libc::c_long, fd: i32, buf: *mut u8, len: usize, flags: i32) -> i64 {
    // SAFETY: the caller's contract.
    let returned = unsafe { libc::syscall(number, fd, buf, len, flags, 0usize, 0usize) };
    if returned == -1 {
        return -(io::Error::last_os_error()
            .raw_os_error()
            .unwrap_or(libc::EIO)
            .into());
    }
    returned.into()
}
