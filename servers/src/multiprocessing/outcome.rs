//! What a process's function may return: nothing, or something that may be an error.
//!
//! `std::process::Termination`, which `main` uses, does not do: its `ExitCode` cannot be turned into a number, it
//! says `Error: Kind(…)` where people read, and it does not know the process's name.

use std::fmt::Display;

/// What a function that runs in a process of its own may return: `()`, or a [`Result`] whose error has a text.
///
/// An error goes to standard error as `NAME: error`, and the process exits with code 1. A function that never
/// returns is well too. Source: [`std::process::Termination`].
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Process};
///
/// fn read(path: String) -> std::io::Result<()> {
///     greenroom::fs::read(path)?;
///     Ok(())
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         // It says "Process-1: No such file or directory (os error 2)".
///         let process = Process::spawn(read, "/no/such/file".to_owned())?;
///         assert_eq!(process.join().code(), 1);
///         Ok(())
///     })?
/// }
/// ```
pub trait Outcome {
    /// The error's text, if it is one. Called in the process, when its function has returned.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::Outcome;
    /// assert_eq!(().failure(), None);
    /// assert_eq!(Err::<(), _>("no bread").failure().as_deref(), Some("no bread"));
    /// ```
    fn failure(self) -> Option<String>;
}

impl Outcome for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<T: Outcome, E: Display> Outcome for Result<T, E> {
    fn failure(self) -> Option<String> {
        match self {
            Ok(value) => value.failure(),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// The way to name `!`, which closures that only exit or park return.
trait Returns {
    type Value;
}

impl<R> Returns for fn() -> R {
    type Value = R;
}

#[expect(
    private_interfaces,
    reason = "only a detour to the name of a public type"
)]
impl Outcome for <fn() -> ! as Returns>::Value {
    fn failure(self) -> Option<String> {
        self
    }
}
