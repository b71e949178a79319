//! The methods of a generator, written once for its two faces: `Generator` and `Scoped`.
//!
//! A macro, because `Scoped` must not give out a `&mut Generator`: a swap would take it out of its call.

macro_rules! face {
    ($ty:ty, [$($lifetime:lifetime)?], $($bound:tt)*) => {
        impl<$($lifetime,)? S, Y, R> $ty
        where
            S: $($bound)*,
            Y: $($bound)*,
            R: $($bound)*,
        {
            /// Runs the body from its beginning to its first yield. `None`: it returned without one. Parks
            /// if the body does, as do all methods that run it.
            ///
            /// Python starts a generator by `next` too; here `next` sends a value's default, and nothing can be
            /// sent before the first yield.
            ///
            /// # Panics
            /// If it has started. Re-raises a panic of the body. From another green thread or OS thread than
            /// the one that made it.
            ///
            /// # Examples
            /// ```
            /// use greenroom::generator::{Generator, Yielder};
            /// let mut upper = Generator::new(|y: &Yielder<&'static str, String>| -> () {
            ///     let mut answer = String::from("ready");
            ///     loop {
            ///         answer = y.yield_(answer).to_uppercase();
            ///     }
            /// });
            /// assert_eq!(upper.start().as_deref(), Some("ready"));
            /// assert_eq!(upper.send("a").as_deref(), Some("A"));
            /// ```
            #[track_caller]
            #[inline]
            pub fn start(&mut self) -> Option<Y> {
                assert!(
                    self.core.state() == State::Created,
                    "start: the generator has started before"
                );
                self.core.resume(|_| {})
            }

            /// Makes the body's `yield_` return `value`, and runs it to its next yield. `None`: it has
            /// returned, now or earlier.
            ///
            /// # Panics
            /// If it has not started: no `yield_` waits for a value yet; Python's "can't send non-None value to a
            /// just-started generator". Otherwise as `start`.
            ///
            /// # Examples
            /// See `start`.
            #[track_caller]
            #[inline]
            pub fn send(&mut self, value: S) -> Option<Y> {
                assert!(
                    self.core.state() != State::Created,
                    "send: can't send a value to a just-started generator, call start or next first"
                );
                self.core.resume(|exchange| exchange.send(value))
            }

            /// Starts the body, or sends it the default of its type (for `()`, nothing). `None`: it has
            /// returned, now or earlier.
            ///
            /// # Panics
            /// As `start`.
            ///
            /// # Examples
            /// ```
            /// use greenroom::generator::Generator;
            /// let mut one: Generator<(), i32> = Generator::new(|y| y.yield_(1));
            /// assert_eq!(one.next(), Some(1));
            /// assert_eq!(one.next(), None);
            /// ```
            #[track_caller]
            #[inline]
            #[expect(
                clippy::should_implement_trait,
                reason = "it does, for those that are sent nothing"
            )]
            pub fn next(&mut self) -> Option<Y>
            where
                S: Default,
            {
                match self.core.state() {
                    State::Created => self.core.resume(|_| {}),
                    _ => self.core.resume(|exchange| exchange.send(S::default())),
                }
            }

            /// Raises `payload` in the body, where it waits in a `yield_`: as `std::panic::resume_unwind`, without
            /// the panic hook. If the body catches it and yields, that value is returned.
            ///
            /// # Panics
            /// With `payload`, if the body does not catch it, has not begun, or has returned; otherwise as
            /// `start`. Ends the process with `panic = "abort"`.
            ///
            /// # Examples
            /// ```
            /// use greenroom::generator::Generator;
            /// use std::panic::{AssertUnwindSafe, catch_unwind};
            /// let mut careful: Generator<(), &'static str> = Generator::new(|y| {
            ///     let caught = catch_unwind(AssertUnwindSafe(|| y.yield_("waiting")));
            ///     if let Err(payload) = caught {
            ///         y.yield_(payload.downcast_ref::<&str>().copied().unwrap_or("?"));
            ///     }
            /// });
            /// careful.start();
            /// assert_eq!(careful.throw(Box::new("stop it")), Some("stop it"));
            /// ```
            #[track_caller]
            pub fn throw(&mut self, payload: Box<dyn Any + Send>) -> Option<Y> {
                self.core.throw(payload)
            }

            /// Unwinds the body with [`GeneratorExit`](crate::generator::GeneratorExit) from where it waits. `Some`: it caught that and returned a
            /// value. Harmless if it has finished.
            ///
            /// Destructors in the body run, and may park. greenroom's locks are not poisoned, std's are.
            ///
            /// # Panics
            /// If the body catches its exit and yields again. Re-raises another panic of its. Otherwise as
            /// `start`.
            ///
            /// # Examples
            /// ```
            /// use greenroom::generator::Generator;
            /// let mut endless: Generator<(), u64> = Generator::new(|y| (0..).for_each(|n| y.yield_(n)));
            /// assert_eq!(endless.next(), Some(0));
            /// assert_eq!(endless.close(), None);
            /// assert_eq!(endless.next(), None);
            /// ```
            #[track_caller]
            pub fn close(&mut self) -> Option<R> {
                self.core.close()
            }

            /// What the body returned; once.
            ///
            /// # Examples
            /// ```
            /// use greenroom::generator::Generator;
            /// let mut sum: Generator<(), i32, i32> = Generator::new(|y| {
            ///     y.yield_(1);
            ///     42
            /// });
            /// assert_eq!(sum.by_ref().count(), 1);
            /// assert_eq!(sum.take_return(), Some(42));
            /// ```
            pub fn take_return(&mut self) -> Option<R> {
                self.core.take_returned()
            }

            /// Where it stands.
            ///
            /// # Examples
            /// ```
            /// use greenroom::generator::{Generator, State};
            /// let lazy: Generator<(), ()> = Generator::new(|_| panic!("never runs"));
            /// assert_eq!(lazy.state(), State::Created);
            /// ```
            #[inline]
            pub fn state(&self) -> State {
                self.core.state()
            }
        }

        /// The items are what the body yields.
        impl<$($lifetime,)? Y, R> Iterator for face!(@unit $ty, [$($lifetime)?])
        where
            Y: $($bound)*,
            R: $($bound)*,
        {
            type Item = Y;

            #[inline]
            fn next(&mut self) -> Option<Y> {
                self.next()
            }
        }

        impl<$($lifetime,)? Y, R> FusedIterator for face!(@unit $ty, [$($lifetime)?])
        where
            Y: $($bound)*,
            R: $($bound)*,
        {
        }

        impl<$($lifetime,)? S, Y, R> fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.core.fmt(f)
            }
        }
    };
    (@unit $ty:ty, []) => { Generator<(), Y, R> };
    (@unit $ty:ty, [$lifetime:lifetime]) => { Scoped<$lifetime, (), Y, R> };
}

pub(super) use face;
