//! For people who come from Python: its generators and greenlets, gevent's names, its multiplexing.
//!
//! The top of the house: everything here stands on the public API or on `context`, and nothing below knows
//! of it.

pub mod generator;
pub mod greenlet;
mod strand;
