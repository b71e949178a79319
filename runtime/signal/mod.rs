//! Signals as something a green thread waits for: [`Signals`] for any, [`ctrl_c`] for the one.
//!
//! A program that listens for nothing is killed by Ctrl-C as ever.
//!
//! # Who takes a signal
//! Workers and the threads of the blocking pool block asynchronous signals. So the kernel gives a signal
//! to one of the program's own threads: usually to main, which may well be blocked in
//! [`run`](crate::run) or `join`, and is so again right after the handler. The handler only notes the
//! signal and rings; green threads that wait for it go on as for any other event. Nothing of the
//! program's own runs inside a handler.
//!
//! If *every* thread of the program's own blocks a signal, nobody can take it, and it stays pending:
//! leave at least one open. A thread that is started from a green thread by [`std::thread::spawn`]
//! inherits the worker's mask, and blocks them, too.
//!
//! # `SIGPIPE`
//! As std has it: std's start-up ignores it, and a write to a pipe or socket whose reader has gone is an
//! error, `BrokenPipe`. greenroom changes nothing about that. If the program sets the default action
//! again, pipes kill from OS threads and not from green threads, whose workers block the signal; sockets
//! never kill.
//!
//! # Children and `fork`
//! A child that execs, as all of [`std::process::Command`]'s do, is always fine: exec puts handlers back to
//! their defaults, and listeners' descriptors close. What a child keeps is the signal mask of the thread
//! that spawns it. So a green thread spawns by [`process`](crate::process), which gives it main's; a child
//! that std spawns from a green thread blocks what workers block, and does not die of `SIGTERM`.
//!
//! A child that does not exec (from `fork(2)`, in foreign or unsafe code) has the forking thread only: no
//! workers, no pool, no timers. It may do what any child of a program with threads may: call functions
//! that are async-signal-safe, exec, `_exit`. It must not call this library, nor return into a green
//! thread's frames. Signals that it gets before it execs run the parent's handlers in the child, where
//! they ring the parent's eventfd: a waiter there looks, finds nothing, and waits on.

mod kind;
mod listen;

pub use kind::{Signal, SignalNumber};
pub use listen::{Iter, Signals, ctrl_c};
