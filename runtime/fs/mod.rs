//! [`std::fs`] for green threads: the calls run on the blocking pool while the caller parks.
//!
//! Green threads only ever wait here; OS threads do the calls themselves.
