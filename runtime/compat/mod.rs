//! For people who come from Python: its generators and greenlets, gevent's names, its multiplexing.
//!
//! The top of the house: everything here stands on the public API or on `context`, and nothing below knows
//! of it.

pub mod generator;
pub mod greenlet;
mod strand;
//! Vocabularies of other runtimes, for those who come from there: names over the native API.
//!
//! The highest rank: everything may be named here, and nothing below names this. No module here parks,
//! locks or schedules by means of its own; what waits, waits in a native call.

pub mod gevent;
