//! Queues: every operation in every situation, what a shutdown means, who is served when, and what
//! user code that runs inside may and may not do.

mod common;

#[path = "queues/inside.rs"]
mod inside;
#[path = "queues/kinds.rs"]
mod kinds;
#[path = "queues/meaning.rs"]
mod meaning;
#[path = "queues/table.rs"]
mod table;
