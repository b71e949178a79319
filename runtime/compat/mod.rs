//! What other libraries call their things, on greenroom's primitives.
//!
//! For people who come from Python: its `select` and `selectors` modules, and the system calls below them.
//! The top rank: nothing in the library uses it.

pub mod multiplex;
pub mod raw;
pub mod selectors;
