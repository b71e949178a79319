//! Files over HTTP: what names get, conditions and ranges, real clients, files that change meanwhile.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "http_files/curl.rs"]
mod curl;
#[path = "http_files/ground.rs"]
mod ground;
#[path = "../../tests/support/installed.rs"]
mod installed;
#[path = "http/logs.rs"]
mod logs;
#[path = "http_files/names.rs"]
mod names;
#[path = "http_files/sending.rs"]
mod sending;
#[path = "http_files/versions.rs"]
mod versions;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;
