//! Processes that run functions of this program, and what goes between them.
//!
//! `Process`, `pipe`, `Queue`, `Lock`, `Manager` and `Pool` of Python's multiprocessing. A dead process hangs
//! nobody: what waits for it gets an error that names how it ended. Nothing has a name in the file system,
//! so nothing is left behind there.

mod child;
mod code;
mod current;
mod entry;
mod fork_server;
mod frames;
mod handover;
mod host;
mod pipe;
mod process;
mod queue;
mod queue_core;
mod rights;
mod rpc;
mod status;
mod wire;

pub use current::{CurrentProcess, current_process};
pub use entry::run;
pub use handover::Handed;
pub use pipe::{Connection, pipe};
pub use process::{Builder, Process, active_children};
pub use queue::Queue;
pub use status::ExitStatus;
