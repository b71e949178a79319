//! Greenlets: values, parents, ends, misuse, waits inside, numbers, and handles dropped at bad moments.
//!
//! Every body runs on an OS thread and on green threads, unless it is about one of them.

mod common;

#[path = "support/aborts.rs"]
mod aborts;
#[path = "support/complaint.rs"]
mod complaint;
#[path = "greenlets/crowds.rs"]
mod crowds;
#[path = "greenlets/handles.rs"]
mod handles;
#[path = "support/journal.rs"]
mod journal;
#[path = "greenlets/meaning.rs"]
mod meaning;
#[path = "greenlets/misuse.rs"]
mod misuse;
#[path = "greenlets/sound.rs"]
mod sound;
#[path = "greenlets/storm.rs"]
mod storm;
#[path = "greenlets/waits.rs"]
mod waits;
