//! What Unix systems have: [`std::os::unix`] for green threads.
//!
//! The traits and types that need no wait are std's own.

pub mod net;
pub mod process;
