//! Standard input, output and error, with locks and waits that park a green thread.
//!
//! std's own handles would block the worker: their locks are an OS thread's, and `read(2)` on a silent
//! terminal stops everybody. The handles here have their own buffers beside std's, so a program should
//! keep to one kind. Layers: `raw` waits and has no buffer; `input` is the buffer for reading, std's
//! `LineWriter` the one for writing; `stdin`, `stdout`, `stderr` put the locks around them.

mod input;
mod output;
pub(super) mod print;
mod raw;
mod stderr;
mod stdin;
mod stdout;

pub use stderr::{Stderr, StderrLock, stderr};
pub use stdin::{Stdin, StdinLock, stdin};
pub use stdout::{Stdout, StdoutLock, stdout};
