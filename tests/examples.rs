//! Every example as a reader runs it: what it prints against the Output block of its header, servers against
//! their clients and Python's.
//!
//! One file per chapter of the notes in `tests/examples/`, and what they share in `run`. The examples of all
//! members are run from here. Python's part is left out, with a line that says so, where there is no `python3`.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "examples/bad_uploads.rs"]
mod bad_uploads;
#[path = "support/child.rs"]
mod child;
#[path = "examples/framing.rs"]
mod framing;
#[path = "examples/framing_upload.rs"]
mod framing_upload;
#[path = "support/kill.rs"]
mod kill;
#[path = "examples/remote_command.rs"]
mod remote_command;
#[path = "examples/run.rs"]
mod run;
#[path = "examples/struct_pack.rs"]
mod struct_pack;
#[path = "support/talk.rs"]
mod talk;
#[path = "support/watchdog.rs"]
mod watchdog;
