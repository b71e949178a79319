//! Connections that stay: WebSockets and server-sent events, by crates, raw frames, curl and a browser.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "http_live/browser.rs"]
mod browser;
#[path = "../../tests/support/child.rs"]
mod child;
#[path = "http_live/events.rs"]
mod events;
#[path = "http_live/frames.rs"]
mod frames;
#[path = "http_live/ground.rs"]
mod ground;
#[path = "../../tests/support/installed.rs"]
mod installed;
#[path = "../../tests/support/kill.rs"]
mod kill;
#[path = "http/logs.rs"]
mod logs;
#[path = "http_live/openings.rs"]
mod openings;
#[path = "http_live/table.rs"]
mod table;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;
