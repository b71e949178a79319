//! The ticket of a select: which of its arms won. One word in the frame of the select.
//!
//! | value | meaning | set by |
//! |---|---|---|
//! | 0 | open: no arm has won | the select, before its nodes are queued |
//! | 1 + n | arm n has won | whoever takes a node of the select off a queue |
//! | `u32::MAX` | closed: nobody won | the select, when its time is up or it is interrupted |
//!
//! A node of a select stands in several queues, each under a lock of its own. Whoever takes one off
//! must win the ticket before it gives anything, so exactly one arm has an effect; a node whose ticket
//! is not open any more is passed over. Nobody ever needs two tickets at once: a select that gives to
//! another does so before it queues its own nodes (`park/choose`).

use crate::sys::atomic::{AtomicU32, Ordering};

const OPEN: u32 = 0;
const CLOSED: u32 = u32::MAX;

/// See the module.
#[derive(Debug)]
pub(crate) struct Ticket(AtomicU32);

impl Ticket {
    pub(crate) fn new() -> Ticket {
        Ticket(AtomicU32::new(OPEN))
    }

    /// Takes it for an arm. `false`: it is decided.
    pub(crate) fn win(&self, arm: u32) -> bool {
        debug_assert!(arm < CLOSED - 1);
        self.decide(arm + 1).is_ok()
    }

    /// Ends the select without a winner. `Err`: this arm had won before.
    pub(crate) fn close(&self) -> Result<(), u32> {
        self.decide(CLOSED).map_err(|winner| winner - 1)
    }

    /// The arm that won.
    pub(crate) fn winner(&self) -> Option<u32> {
        // Relaxed: the winner's data is published by the lock of the arm's queue, which the select
        // takes to withdraw.
        match self.0.load(Ordering::Relaxed) {
            OPEN | CLOSED => None,
            winner => Some(winner - 1),
        }
    }

    /// Whether nothing is decided yet; may be decided the next moment.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) == OPEN
    }

    fn decide(&self, outcome: u32) -> Result<(), u32> {
        // Relaxed: the word only decides; see `winner`.
        self.0
            .compare_exchange(OPEN, outcome, Ordering::Relaxed, Ordering::Relaxed)
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_is_won_once_and_closed_only_when_open() {
        let ticket = Ticket::new();
        assert_eq!(ticket.winner(), None);
        assert!(ticket.win(3));
        assert!(!ticket.win(4));
        assert_eq!(ticket.winner(), Some(3));
        assert_eq!(ticket.close(), Err(3));

        let ticket = Ticket::new();
        assert_eq!(ticket.close(), Ok(()));
        assert!(!ticket.win(0));
        assert_eq!(ticket.winner(), None);
    }
}
