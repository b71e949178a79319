//! `greenroom::fs` and `os::unix::fs`: what std's do, on OS threads and green threads, and what waits.
//!
//! `bodies/` is compiled twice, against std and against greenroom (`like_std`). The rest is about what
//! only green threads show: FIFOs and locks that hold no thread, large files, cancelled calls.

mod common;

#[path = "fs/cancelled.rs"]
mod cancelled;
#[path = "support/child.rs"]
mod child;
#[path = "fs/fifos.rs"]
mod fifos;
#[path = "fs/ground.rs"]
mod ground;
#[path = "fs/large.rs"]
mod large;
#[path = "fs/like_std.rs"]
mod like_std;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "fs/shared_fifos.rs"]
mod shared_fifos;
