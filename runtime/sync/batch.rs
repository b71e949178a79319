//! Waking many without holding their lock for all of them.
//!
//! Whoever lets a crowd go on claims a batch under the lock, wakes it without the lock, and comes back
//! for the next. In between others get their turn at the lock; that those who come meanwhile are not
//! taken for part of the crowd is up to the caller.

use crate::park::wait_list;
use crate::sys::lock::Lock;
use crate::task::wait_queue::Claimed;

/// Claims per section, some microseconds. Doubled: half as many sections, twice as long each.
const BATCH: usize = 32;

/// Calls `take` under the lock until it has nobody left, and wakes whom it took.
pub(super) fn wake_in_batches<S>(lock: &Lock<S>, mut take: impl FnMut(&mut S) -> Option<Claimed>) {
    let mut has_more = true;
    while has_more {
        let mut batch = [const { None }; BATCH];
        {
            let mut state = lock.lock();
            for place in &mut batch {
                *place = take(&mut state);
                has_more = place.is_some();
                if !has_more {
                    break;
                }
            }
        }
        batch.into_iter().flatten().for_each(wait_list::wake);
    }
}
