//! `Builder`: a spawn with a name, a stack size, a worker.
//!
//! As std's; only collects what `spawn` then checks.
#![expect(unsafe_code, reason = "calls the unchecked spawn with std's bounds")]

use super::handle::JoinHandle;
use super::join::Joiner;
use super::scoped::{Scope, ScopedJoinHandle};
use super::spawn::{Place, Spec, spawn_unchecked, try_with_group};
use std::ffi::CString;
use std::io;
use std::panic::Location;

/// Configures a green thread before it is spawned. Source: [`std::thread::Builder`].
///
/// # Examples
/// ```
/// let handle = greenroom::thread::Builder::new()
///     .name("greeter".into())
///     .stack_size(64 * 1024)
///     .spawn(|| greenroom::thread::current().name().map(str::to_owned))
///     .unwrap();
/// assert_eq!(handle.join().unwrap().as_deref(), Some("greeter"));
/// ```
#[must_use = "must eventually spawn the green thread"]
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
    stack_size: Option<usize>,
    worker: Option<usize>,
    spawned_at: Option<&'static Location<'static>>,
}

impl Builder {
    /// No name, the runtime's stack size, any worker.
    ///
    /// # Examples
    /// ```
    /// let handle = greenroom::thread::Builder::new().spawn(|| 6 * 7)?;
    /// assert_eq!(handle.join().unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the green thread: in panic messages, overflow reports and `Thread::name`.
    ///
    /// # Panics
    /// `spawn` panics if the name contains a NUL byte, as std.
    ///
    /// # Examples
    /// ```
    /// let builder = greenroom::thread::Builder::new().name("greeter".into());
    /// let handle = builder.spawn(|| ())?;
    /// assert_eq!(handle.thread().name(), Some("greeter"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(mut self, name: String) -> Builder {
        self.name = Some(name);
        self
    }

    /// Usable stack in bytes, rounded up to a size class: 192 KiB (the default) or a power of two from
    /// 16 KiB to 1 GiB. Only touched pages cost memory. `spawn` refuses more than 1 GiB.
    ///
    /// # Examples
    /// ```
    /// let builder = greenroom::thread::Builder::new().stack_size(1 << 20);
    /// let handle = builder.spawn(|| std::hint::black_box([1u8; 300_000]).len())?;
    /// assert_eq!(handle.join().unwrap(), 300_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = Some(bytes);
        self
    }

    /// Binds the green thread to one worker of its runtime, counted from 0: it is never stolen.
    /// Beyond std. `spawn` refuses a number the runtime does not have.
    ///
    /// # Examples
    /// ```
    /// let handle = greenroom::thread::Builder::new().worker(0).spawn(|| 6 * 7)?;
    /// assert_eq!(handle.join().unwrap(), 42);
    /// let refused = greenroom::thread::Builder::new().worker(usize::MAX).spawn(|| ());
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn worker(mut self, index: usize) -> Builder {
        self.worker = Some(index);
        self
    }

    /// Where it says that it was spawned, if not where that happens.
    pub(crate) fn at(mut self, place: &'static Location<'static>) -> Builder {
        self.spawned_at = Some(place);
        self
    }

    #[track_caller]
    pub(super) fn into_spec(self) -> Spec {
        if let Some(name) = &self.name
            && name.contains('\0')
        {
            // std's text to the letter.
            let refused = CString::new(name.as_str()).map(drop);
            refused.expect("thread name may not contain interior null bytes");
        }
        // Subtle: not by a closure or a path, whose caller would be the library.
        let spawned_at = match self.spawned_at {
            Some(place) => place,
            None => Location::caller(),
        };
        Spec {
            name: self.name.map(String::into_boxed_str),
            stack_size: self.stack_size,
            worker: self.worker.map_or(Place::Anywhere, Place::Worker),
            spawned_at,
        }
    }

    /// Spawns the green thread. Never parks.
    ///
    /// # Errors
    /// `InvalidInput`: a stack size out of bounds, an unknown worker. `OutOfMemory` or what the kernel
    /// says: no stack can be had, and none of that size is in use that could become free. (If one is
    /// in use, the closure waits for it.)
    ///
    /// # Panics
    /// If the name contains a NUL byte.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::Builder;
    /// assert_eq!(Builder::new().spawn(|| 6 * 7)?.join().unwrap(), 42);
    /// let refused = Builder::new().stack_size(2 << 30).spawn(|| ());
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: `F` and `T` are `'static` and `Send`.
        unsafe { self.spawn_unchecked(f) }
    }

    /// As [`Builder::spawn`], for a closure that borrows from what the caller promises to keep. Never
    /// parks. Source: [`std::thread::Builder::spawn_unchecked`].
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    ///
    /// # Panics
    /// If the name contains a NUL byte.
    ///
    /// # Safety
    /// The green thread is joined before what `f` and its result borrow ends. Subtle: a join that is
    /// cancelled detaches, and a runtime that ends may leave a green thread behind, so this is a promise
    /// about more than one line; [`scope`](super::scope) keeps it for you.
    ///
    /// # Examples
    /// ```
    /// let text = String::from("hello");
    /// let builder = greenroom::thread::Builder::new();
    /// // SAFETY: joined here, on an OS thread, where nothing interrupts the join.
    /// let handle = unsafe { builder.spawn_unchecked(|| text.len()) }?;
    /// assert_eq!(handle.join().unwrap(), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub unsafe fn spawn_unchecked<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let spec = self.into_spec();
        // SAFETY: both are `Send`, and the caller sees to what they borrow.
        let task = try_with_group(|group| unsafe { spawn_unchecked(group, spec, f) })?;
        Ok(JoinHandle(Joiner::new(task)))
    }

    /// Spawns a scoped green thread; see [`scope`](super::scope). Never parks.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    ///
    /// # Panics
    /// If the name contains a NUL byte.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{Builder, scope};
    /// let text = String::from("hello");
    /// let length = scope(|s| {
    ///     let handle = Builder::new().name("counter".into()).spawn_scoped(s, || text.len())?;
    ///     Ok::<_, std::io::Error>(handle.join().unwrap())
    /// })?;
    /// assert_eq!(length, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        scope.spawn_with(self.into_spec(), f)
    }
}
