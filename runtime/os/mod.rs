//! What only this system has: [`std::os`] for green threads.
//!
//! The traits and types that need no wait are std's own.

pub mod linux;
pub mod unix;

pub use std::os::{fd, raw};
