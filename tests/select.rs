//! Select: every arm in every situation, exactly one winner, fairness, selects that meet each other, and
//! what the macro and the builder allow.

mod common;

#[path = "select/arms.rs"]
mod arms;
#[path = "queues/kinds.rs"]
#[expect(dead_code, reason = "the table of queues uses the rest")]
mod kinds;
#[path = "select/meaning.rs"]
mod meaning;
#[path = "select/meeting.rs"]
mod meeting;
#[path = "select/rows.rs"]
mod rows;
#[path = "select/sockets.rs"]
mod sockets;
