//! Who is told of a task's end without waiting for it: groups, pools, waits for many tasks.
//!
//! A waiter stands in the queue of joiners while it parks, and its node lies on its stack. A watch stays
//! when its owner does other things: it is counted, and belongs to the task until the end, or until it
//! is withdrawn. So nothing points into a frame, and a watch that is forgotten leaks, and does no harm.
//!
//! ```text
//!   watching                                    the end (done, or left behind by its runtime)
//!   1. announce a joiner in the state word      1. set DONE; was a joiner announced? go on
//!   2. lock; has it ended? tell myself          2. lock; take all watches; unlock
//!      else add the watch; unlock               3. tell each
//! ```
//! *Race:* the end comes between the watcher's look and its adding. Both are under the lock that the end
//! takes after DONE, so either the look sees DONE or the end finds the watch. A withdrawal that finds
//! nothing may be overtaken by the telling: whoever withdraws does not mind being told once more.

use crate::sys::lock::Lock;
use std::fmt;
use std::sync::Arc;

/// Is told of ends.
pub(crate) trait Watcher: Send + Sync {
    /// The task that was watched under `token` has ended.
    ///
    /// Called on a worker's own stack, or by whoever begins to watch a task that has ended: may take
    /// short locks and wake, and neither runs nor drops anything of the user's. That also holds for the
    /// watcher's destructor.
    fn ended(&self, token: u64);
}

struct Watch {
    watcher: Arc<dyn Watcher>,
    token: u64,
    next: Link,
}

type Link = Option<Box<Watch>>;

/// The watches of one task. One word and a lock: most tasks have none.
#[derive(Default)]
pub(crate) struct Watchers(Lock<Link>);

impl Watchers {
    pub(crate) const fn new() -> Watchers {
        Watchers(Lock::new(None))
    }

    /// Step 2 of watching; the caller has announced a joiner. Tells at once if the task has ended.
    pub(crate) fn add(
        &self,
        watcher: Arc<dyn Watcher>,
        token: u64,
        has_ended: impl FnOnce() -> bool,
    ) {
        let mut watch = Box::new(Watch {
            watcher,
            token,
            next: None,
        });
        {
            let mut first = self.0.lock();
            if !has_ended() {
                watch.next = first.take();
                *first = Some(watch);
                return;
            }
        }
        watch.watcher.ended(watch.token);
    }

    /// Withdraws a watch. It may be told of the end all the same.
    pub(crate) fn remove(&self, watcher: &Arc<dyn Watcher>, token: u64) {
        let is_it = |watch: &Watch| watch.token == token && Arc::ptr_eq(&watch.watcher, watcher);
        // Dropped after the lock is released.
        let _removed = {
            let mut first = self.0.lock();
            let mut link = &mut *first;
            while link.as_ref().is_some_and(|watch| !is_it(watch)) {
                link = &mut link.as_mut().expect("because it was just seen").next;
            }
            let removed = link.take();
            removed.map(|mut watch| {
                *link = watch.next.take();
                watch
            })
        };
    }

    /// Steps 2 and 3 of the end.
    pub(crate) fn tell_all(&self) {
        let mut next = self.0.lock().take();
        while let Some(watch) = next {
            next = watch.next;
            watch.watcher.ended(watch.token);
        }
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watchers { .. }")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Log(Lock<Vec<u64>>);

    impl Watcher for Log {
        fn ended(&self, token: u64) {
            self.0.lock().push(token);
        }
    }

    fn add(watchers: &Watchers, log: &Arc<Log>, token: u64, has_ended: bool) {
        watchers.add(Arc::clone(log) as Arc<dyn Watcher>, token, || has_ended);
    }

    #[test]
    fn watches_are_told_once_and_only_if_not_withdrawn() {
        let (watchers, log, other) = (Watchers::new(), Arc::default(), Arc::default());
        for token in 0..5 {
            add(&watchers, &log, token, false);
        }
        add(&watchers, &other, 2, false);
        let watcher = Arc::clone(&log) as Arc<dyn Watcher>;
        for token in [0, 2, 4, 9] {
            watchers.remove(&watcher, token);
        }
        watchers.tell_all();
        watchers.tell_all();
        assert_eq!(*log.0.lock(), [3, 1]);
        assert_eq!(*other.0.lock(), [2], "another watcher's token is its own");
        drop(watcher);
        assert_eq!(Arc::strong_count(&log), 1);
    }

    #[test]
    fn watch_of_an_ended_task_is_told_at_once_and_not_kept() {
        let (watchers, log) = (Watchers::new(), Arc::default());
        add(&watchers, &log, 7, true);
        assert_eq!(*log.0.lock(), [7]);
        assert_eq!(Arc::strong_count(&log), 1);
    }
}
