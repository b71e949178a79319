//! Generators: meaning, unwinding, owners, waits and deadlines inside, numbers, and a random model.
//!
//! Every body runs on an OS thread and on green threads, unless it is about one of them.

mod common;

#[path = "support/aborts.rs"]
mod aborts;
#[path = "generators/borrowed.rs"]
mod borrowed;
#[path = "support/complaint.rs"]
mod complaint;
#[path = "generators/crowds.rs"]
mod crowds;
#[path = "generators/deadlines.rs"]
mod deadlines;
#[path = "generators/frames.rs"]
mod frames;
#[path = "support/journal.rs"]
mod journal;
#[path = "generators/meaning.rs"]
mod meaning;
#[path = "generators/model.rs"]
mod model;
#[path = "generators/owners.rs"]
mod owners;
#[path = "generators/sound.rs"]
mod sound;
#[path = "generators/unwinding.rs"]
mod unwinding;
#[path = "generators/waits.rs"]
mod waits;
