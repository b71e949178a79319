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
mod handover;
mod host;
mod process;
mod rights;
mod status;
mod wire;

pub use current::{CurrentProcess, current_process};
pub use entry::run;
pub use handover::Handed;
pub use process::{Builder, Process, active_children};
pub use status::ExitStatus;
