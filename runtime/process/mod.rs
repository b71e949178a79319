//! [`std::process`] for green threads: children are waited for without blocking a worker.
//!
//! Commands are std's own inside; what waits is what differs.
