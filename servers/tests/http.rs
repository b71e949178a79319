//! HTTP from outside: raw bytes over a socket, and what comes back.
//!
//! `table` runs what `docs/servers/http.md` promises, row by row; `splits` the same in pieces; `fuzz` what
//! nobody promised; `ends` is about answers that fail, `interrupts` about handlers that bound their waits or take
//! their time, `crowds` about neighbours, `manners` about time, panics, pipelines and endings. Clients are
//! std's, on OS threads: nothing of the library is between the test and the wire.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "http/crowds.rs"]
mod crowds;
#[path = "http/ends.rs"]
mod ends;
#[path = "http/fuzz.rs"]
mod fuzz;
#[path = "../../tests/support/fuzz_cases.rs"]
mod fuzz_cases;
#[path = "http/interrupts.rs"]
mod interrupts;
#[path = "http/logs.rs"]
mod logs;
#[path = "http/manners.rs"]
mod manners;
#[path = "http/site.rs"]
mod site;
#[path = "http/splits.rs"]
mod splits;
#[path = "http/table.rs"]
mod table;
#[path = "http/talk.rs"]
mod talk;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;
