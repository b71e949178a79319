//! Every example as a reader runs it: what it prints against the Output block of its header, servers against
//! their clients and Python's.
//!
//! One file per chapter of the notes in `tests/examples/`, and what they share in `run`. The examples of all
//! members are run from here. Python's part is left out, with a line that says so, where there is no `python3`.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "support/kill.rs"]
mod kill;
#[path = "examples/multiplexing.rs"]
mod multiplexing;
#[path = "examples/multiplexing_peers.rs"]
mod multiplexing_peers;
#[path = "examples/run.rs"]
mod run;
#[path = "support/talk.rs"]
mod talk;
#[path = "support/watchdog.rs"]
mod watchdog;
