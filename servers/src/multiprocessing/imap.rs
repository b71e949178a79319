//! [`Pool::imap_unordered`]: the values of many jobs, whichever is done first.

use super::job::JobError;
use super::pool::Pool;
use greenroom::sync::mpsc::{IntoIter, channel};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

impl Pool {
    /// Calls `function` with each of `arguments`, and gives the values as they come, in no order. Never parks for
    /// long; the iterator parks.
    ///
    /// All arguments are taken now. For values in the order of the arguments, as they come (Python's `imap`),
    /// [`submit`](Self::submit) each and `get` one after the other. Source:
    /// `multiprocessing.Pool.imap_unordered` of Python.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Pool};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let pool = Pool::new(2)?;
    ///         let squares = pool.imap_unordered(|number: u32| number * number, 1..=3);
    ///         let mut squares = squares.collect::<Result<Vec<u32>, _>>().map_err(std::io::Error::from)?;
    ///         squares.sort();
    ///         assert_eq!(squares, [1, 4, 9]);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn imap_unordered<A, R, I>(&self, function: fn(A) -> R, arguments: I) -> Unordered<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        let (sender, receiver) = channel();
        for argument in arguments {
            let sender = sender.clone();
            // An error is an iterator that was dropped.
            self.post(function, &argument, move |value| drop(sender.send(value)));
        }
        Unordered {
            values: receiver.into_iter(),
        }
    }
}

/// The results of jobs, as they come; made by [`Pool::imap_unordered`]. Dropping it leaves the jobs alone.
///
/// # Examples
/// See [`Pool::imap_unordered`].
pub struct Unordered<R> {
    values: IntoIter<Result<R, JobError>>,
}

impl<R> Iterator for Unordered<R> {
    type Item = Result<R, JobError>;

    fn next(&mut self) -> Option<Result<R, JobError>> {
        self.values.next()
    }
}

impl<R> fmt::Debug for Unordered<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unordered").finish_non_exhaustive()
    }
}
