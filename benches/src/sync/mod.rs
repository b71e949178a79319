//! `bench sync`: what locks, queues, `select!` and events cost, per operation, item or message one way.
//!
//! A row is a pair of functions, run in turns as in `micro`: floors and clocks are explained there.
//! Rows of one worker count this process's CPU time on core 0, rows of two time on the wall. With
//! `--peers` other runtimes do the same job in processes of their own, one run after each pair; they
//! know the rows by name (`benches/peers`).

mod choose;
mod crew;
mod event;
mod locks;
pub(crate) mod peers;
mod pingpong;
mod rows;
mod stream;

pub(crate) use rows::ROWS;

use crate::micro::Side;

/// What a row is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The ratio to the floor.
    Floor(f64),
    /// The ratio to the quickest runtime among the peers.
    Best(f64),
    /// The ratio to one peer.
    Peer(&'static str, f64),
    None,
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Of the subject and the peers. With one, everything runs on core 0 and CPU time counts.
    pub(crate) workers: usize,
    pub(crate) goal: Goal,
    /// tokio, Go, may in ns on another day, where they were measured.
    pub(crate) known: [&'static str; 3],
    pub(crate) floor: Side,
    pub(crate) subject: Side,
}

impl Row {
    /// The core that it is bound to.
    pub(crate) fn core(&self) -> Option<usize> {
        (self.workers == 1).then_some(0)
    }
}
