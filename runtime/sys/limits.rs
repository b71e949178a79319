//! Limits of this process and machine: open files, processors.
//!
//! Called once at runtime start; nothing here is on a hot path.
#![expect(unsafe_code, reason = "getrlimit and setrlimit")]

use super::check;
use std::io;

/// Raises the soft limit of open files to the hard one and returns it: a server of tens of thousands
/// of clients is what greenroom is for, and the soft limit of a stock shell is 1,024.
pub(crate) fn raise_open_files() -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid, writable rlimit.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `limit` is a valid rlimit and asks for no more than the hard limit.
        check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    }
    Ok(limit.rlim_cur)
}
