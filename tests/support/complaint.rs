//! Calls that must panic, and what they say.

use crate::common::text;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `call` panics with.
#[track_caller]
pub(crate) fn payload<T>(call: impl FnOnce() -> T) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

/// The text that `call` panics with.
#[track_caller]
pub(crate) fn complaint<T>(call: impl FnOnce() -> T) -> String {
    text(payload(call).as_ref()).to_owned()
}
