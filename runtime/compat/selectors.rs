//! Python's `selectors` module: [`DefaultSelector`], an epoll instance with a key for each descriptor.
//!
//! As CPython 3.11's `EpollSelector`, on [`Epoll`]: waiting parks the green thread. Everything takes `&self`, so a
//! selector can be shared; a lock keeps the instance and the map together. Under it are only the map and
//! `epoll_ctl(2)`: the user's data is dropped outside.

use crate::multiplex::{EPOLLIN, EPOLLOUT, Epoll, EpollFlags, check_number};
use crate::sys::lock::Lock;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::{BitAnd, BitOr, BitOrAssign};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// What a descriptor is registered for, and what it is ready for: a set of [`EVENT_READ`] and
/// [`EVENT_WRITE`].
///
/// # Examples
/// ```
/// use greenroom::selectors::{EVENT_READ, EVENT_WRITE};
/// let events = EVENT_READ | EVENT_WRITE;
/// assert!(events.contains(EVENT_WRITE));
/// assert_eq!(format!("{events:?}"), "EVENT_READ | EVENT_WRITE");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Events(u8);

/// It can be read: data, an end, an error, or a connection to accept.
///
/// # Examples
/// ```
/// assert_eq!(greenroom::selectors::EVENT_READ.bits(), 1);
/// ```
pub const EVENT_READ: Events = Events(1);

/// It can be written, or a connection attempt is over.
///
/// # Examples
/// ```
/// assert_eq!(greenroom::selectors::EVENT_WRITE.bits(), 2);
/// ```
pub const EVENT_WRITE: Events = Events(2);

impl Events {
    /// Neither. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert!(greenroom::selectors::Events::empty().is_empty());
    /// ```
    pub const fn empty() -> Events {
        Events(0)
    }

    /// The set with these bits, valid or not: registering an invalid one fails. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{EVENT_WRITE, Events};
    /// assert_eq!(Events::from_bits(2), EVENT_WRITE);
    /// ```
    pub const fn from_bits(bits: u8) -> Events {
        Events(bits)
    }

    /// Python's number. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{EVENT_READ, EVENT_WRITE};
    /// assert_eq!((EVENT_READ | EVENT_WRITE).bits(), 3);
    /// ```
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether it is neither. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert!(!greenroom::selectors::EVENT_READ.is_empty());
    /// ```
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `events` are in it. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{EVENT_READ, EVENT_WRITE};
    /// assert!(!EVENT_READ.contains(EVENT_WRITE));
    /// ```
    pub const fn contains(self, events: Events) -> bool {
        self.0 & events.0 == events.0
    }

    fn check(self) -> io::Result<()> {
        if self.is_empty() || !(EVENT_READ | EVENT_WRITE).contains(self) {
            let text = format!("Invalid events: {}", self.0);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(())
    }

    fn to_epoll(self) -> EpollFlags {
        let mut flags = EpollFlags::empty();
        if self.contains(EVENT_READ) {
            flags |= EPOLLIN;
        }
        if self.contains(EVENT_WRITE) {
            flags |= EPOLLOUT;
        }
        flags
    }

    /// As CPython reads them: an error and a hang-up are both, readable and writable.
    fn of_epoll(flags: EpollFlags) -> Events {
        let mut events = Events::empty();
        if flags.intersects(!EPOLLIN) {
            events |= EVENT_WRITE;
        }
        if flags.intersects(!EPOLLOUT) {
            events |= EVENT_READ;
        }
        events
    }
}

impl BitOr for Events {
    type Output = Events;

    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

impl BitOrAssign for Events {
    fn bitor_assign(&mut self, other: Events) {
        self.0 |= other.0;
    }
}

impl BitAnd for Events {
    type Output = Events;

    fn bitand(self, other: Events) -> Events {
        Events(self.0 & other.0)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            1 => f.write_str("EVENT_READ"),
            2 => f.write_str("EVENT_WRITE"),
            3 => f.write_str("EVENT_READ | EVENT_WRITE"),
            bits => write!(f, "{bits:#x}"),
        }
    }
}

/// What is registered: a descriptor, the events, and the user's data; often a callback.
///
/// # Examples
/// ```
/// use greenroom::selectors::{DefaultSelector, EVENT_READ};
/// use std::os::fd::AsRawFd;
/// let (reader, _writer) = greenroom::io::pipe()?;
/// let selector = DefaultSelector::new()?;
/// let key = selector.register(&reader, EVENT_READ, "the reader")?;
/// assert_eq!((key.fd, key.events, key.data), (reader.as_raw_fd(), EVENT_READ, "the reader"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorKey<D> {
    /// The number that was registered.
    pub fd: RawFd,
    /// What it is registered for.
    pub events: Events,
    /// What was given with it.
    pub data: D,
}

