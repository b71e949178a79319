//! Processes that run functions of this program, and what goes between them.
//!
//! [`Process`], [`pipe`], [`Queue`], [`Lock`], [`Manager`] and [`Pool`], after Python's `multiprocessing`; all of it
//! inside of [`run`], which is called first thing in `main`. Every call that waits parks a green thread,
//! and may be made from OS threads too.
//!
//! ```
//! use greenroom_servers::multiprocessing::{self, Process, Queue};
//!
//! fn main() -> std::io::Result<()> {
//!     multiprocessing::run(|| {
//!         let queue = Queue::new();
//!         let put = |queue: Queue<String>| queue.put("hello".to_owned()).expect("because it is there");
//!         let process = Process::spawn(put, queue.clone())?;
//!         assert_eq!(queue.get()?, "hello");
//!         assert!(process.join().success());
//!         Ok(())
//!     })?
//! }
//! ```
//!
//! # The fork server
//! A fork copies one thread of a program, and the locks that all the others hold: a runtime with workers cannot
//! be forked soundly. So [`run`] forks a process of one thread *before* there is any other, and that one
//! forks all the rest, on request (Python's start method `forkserver`, its default on Linux since 3.14, for
//! the same reason). Since nothing is executed anew, functions have the same addresses everywhere, and a
//! plain `fn` crosses as its address; arguments are serialised (serde, by postcard), descriptors go along
//! ([`Handed`]). Statics have the values that they had at the fork, so `main` is not run a second time; likewise
//! user, limits, working directory and environment: a program that gives up rights does so before.
//!
//! *Rejected:* forking the runtime itself (unsound); executing the program again, as the crate procspawn does
//! (`main` up to its hook runs again, a milliseconds-long start, no exit status, and waits that block an OS
//! thread).
//!
//! # Who dies with whom
//! | killed | what the others see |
//! |---|---|
//! | a process | [`Process::join`] returns its status; its pipes end, by an error that names it and its status; [`Queue`] and [`Lock`] take back what it had |
//! | a pool's worker | an error for its job; another worker takes its place |
//! | a manager | an error from each operation, which names it and its status |
//! | the fork server | all processes are killed by the kernel; waits end by errors, no more can be started |
//! | the program | the fork server kills and reaps everybody; if it is killed too, the kernel kills them |
//!
//! Sockets are pairs without names, arguments lie in memory: nothing is left in the file system. What is not
//! covered: a process that changes its user, or clears its `PR_SET_PDEATHSIG`, and then loses the fork
//! server, lives on; so does what a process has itself started by `exec`.

mod child;
mod code;
mod current;
mod dict;
mod entry;
mod fork_server;
mod frames;
mod handover;
mod host;
mod imap;
mod job;
mod list;
mod lock;
mod manager;
mod objects;
mod outcome;
mod pipe;
mod pool;
mod process;
mod queue;
mod queue_core;
mod rights;
mod rpc;
mod status;
mod wire;
mod worker;

pub use current::{CurrentProcess, current_process};
pub use dict::DictProxy;
pub use entry::run;
pub use handover::Handed;
pub use imap::Unordered;
pub use job::{AsyncResult, JobError};
pub use list::ListProxy;
pub use lock::{Lock, LockGuard};
pub use manager::Manager;
pub use outcome::Outcome;
pub use pipe::{Connection, pipe};
pub use pool::Pool;
pub use process::{Builder, Process, active_children};
pub use queue::Queue;
pub use status::ExitStatus;
