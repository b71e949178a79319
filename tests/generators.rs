//! Generators: meaning, unwinding, owners, waits and deadlines inside, numbers, and a random model.
//!
//! Every body runs on an OS thread and on green threads, unless it is about one of them.

mod common;

#[path = "support/complaint.rs"]
mod complaint;
#[path = "support/journal.rs"]
mod journal;
#[path = "generators/meaning.rs"]
mod meaning;
#[path = "generators/unwinding.rs"]
mod unwinding;
