//! UDP through the public API: the same as std where std has it, and parking where std blocks.

#[path = "support/around.rs"]
mod around;
#[path = "udp/descriptors.rs"]
mod descriptors;
#[path = "udp/like_std.rs"]
mod like_std;
#[path = "udp/odd.rs"]
mod odd;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "udp/waiting.rs"]
mod waiting;
#[path = "support/watchdog.rs"]
mod watchdog;
