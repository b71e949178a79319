//! Semaphores, events, wait groups and results: every operation in every place, and what is special
//! about each.
//!
//! Permits are conserved whoever is cancelled when; a set or a last `done` lets go exactly those who
//! had come.

mod common;

#[path = "events/crowds.rs"]
mod crowds;
#[path = "events/permits.rs"]
mod permits;
#[path = "events/places.rs"]
mod places;
#[path = "events/results.rs"]
mod results;
#[path = "events/storm.rs"]
mod storm;
#[path = "support/table.rs"]
mod table;
