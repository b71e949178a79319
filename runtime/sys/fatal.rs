//! The end of the process, with a message: when an invariant broke, or nobody is left who could answer.
//!
//! Not `eprintln!`, which panics if standard error is closed: that would unwind past the abort.

use std::fmt;
use std::io::Write;

/// Writes one line to standard error, if that is possible, and aborts.
#[cold]
pub(crate) fn abort(message: fmt::Arguments<'_>) -> ! {
    // Whether it could be written or not, there is no way on.
    let _ = writeln!(std::io::stderr(), "{message}");
    std::process::abort();
}
