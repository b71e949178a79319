//! Queues: every operation in every situation, what a shutdown means, who is served when, and what
//! user code that runs inside may and may not do.

mod common;

#[path = "queues/kinds.rs"]
mod kinds;
#[path = "queues/table.rs"]
mod table;
