//! What only Linux has: [`std::os::linux`] for green threads.
//!
//! The traits and types that need no wait are std's own.

pub mod net;
