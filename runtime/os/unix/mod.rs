//! What Unix systems have: [`std::os::unix`] for green threads.
//!
//! The traits and types that need no wait are std's own.

pub mod fs;
pub mod net;
pub mod prelude;
pub mod process;

#[expect(deprecated, reason = "std still has it")]
pub use std::os::unix::raw;
pub use std::os::unix::{ffi, io, thread};
