//! What senders and receiver of a channel share: the core of a queue, and how many senders there are.
//!
//! ```text
//!   last sender dropped:  shut down       what was sent is still received, then "disconnected"
//!   receiver dropped:     shut down now   what was sent is dropped, here and at once, outside the lock;
//!                                         whoever waits to send gets his value back
//! ```

use crate::queue::core::{Core, Labels};
use crate::queue::store::Fifo;
use crate::sys::atomic::{AtomicUsize, Ordering};
use crate::task::reason::At;
use std::sync::Arc;

const LABELS: Labels = Labels {
    get: At::Receive,
    put: At::Send,
};

/// See the module.
pub(super) struct Shared<T> {
    pub(super) core: Core<T, Fifo<T>>,
    /// Each sender also has a share of the `Arc`, whose count guards this one against overflow.
    senders: AtomicUsize,
}

impl<T> Shared<T> {
    /// With one sender.
    pub(super) fn with_capacity(capacity: usize) -> Arc<Shared<T>> {
        Arc::new(Shared {
            core: Core::new(Fifo::new(), capacity, LABELS),
            senders: AtomicUsize::new(1),
        })
    }

    /// A share for one sender more.
    pub(super) fn for_another_sender(self: &Arc<Shared<T>>) -> Arc<Shared<T>> {
        let share = Arc::clone(self);
        // Relaxed: the sender that is cloned keeps the count above zero.
        self.senders.fetch_add(1, Ordering::Relaxed);
        share
    }

    /// A sender is gone.
    pub(super) fn leave(&self) {
        // AcqRel: what every sender did comes before the shutdown by the last one.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.core.shut_down();
        }
    }
}
