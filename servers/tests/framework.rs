//! The framework: every property in every mode, on TCP and Unix sockets, with one worker and two.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "framework/counting.rs"]
mod counting;
#[path = "framework/crowds.rs"]
mod crowds;
#[path = "framework/datagrams.rs"]
mod datagrams;
#[path = "framework/ending.rs"]
mod ending;
#[path = "framework/exhaustion.rs"]
mod exhaustion;
#[path = "framework/ground.rs"]
mod ground;
#[path = "framework/hostile.rs"]
mod hostile;
#[path = "framework/limiting.rs"]
mod limiting;
#[path = "framework/logged.rs"]
mod logged;
#[path = "framework/unix_files.rs"]
mod unix_files;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;
