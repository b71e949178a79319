//! [`std::io`] for green threads: all of it, with pipes and standard streams that park.
//!
//! The traits, buffers and errors are std's own, so types of both worlds mix.
//!
//! Inside, this is where the one loop lives that tries, and waits while the descriptor would block:
//! sockets, pipes and whatever else can be polled are built on `evented`; the few waits that no event
//! ends, on `backoff`. No other file of the library has a loop around "would block".

pub(crate) mod arm;
pub(crate) mod backoff;
pub(crate) mod convert;
pub(crate) mod descriptor;
pub(crate) mod ends;
pub(crate) mod evented;
mod listeners;
mod pieces;
mod pipe;
pub(crate) mod settings;
mod stdio;
pub(crate) mod stream;
mod terminal;
mod turns;
mod wait;

// What is named here goes before std's item of the same name.
pub use pipe::{PipeReader, PipeWriter, pipe};
pub use std::io::*;
#[doc(hidden)]
pub use stdio::print::{_eprint, _print};
pub use stdio::{Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock};
pub use stdio::{stderr, stdin, stdout};
pub use terminal::IsTerminal;
