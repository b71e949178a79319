//! Channels: `sync::mpsc` against std's own, `queue::Channel`, and every operation in every place.
//!
//! What is special about them is the moment of hand-over: a value has one owner at any time, also when
//! sender or receiver is cancelled or late at that very moment.

mod common;

#[path = "channels/handover.rs"]
mod handover;
#[path = "channels/like_std.rs"]
mod like_std;
#[path = "channels/meeting.rs"]
mod meeting;
#[path = "channels/places.rs"]
mod places;
#[path = "support/table.rs"]
mod table;
