//! What only Linux has: [`std::os::linux`] for green threads.
//!
//! The traits and types that need no wait are std's own.

pub mod net;
pub use std::os::linux::fs;
#[expect(deprecated, reason = "std still has it")]
pub use std::os::linux::raw;
