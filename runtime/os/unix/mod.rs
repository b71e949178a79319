//! What Unix systems have: [`std::os::unix`] for green threads.
//!
//! The traits and types that need no wait are std's own.

pub mod net;
pub mod process;
pub mod fs;
pub mod prelude;

#[expect(deprecated, reason = "std still has it")]
pub use std::os::unix::raw;
pub use std::os::unix::{ffi, io, thread};
