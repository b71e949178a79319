//! [`std::process`] for green threads: children are started and waited for without blocking a worker.
//!
//! Commands are std's own inside, so arguments, environment, errors and `Debug` texts are std's. What
//! waits is not: a child's end is an event of its pidfd, its pipes are read and written through the
//! driver, and the start itself, which stops its thread until the program is loaded, runs on a pool.
//!
//! A child inherits the signal mask of the thread that started the runtime (workers block signals, and a
//! child that did would survive a `SIGTERM`), `SIGPIPE` at its default, and standard streams that are
//! blocking; every other descriptor of this library is close-on-exec. It is nobody's business but its
//! [`Child`]'s: no handler of `SIGCHLD`, no wait for processes of others.
//!
//! # Forks
//! A process that forks by itself (fork(2), a foreign library) has in its child one thread: no
//! workers, no pool, and locks in whatever state they were. That child may make calls that are
//! async-signal-safe, signal-safety(7), and must then `exec` or `_exit`; it must not use this library,
//! nor allocate. The same holds for closures given to
//! [`pre_exec`](crate::os::unix::process::CommandExt::pre_exec). A child that execs is always fine: epolls,
//! eventfds, pidfds, sockets and pipes of this library close at that moment. Until then it shares them:
//! it should not take long.
//!
//! # Examples
//! ```
//! use greenroom::process::Command;
//! let output = greenroom::run(|| Command::new("echo").arg("hello").output())?;
//! assert!(output.status.success());
//! assert_eq!(output.stdout, b"hello\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod child;
mod command;
mod drain;
mod orphans;
mod stdio;
mod wait;

pub use child::Child;
pub use command::Command;
pub use std::process::{
    CommandArgs, CommandEnvs, ExitCode, ExitStatus, Output, Stdio, Termination, abort, exit, id,
};
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
