//! Generators whose bodies borrow, inside a call that ends them before it returns.
//!
//! The call is what makes it sound: a generator that its user holds could be forgotten, and with it threads
//! that the suspended body has lent its borrows to.

use super::Yielder;
use super::core::{Core, State};
use super::face::face;
use crate::context::stack::StackSize;
use std::any::Any;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::panic::Location;

/// A [`Generator`](super::Generator) whose body may borrow, lent to the closure of a [`scoped`].
///
/// Only ever behind `&mut`: it cannot be forgotten, nor taken out of its call.
///
/// # Examples
/// See [`scoped`].
pub struct Scoped<'env, S, Y, R> {
    core: Core<S, Y, R>,
    /// Invariant: a body that borrows for a shorter time must not come in by a swap.
    _env: PhantomData<fn(&'env ()) -> &'env ()>,
}

face!(Scoped<'env, S, Y, R>, ['env], 'env);

/// Runs `f` with a generator whose body may borrow from the caller; whatever is left of the body is unwound
/// before this returns. Parks if `f` or the body does.
///
/// # Panics
/// Re-raises panics of `f`. If there is no stack to be had. A body that catches its unwinding and yields
/// again, over and over, ends the process: what it borrows is about to go away. So does one that has not
/// ended, with `panic = "abort"`.
///
/// # Examples
/// ```
/// use greenroom::generator::scoped;
/// let words = vec![String::from("to"), String::from("be")];
/// let mut lengths = Vec::new();
/// scoped(
///     |y| words.iter().for_each(|word| y.yield_(word.as_str())),
///     |generator| lengths.extend(generator.map(str::len)),
/// );
/// assert_eq!(lengths, [2, 2]);
/// ```
/// The generator stays in there:
/// ```compile_fail
/// let mut kept = None;
/// greenroom::generator::scoped(|y| y.yield_(()), |generator| kept = Some(generator));
/// ```
#[track_caller]
#[expect(unsafe_code, reason = "makes a core whose body borrows, and ends it")]
pub fn scoped<'env, S, Y, R, B, F, T>(body: B, f: F) -> T
where
    S: 'env,
    Y: 'env,
    R: 'env,
    B: FnOnce(&Yielder<S, Y>) -> R + 'env,
    F: FnOnce(&mut Scoped<'env, S, Y, R>) -> T,
{
    struct End<'a, 'env, S, Y, R>(&'a mut Scoped<'env, S, Y, R>);
    impl<S, Y, R> Drop for End<'_, '_, S, Y, R> {
        fn drop(&mut self) {
            self.0.core.end_or_abort();
        }
    }
    // SAFETY: `'env` outlives this call, and `End` finishes the body before it returns or unwinds.
    let core = unsafe { Core::new(StackSize::DEFAULT, Location::caller(), body) };
    let mut generator = Scoped {
        core: core.expect("failed to make a generator"),
        _env: PhantomData,
    };
    let end = End(&mut generator);
    f(&mut *end.0)
}