type Keys<D> = BTreeMap<RawFd, Arc<SelectorKey<D>>>;

/// Descriptors with data, and a wait for those that are ready. Source: Python's
/// `selectors.DefaultSelector`.
///
/// # Examples
/// ```
/// use greenroom::selectors::{DefaultSelector, EVENT_READ};
/// use std::io::Write;
/// greenroom::run(|| {
///     let selector = DefaultSelector::new()?;
///     let (reader, mut writer) = greenroom::io::pipe()?;
///     let callback: fn() -> &'static str = || "called";
///     selector.register(&reader, EVENT_READ, callback)?;
///     greenroom::thread::spawn(move || writer.write_all(b"x"));
///     for (key, events) in selector.select(None)? {
///         assert_eq!(((key.data)(), events), ("called", EVENT_READ));
///     }
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct DefaultSelector<D> {
    epoll: Epoll,
    keys: Lock<Keys<D>>,
}

fn not_registered(fd: RawFd) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{fd} is not registered"))
}

impl<D> DefaultSelector<D> {
    /// Nothing is registered. Never parks.
    ///
    /// # Errors
    /// No descriptor left.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::DefaultSelector;
    /// let selector = DefaultSelector::<()>::new()?;
    /// assert!(selector.get_map().is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<DefaultSelector<D>> {
        Ok(DefaultSelector {
            epoll: Epoll::new()?,
            keys: Lock::new(BTreeMap::new()),
        })
    }

    /// Registers a descriptor with data. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for no events, others than the two, or a negative number (Python's `ValueError`);
    /// `AlreadyExists` if it is registered (`KeyError`); what `epoll_ctl(2)` says: `EBADF` if it is not open,
    /// `PermissionDenied` for a regular file.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{DefaultSelector, EVENT_READ, Events};
    /// use std::io::ErrorKind;
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let selector = DefaultSelector::new()?;
    /// let nothing = selector.register(&reader, Events::empty(), ());
    /// assert_eq!(nothing.unwrap_err().kind(), ErrorKind::InvalidInput);
    /// selector.register(&reader, EVENT_READ, ())?;
    /// let again = selector.register(&reader, EVENT_READ, ());
    /// assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn register(
        &self,
        fd: &impl AsRawFd,
        events: Events,
        data: D,
    ) -> io::Result<Arc<SelectorKey<D>>> {
        let fd = fd.as_raw_fd();
        events.check()?;
        check_number(fd)?;
        // Before the lock: if it fails, the key is dropped after the lock.
        let key = Arc::new(SelectorKey { fd, events, data });
        let mut keys = self.keys.lock();
        if keys.contains_key(&fd) {
            let text = format!("{fd} is already registered");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        self.epoll.register(&fd, events.to_epoll())?;
        keys.insert(fd, Arc::clone(&key));
        drop(keys);
        Ok(key)
    }

    /// Takes a descriptor out, and returns its key; closed meanwhile or not. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not registered (Python's `KeyError`); `InvalidInput` for a negative number.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{DefaultSelector, EVENT_READ};
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let selector = DefaultSelector::new()?;
    /// selector.register(&reader, EVENT_READ, 7)?;
    /// assert_eq!(selector.unregister(&reader)?.data, 7);
    /// assert!(selector.unregister(&reader).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unregister(&self, fd: &impl AsRawFd) -> io::Result<Arc<SelectorKey<D>>> {
        let fd = fd.as_raw_fd();
        check_number(fd)?;
        let mut keys = self.keys.lock();
        let key = keys.remove(&fd).ok_or_else(|| not_registered(fd))?;
        // It may have been closed since, and is then out already.
        let _ = self.epoll.unregister(&fd);
        Ok(key)
    }

    /// Changes events and data of a descriptor, and returns the new key. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not registered; `InvalidInput` for a negative number; what `epoll_ctl(2)` says, and
    /// then the descriptor is out, as in Python. Events are taken as they are: none is watched for hang-ups
    /// and errors only. Differs: a change to the same is a new key, too.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{DefaultSelector, EVENT_READ, EVENT_WRITE};
    /// let (_reader, writer) = greenroom::io::pipe()?;
    /// let selector = DefaultSelector::new()?;
    /// selector.register(&writer, EVENT_READ, "before")?;
    /// selector.modify(&writer, EVENT_WRITE, "after")?;
    /// let ready = selector.select(None)?;
    /// assert_eq!((ready[0].0.data, ready[0].1), ("after", EVENT_WRITE));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn modify(
        &self,
        fd: &impl AsRawFd,
        events: Events,
        data: D,
    ) -> io::Result<Arc<SelectorKey<D>>> {
        let fd = fd.as_raw_fd();
        check_number(fd)?;
        let key = Arc::new(SelectorKey { fd, events, data });
        // Declared before the lock: dropped after it.
        let old;
        let mut keys = self.keys.lock();
        let known = keys.get(&fd).ok_or_else(|| not_registered(fd))?;
        if known.events != events
            && let Err(error) = self.epoll.modify(&fd, events.to_epoll())
        {
            old = keys.remove(&fd);
            drop(keys);
            drop(old);
            return Err(error);
        }
        old = keys.insert(fd, Arc::clone(&key));
        drop(keys);
        drop(old);
        Ok(key)
    }

    /// Waits until a descriptor is ready, and returns the keys with what each is ready for. Parks a green
    /// thread, blocks an OS thread.
    ///
    /// `None` waits without limit, zero does not wait; the list is empty if the time was up, and may be if
    /// another task took out what was ready. Errors and hang-ups count as all that was asked for.
    ///
    /// # Errors
    /// None that is known; those of `epoll_wait(2)`.
    ///
    /// # Cancel
    /// Takes nothing: what was ready stays ready.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::DefaultSelector;
    /// use std::time::Duration;
    /// let selector = DefaultSelector::<()>::new()?;
    /// assert!(selector.select(Some(Duration::from_millis(1)))?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn select(
        &self,
        timeout: Option<Duration>,
    ) -> io::Result<Vec<(Arc<SelectorKey<D>>, Events)>> {
        let room = self.keys.lock().len().max(1);
        let ready = self.epoll.poll(timeout, Some(room))?;
        let keys = self.keys.lock();
        let found = ready.into_iter().filter_map(|(fd, flags)| {
            let key = keys.get(&fd)?;
            Some((Arc::clone(key), Events::of_epoll(flags) & key.events))
        });
        Ok(found.collect())
    }

    /// What is registered, by number, as it is now. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{DefaultSelector, EVENT_READ};
    /// use std::os::fd::AsRawFd;
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let selector = DefaultSelector::new()?;
    /// selector.register(&reader, EVENT_READ, "the reader")?;
    /// assert_eq!(selector.get_map()[&reader.as_raw_fd()].data, "the reader");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn get_map(&self) -> BTreeMap<RawFd, Arc<SelectorKey<D>>> {
        self.keys.lock().clone()
    }

    /// The key of one descriptor. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not registered; `InvalidInput` for a negative number.
    ///
    /// # Examples
    /// ```
    /// use greenroom::selectors::{DefaultSelector, EVENT_READ};
    /// let (reader, writer) = greenroom::io::pipe()?;
    /// let selector = DefaultSelector::new()?;
    /// selector.register(&reader, EVENT_READ, 7)?;
    /// assert_eq!(selector.get_key(&reader)?.data, 7);
    /// assert!(selector.get_key(&writer).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn get_key(&self, fd: &impl AsRawFd) -> io::Result<Arc<SelectorKey<D>>> {
        let fd = fd.as_raw_fd();
        check_number(fd)?;
        let found = self.keys.lock().get(&fd).map(Arc::clone);
        found.ok_or_else(|| not_registered(fd))
    }

    /// Closes the epoll instance and drops the keys; the descriptors stay open. Never parks, unless the
    /// user's data does when it is dropped.
    ///
    /// # Examples
    /// ```
    /// greenroom::selectors::DefaultSelector::<()>::new()?.close();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(self) {
        drop(self);
    }
}

impl<D> AsFd for DefaultSelector<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl<D> AsRawFd for DefaultSelector<D> {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

impl<D> fmt::Debug for DefaultSelector<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultSelector")
            .field("epoll", &self.epoll)
            .finish_non_exhaustive()
    }
}
