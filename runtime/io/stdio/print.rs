//! `print!`, `println!`, `eprint!`, `eprintln!`: std's macros over the handles of this library.
//!
//! std's own macros take a lock of std's and write by `write(2)`: while the reader of standard output is
//! slow, they stop the worker and everybody on it.

use super::{stderr, stdout};
use std::fmt::{Arguments, Display};
use std::io::Write;

/// Prints to greenroom's standard output, as [`std::print!`]. Parks while it is full or locked.
///
/// # Panics
/// Writing fails.
///
/// # Cancel
/// As [`Stdout`](crate::io::Stdout).
///
/// # Examples
/// ```
/// use greenroom::print;
/// print!("{} and ", 1);
/// print!("two\n");
/// ```
#[macro_export]
macro_rules! print {
    ($($arg:tt)*) => {{
        $crate::io::_print(::std::format_args!($($arg)*));
    }};
}

/// Prints a line to greenroom's standard output, as [`std::println!`]. Parks while it is full or locked.
///
/// `use greenroom::println;` is all that a program needs. std's own macro has a buffer of its own, so a
/// program should keep to one of the two, and it blocks the worker while nobody reads the output.
/// Differs: libtest, which captures what std's macro prints in tests, does not know of this one.
///
/// # Panics
/// Writing fails: `failed printing to stdout: …`.
///
/// # Cancel
/// As [`Stdout`](crate::io::Stdout).
///
/// # Examples
/// ```
/// use greenroom::println;
/// let name = "world";
/// println!();
/// println!("hello, {name}: {:?}", Some(1));
/// ```
#[macro_export]
macro_rules! println {
    () => {
        $crate::print!("\n")
    };
    ($($arg:tt)*) => {{
        $crate::io::_print(::std::format_args!("{}\n", ::std::format_args!($($arg)*)));
    }};
}

/// Prints to greenroom's standard error, as [`std::eprint!`]. Parks while it is full or locked.
///
/// # Panics
/// Writing fails.
///
/// # Cancel
/// As [`Stderr`](crate::io::Stderr).
///
/// # Examples
/// ```
/// use greenroom::eprint;
/// eprint!("working");
/// eprint!("{}\n", "...");
/// ```
#[macro_export]
macro_rules! eprint {
    ($($arg:tt)*) => {{
        $crate::io::_eprint(::std::format_args!($($arg)*));
    }};
}

/// Prints a line to greenroom's standard error, as [`std::eprintln!`]. Parks while it is full or locked.
///
/// # Panics
/// Writing fails: `failed printing to stderr: …`.
///
/// # Cancel
/// As [`Stderr`](crate::io::Stderr).
///
/// # Examples
/// ```
/// use greenroom::eprintln;
/// eprintln!();
/// eprintln!("not found: {}", "something");
/// ```
#[macro_export]
macro_rules! eprintln {
    () => {
        $crate::eprint!("\n")
    };
    ($($arg:tt)*) => {{
        $crate::io::_eprint(::std::format_args!("{}\n", ::std::format_args!($($arg)*)));
    }};
}

/// What `print!` and `println!` expand to.
#[doc(hidden)]
pub fn _print(args: Arguments<'_>) {
    if let Err(error) = stdout().write_fmt(args) {
        failed("stdout", &error);
    }
}

/// What `eprint!` and `eprintln!` expand to.
#[doc(hidden)]
pub fn _eprint(args: Arguments<'_>) {
    if let Err(error) = stderr().write_fmt(args) {
        failed("stderr", &error);
    }
}

#[cold]
fn failed(stream: &str, error: &dyn Display) -> ! {
    panic!("failed printing to {stream}: {error}");
}
