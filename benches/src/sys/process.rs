//! Processes and clocks: CPU time of another process, affinity, limits, signals, timed reads.
#![expect(unsafe_code, reason = "wraps process and clock system calls")]

use super::check;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// User and system time of process `pid` in nanoseconds.
///
/// Exact only while the process sleeps: of a running thread the kernel adds the time up to its
/// last tick, 1 to 4 ms ago. Callers wait until two readings agree.
pub(crate) fn cpu_ns(pid: u32) -> io::Result<u64> {
    let pid = signed(pid)?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: the call writes one clock id.
    let error = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one timespec.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    Ok(secs * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn signed(pid: u32) -> io::Result<libc::pid_t> {
    libc::pid_t::try_from(pid).map_err(io::Error::other)
}

fn affinity() -> io::Result<libc::cpu_set_t> {
    // SAFETY: an all-zero CPU set is a valid empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most the size of the set; pid 0 is the calling thread.
    check(unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) })?;
    Ok(set)
}

fn set_affinity(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: the set lives for the call; pid 0 is the calling thread.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set) })?;
    Ok(())
}

/// Runs `start` with the calling thread bound to `core`; children started in it inherit that.
pub(crate) fn pinned<T>(core: Option<usize>, start: impl FnOnce() -> T) -> io::Result<T> {
    let Some(core) = core else { return Ok(start()) };
    let before = affinity()?;
    // SAFETY: an all-zero CPU set is a valid empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `core` is a small number, and the macro's indexing checks it against the set's size.
    unsafe { libc::CPU_SET(core, &mut set) };
    set_affinity(&set)?;
    let result = start();
    set_affinity(&before)?;
    Ok(result)
}

/// Raises the soft limit of open descriptors to the hard one and returns it.
pub(crate) fn raise_nofile() -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the call writes one rlimit.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: the call reads one rlimit.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(limit.rlim_cur)
}

/// The highest priority there is short of real time, which would starve the kernel's own network
/// threads and change what is measured.
const NICE: libc::c_int = -20;

/// Puts this process and its future children before other programs, if that is permitted.
///
/// Where the kernel groups sessions (autogroup), it counts only within a session: see
/// [`prefer_session`].
pub(crate) fn raise_priority() -> io::Result<()> {
    // SAFETY: the call takes no pointers; id 0 is the calling process.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) })?;
    Ok(())
}

/// Puts the whole session that `pid` leads before other sessions, if that is permitted.
pub(crate) fn prefer_session(pid: u32) -> io::Result<()> {
    std::fs::write(format!("/proc/{pid}/autogroup"), NICE.to_string())
}

/// Makes the child lead a session of its own and die when this process dies, however it dies.
///
/// The session is for [`prefer_session`]; it also keeps Ctrl-C from reaching the child, which ends
/// with its guard instead.
pub(crate) fn detach(command: &mut Command) -> &mut Command {
    let hook = || {
        // SAFETY: the call takes no pointers and is safe between fork and exec.
        check(unsafe { libc::setsid() })?;
        // SAFETY: the call takes no pointers and is safe between fork and exec.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
    };
    // SAFETY: the hook makes async-signal-safe system calls and allocates nothing.
    unsafe { command.pre_exec(hook) }
}

/// Asks process `pid` to end.
pub(crate) fn terminate(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGTERM)
}

/// Interrupts process `pid` as Ctrl-C does.
pub(crate) fn interrupt(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGINT)
}

fn signal(pid: u32, number: libc::c_int) -> io::Result<()> {
    // SAFETY: the call takes no pointers.
    check(unsafe { libc::kill(signed(pid)?, number) })?;
    Ok(())
}

/// Waits until `fd` can be read; `TimedOut` after `timeout`.
pub(crate) fn wait_readable(fd: &impl AsRawFd, timeout: Duration) -> io::Result<()> {
    let raw: RawFd = fd.as_raw_fd();
    let mut poll = libc::pollfd {
        fd: raw,
        events: libc::POLLIN,
        revents: 0,
    };
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    loop {
        // SAFETY: one pollfd that lives for the call.
        match check(unsafe { libc::poll(&raw mut poll, 1, timeout_ms) }) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes a named pipe only this user can open.
pub(crate) fn make_fifo(path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the string is NUL-terminated and lives for the call.
    check(unsafe { libc::mkfifo(path.as_ptr(), 0o600) })?;
    Ok(())
}
