//! What a join of a group says of its members' panics.
//!
//! A failure is noted on the member's own green thread, while it unwinds, and struck off if somebody
//! joins the member. The payload stays with the member's handle; the failure has its text.

use crate::sched::current;
use crate::task::Header;
use crate::thread;
use std::any::Any;
use std::fmt;
use std::panic::Location;

/// Failures that are kept until somebody asks; further ones are only counted. A group that nobody joins
/// and whose members panic for ever must not grow for ever.
pub(super) const FAILURES_MAX: usize = 1024;

/// One member's panic.
///
/// # Examples
/// ```
/// use greenroom::{group::Group, thread::Builder};
/// let group = Group::new();
/// let reader = Builder::new().name("reader".into());
/// group.spawn_with(reader, || panic!("no paper"))?;
/// let report = group.join();
/// let failure = &report.failures()[0];
/// assert_eq!((failure.name(), failure.message()), (Some("reader"), "no paper"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    thread: thread::Thread,
    spawned_at: &'static Location<'static>,
    message: Box<str>,
}

impl Failure {
    /// Of the member that runs this.
    pub(super) fn of_current(payload: &(dyn Any + Send)) -> Failure {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Failure {
            thread: thread::current(),
            spawned_at: current::task().map_or_else(Location::caller, Header::spawned_at),
            message: text.unwrap_or("Box<dyn Any>").into(),
        }
    }

    /// Which member it was. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// let id = group.spawn(|| panic!("oh no")).thread().id();
    /// assert_eq!(group.join().failures()[0].id(), id);
    /// ```
    pub fn id(&self) -> thread::ThreadId {
        self.thread.id()
    }

    /// The member's name, if it has one. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// group.spawn(|| panic!("oh no"));
    /// assert_eq!(group.join().failures()[0].name(), None);
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.thread.name()
    }

    /// Where the member was spawned. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// group.spawn(|| panic!("oh no"));
    /// assert_eq!(group.join().failures()[0].spawned_at().file(), file!());
    /// ```
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// What it panicked with, if that is a text; else `Box<dyn Any>`, as std's hook prints. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// group.spawn(|| std::panic::panic_any(7));
    /// assert_eq!(group.join().failures()[0].message(), "Box<dyn Any>");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("green thread ")?;
        match self.name() {
            Some(name) => write!(f, "'{name}'")?,
            None => write!(f, "{:?}", self.id())?,
        }
        write!(
            f,
            " (spawned at {}) panicked: {}",
            self.spawned_at, self.message
        )
    }
}

/// Which members of a group have panicked, and were not joined one by one, since the last report.
///
/// # Examples
/// ```
/// let group = greenroom::group::Group::new();
/// group.spawn(|| ());
/// group.join().into_result()?;
/// group.spawn(|| panic!("oh no"));
/// assert!(group.join().into_result().unwrap_err().to_string().contains("oh no"));
/// # Ok::<(), greenroom::group::Report>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Report {
    failures: Vec<Failure>,
    /// Further ones, of which nothing else is known.
    omitted: usize,
}

impl Report {
    pub(super) fn add(&mut self, failure: Failure) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(failure);
        } else {
            self.omitted += 1;
        }
    }

    /// Takes off what is known of a member that somebody has joined.
    pub(super) fn remove(&mut self, id: thread::ThreadId) -> Option<Failure> {
        let place = self
            .failures
            .iter()
            .position(|failure| failure.id() == id)?;
        Some(self.failures.remove(place))
    }

    /// The panics, in the order in which they happened: the first 1024 of them. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// assert!(group.join().failures().is_empty());
    /// ```
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// How many there were. Never parks.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// (0..3).for_each(|_| drop(group.spawn(|| panic!("oh no"))));
    /// assert_eq!(group.join().count(), 3);
    /// ```
    pub fn count(&self) -> usize {
        self.failures.len() + self.omitted
    }

    /// The report itself as an error, if there was a panic. Never parks.
    ///
    /// # Errors
    /// The report, if a member has panicked.
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// assert!(group.join().into_result().is_ok());
    /// ```
    pub fn into_result(self) -> Result<(), Report> {
        if self.count() == 0 { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failures.first() {
            None => f.write_str("no member has panicked"),
            Some(first) if self.count() == 1 => first.fmt(f),
            Some(first) => write!(f, "{} members have panicked, first {first}", self.count()),
        }
    }
}

impl std::error::Error for Report {}
