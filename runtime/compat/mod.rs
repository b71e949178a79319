//! Vocabularies of other runtimes, for those who come from there: names over the native API.
//!
//! The highest rank: everything may be named here, and nothing below names this. No module here parks,
//! locks or schedules by means of its own; what waits, waits in a native call.

pub mod gevent;
