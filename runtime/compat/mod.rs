//! For people who come from Python: its generators and greenlets, gevent's names, its multiplexing.
//!
//! The highest rank: everything may be named here, and nothing below names this. No module here schedules
//! by means of its own; what waits, waits in a native call.

pub mod generator;
pub mod gevent;
pub mod greenlet;
mod strand;
//! What other libraries call their things, on greenroom's primitives.
//!
//! For people who come from Python: its `select` and `selectors` modules, and the system calls below them.
//! The top rank: nothing in the library uses it.

pub mod multiplex;
pub mod raw;
pub mod selectors;
