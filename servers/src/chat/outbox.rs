//! What a client has still to be told: lines, bounded in bytes, taken by a green thread that writes them.
//!
//! Whoever talks pushes and goes on; only the writer waits for the client. When the box is full its lines are
//! thrown away for a last one that says so, and the box is closed: a client that does not read costs this much
//! memory and nobody's time.
//!
//! | state | push | take |
//! |---|---|---|
//! | open | adds; full: closes | the lines, or waits |
//! | closed | nothing | the lines that are left, then the end |

use greenroom::sync::Event;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Beside its text a line costs its place in the queue, and a share of its allocation.
pub(super) const LINE_COST_BYTES: usize = 32;
/// One write: more would only be copied twice.
const BATCH_BYTES: usize = 64 << 10;

/// A bounded queue of lines to one client.
#[derive(Debug)]
pub(super) struct Outbox {
    // std's: held for a few instructions, never across a park, and by destructors too.
    lines: Mutex<Lines>,
    bytes_max: usize,
    /// There is something to take.
    is_due: Event,
    /// It is closed: who reads from the client may stop.
    is_closed: Event,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: VecDeque<Arc<str>>,
    bytes: usize,
    is_closed: bool,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Yes,
    /// The client is on its way out, and will not hear it.
    Closed,
    /// There was no room: the box is now closed.
    Full,
}

impl Outbox {
    pub(super) fn new(bytes_max: usize) -> Outbox {
        Outbox {
            lines: Mutex::default(),
            bytes_max,
            is_due: Event::new(),
            is_closed: Event::new(),
        }
    }

    /// Adds a line, which ends in LF. Never parks.
    pub(super) fn push(&self, line: &Arc<str>) -> Pushed {
        let mut lines = self.lock();
        if lines.is_closed {
            return Pushed::Closed;
        }
        let cost = line.len() + LINE_COST_BYTES;
        if lines.bytes + cost > self.bytes_max {
            lines.waiting.clear();
            lines
                .waiting
                .push_back("! you read too slowly: goodbye\n".into());
            lines.is_closed = true;
            drop(lines);
            self.tell_both();
            return Pushed::Full;
        }
        lines.bytes += cost;
        lines.waiting.push_back(Arc::clone(line));
        drop(lines);
        self.is_due.set();
        Pushed::Yes
    }

    /// After these lines comes nothing more. Never parks.
    pub(super) fn close(&self, last: Option<&Arc<str>>) {
        let mut lines = self.lock();
        if !lines.is_closed {
            lines.waiting.extend(last.cloned());
            lines.is_closed = true;
        }
        drop(lines);
        self.tell_both();
    }

    /// Nobody will hear what is left. Never parks.
    pub(super) fn abandon(&self) {
        let mut lines = self.lock();
        lines.waiting = VecDeque::new();
        lines.is_closed = true;
        drop(lines);
        self.tell_both();
    }

    /// Puts waiting lines into `batch`. False: there are none, and none will come. Parks.
    pub(super) fn take(&self, batch: &mut Vec<u8>) -> bool {
        loop {
            self.is_due.wait();
            let mut lines = self.lock();
            while batch.len() < BATCH_BYTES
                && let Some(line) = lines.waiting.pop_front()
            {
                lines.bytes = lines.bytes.saturating_sub(line.len() + LINE_COST_BYTES);
                batch.extend_from_slice(line.as_bytes());
            }
            if !batch.is_empty() {
                return true;
            }
            if lines.is_closed {
                return false;
            }
            // Under the lock: whoever pushes after this sets it again.
            self.is_due.clear();
        }
    }

    /// Set when it is closed.
    pub(super) fn closed(&self) -> &Event {
        &self.is_closed
    }

    fn tell_both(&self) {
        self.is_due.set();
        self.is_closed.set();
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Outbox, Pushed};
    use std::sync::Arc;

    fn rest(outbox: &Outbox) -> String {
        let mut all = Vec::new();
        let mut batch = Vec::new();
        while outbox.take(&mut batch) {
            all.append(&mut batch);
        }
        String::from_utf8(all).expect("because lines are text")
    }

    #[test]
    fn full_box_says_so_and_takes_no_more() {
        let outbox = Outbox::new(100);
        let line: Arc<str> = "0123456789012345678\n".into();
        let pushed = [0; 4].map(|_| outbox.push(&line));
        assert_eq!(
            pushed,
            [Pushed::Yes, Pushed::Full, Pushed::Closed, Pushed::Closed]
        );
        assert!(outbox.closed().is_set());
        assert_eq!(rest(&outbox), "! you read too slowly: goodbye\n");
    }

    #[test]
    fn closed_box_gives_what_is_left() {
        let outbox = Outbox::new(100);
        let (one, last): (Arc<str>, Arc<str>) = ("one\n".into(), "last\n".into());
        assert_eq!(outbox.push(&one), Pushed::Yes);
        outbox.close(Some(&last));
        outbox.close(Some(&last));
        assert_eq!(outbox.push(&one), Pushed::Closed);
        assert_eq!(rest(&outbox), "one\nlast\n");
    }

    #[test]
    fn taken_lines_make_room() {
        let outbox = Outbox::new(40);
        let line: Arc<str> = "12345\n".into();
        for _ in 0..10 {
            assert_eq!(outbox.push(&line), Pushed::Yes);
            let mut batch = Vec::new();
            assert!(outbox.take(&mut batch));
        }
        outbox.abandon();
        assert_eq!(rest(&outbox), "");
    }
}
