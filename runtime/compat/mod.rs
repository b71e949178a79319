//! For people who come from Python: its generators and greenlets, gevent's names, its multiplexing.
//!
//! The highest rank: everything may be named here, and nothing below names this. No module here schedules
//! by means of its own; what waits, waits in a native call.

pub mod generator;
pub mod gevent;
pub mod greenlet;
pub mod multiplex;
pub mod raw;
pub mod selectors;
mod strand;
