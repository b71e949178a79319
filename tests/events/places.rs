//! Every operation × {same worker, other worker, OS thread} × {ready, waits, late, cancelled}.
//!
//! None of these has a peer that could go.

use crate::table::{Case, End, fill_table};
use greenroom::sync::{AsyncResult, BoundedSemaphore, Event, Semaphore, WaitGroup};
use std::time::Duration;

fn ended(is_done: bool) -> End {
    if is_done { End::Done } else { End::TimedOut }
}

impl Case for Semaphore {
    fn wait(&self) -> End {
        self.acquire().forget();
        End::Done
    }

    fn wait_for(&self, limit: Duration) -> End {
        ended(
            self.acquire_timeout(limit)
                .map(|permit| permit.forget())
                .is_some(),
        )
    }

    fn try_now(&self) -> End {
        ended(self.try_acquire().map(|permit| permit.forget()).is_some())
    }

    fn help(&self) {
        self.release();
    }
}

impl Case for BoundedSemaphore {
    fn wait(&self) -> End {
        self.acquire().forget();
        End::Done
    }

    fn wait_for(&self, limit: Duration) -> End {
        ended(
            self.acquire_timeout(limit)
                .map(|permit| permit.forget())
                .is_some(),
        )
    }

    fn try_now(&self) -> End {
        ended(self.try_acquire().map(|permit| permit.forget()).is_some())
    }

    fn help(&self) {
        self.release().unwrap();
    }
}

impl Case for Event {
    fn wait(&self) -> End {
        Event::wait(self);
        End::Done
    }

    fn wait_for(&self, limit: Duration) -> End {
        ended(self.wait_timeout(limit))
    }

    fn try_now(&self) -> End {
        ended(self.is_set())
    }

    fn help(&self) {
        self.set();
    }
}

impl Case for WaitGroup {
    fn wait(&self) -> End {
        WaitGroup::wait(self);
        End::Done
    }

    fn wait_for(&self, limit: Duration) -> End {
        ended(self.wait_timeout(limit))
    }

    fn try_now(&self) -> End {
        ended(self.count() == 0)
    }

    fn help(&self) {
        if self.count() > 0 {
            self.done();
        }
    }
}

impl Case for AsyncResult<u8, u8> {
    fn wait(&self) -> End {
        assert_eq!(AsyncResult::wait(self), &Ok(7));
        End::Done
    }

    fn wait_for(&self, limit: Duration) -> End {
        let result = self.wait_timeout(limit);
        assert!(result.is_none_or(|result| *result == Ok(7)));
        ended(result.is_some())
    }

    fn try_now(&self) -> End {
        ended(self.try_get().is_some())
    }

    fn help(&self) {
        let is_first = !self.is_ready();
        assert_eq!(self.set(7).is_ok(), is_first);
    }
}

#[test]
fn acquire_of_a_semaphore_in_every_place() {
    fill_table(|| Semaphore::new(0));
}

#[test]
fn acquire_of_a_bounded_semaphore_in_every_place() {
    fill_table(|| {
        let semaphore = BoundedSemaphore::new(1);
        semaphore.acquire().forget();
        semaphore
    });
}

#[test]
fn wait_for_an_event_in_every_place() {
    fill_table(Event::new);
}

#[test]
fn wait_for_a_wait_group_in_every_place() {
    fill_table(|| {
        let group = WaitGroup::new();
        group.add(1);
        group
    });
}

#[test]
fn wait_for_an_async_result_in_every_place() {
    fill_table(AsyncResult::<u8, u8>::new);
}
