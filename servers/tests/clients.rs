//! `greenroom-serve` and other people's clients: curl, wrk, ab, nc, CPython; and clients that are slow, or
//! too many.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../tests/support/child.rs"]
mod child;
#[path = "clients/curl.rs"]
mod curl;
#[path = "clients/echoes.rs"]
mod echoes;
#[path = "clients/exhausted.rs"]
mod exhausted;
#[path = "clients/ground.rs"]
mod ground;
#[path = "../../tests/support/installed.rs"]
mod installed;
#[path = "../../tests/support/kill.rs"]
mod kill;
#[path = "clients/load.rs"]
mod load;
#[path = "clients/python.rs"]
mod python;
#[path = "clients/slow.rs"]
mod slow;
#[path = "clients/stopped.rs"]
mod stopped;
#[path = "../../tests/support/talk.rs"]
mod talk;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;
