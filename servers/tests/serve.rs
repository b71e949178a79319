//! `greenroom-serve` as strangers meet it: its help, its errors, its end, and what its documents promise.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../tests/support/child.rs"]
mod child;
#[path = "serve/clients.rs"]
mod clients;
#[path = "serve/command_line.rs"]
mod command_line;
#[path = "../../tests/support/installed.rs"]
mod installed;
#[path = "../../tests/support/kill.rs"]
mod kill;
#[path = "serve/life.rs"]
mod life;
#[path = "serve/program.rs"]
mod program;
#[path = "serve/promises.rs"]
mod promises;
#[path = "serve/table.rs"]
mod table;
#[path = "../../tests/support/talk.rs"]
mod talk;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;
