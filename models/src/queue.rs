//! The queue behind all queues and channels: an item is in one place at any time, and nobody waits
//! who could go on.

#[path = "../../runtime/queue/store.rs"]
#[expect(unreachable_pub, reason = "public in the library, which re-exports it")]
pub(crate) mod store;

include!(concat!(env!("OUT_DIR"), "/mod_core.rs"));

use self::core::{Core, FOREVER, Labels, Nothing, Refused};
use crate::check::{Seen, exhaust_up_to};
use crate::sys::clock;
use crate::task::Header;
use crate::task::reason::At;
use crate::who::{SOON_NS, Who, as_task, cancel, run, unless_interrupted};
use loom::thread;
use std::sync::Arc;
use store::Fifo;

pub(crate) type Queue = Core<u32, Fifo<u32>>;

/// A queue of this capacity with these items.
pub(crate) fn queue(capacity: usize, items: &[u32]) -> Queue {
    let labels = Labels {
        get: At::Get,
        put: At::Put,
    };
    let queue = Core::new(Fifo::new(), capacity, labels);
    for item in items {
        queue.try_put(*item).expect("because there is room");
    }
    queue
}

/// Nobody waits any more, and these are left.
pub(crate) fn assert_left(queue: &Queue, items: &[u32]) {
    for item in items {
        assert_eq!(queue.try_get(), Ok(*item));
    }
    assert!(queue.try_get().is_err(), "an item too many");
    assert_eq!(queue.unfinished(), items.len(), "put, and not taken before");
    let mut state = queue.state.lock();
    assert!(!state.getters.has_waiter() && !state.putters.has_waiter());
}

/// A getter that has its item reports it done, so that `assert_left` may count.
fn get(queue: &Queue, deadline_ns: u64) -> Result<u32, Nothing> {
    let got = queue.get(deadline_ns);
    if got.is_ok() {
        assert!(queue.finish_one());
    }
    got
}

fn put_against_get(capacity: usize, putter: Who, getter: Who) {
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(capacity, &[]));
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(getter, || [get(&queue, FOREVER), get(&queue, FOREVER)]))
        };
        run(putter, || {
            for item in [1, 2] {
                queue.put(item, FOREVER).expect("nothing ends the wait");
            }
        });
        let got = getter.join().expect("a getter does not panic");
        assert_eq!(got, [Ok(1), Ok(2)]);
        assert_left(&queue, &[]);
    });
}

/// Two items, by way of the store or from slot to slot.
pub fn put_against_get_with_room() {
    put_against_get(1, Who::Green, Who::Os);
}

/// Two items, from slot to slot only.
pub fn put_against_get_without_room() {
    put_against_get(0, Who::Os, Who::Green);
}

/// Two getters and two putters: one item each.
pub fn two_getters_against_two_putters() {
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(0, &[]));
        let getters = [Who::Green, Who::Os].map(|who| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(who, || get(&queue, FOREVER)))
        });
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Green, || queue.put(1, FOREVER)).is_ok())
        };
        queue.put(2, FOREVER).expect("nothing ends the wait");
        let got = getters.map(|getter| {
            let got = getter.join().expect("a getter does not panic");
            got.expect("nothing ends the wait")
        });
        assert!(got == [1, 2] || got == [2, 1], "one each");
        assert_eq!(putter.join().ok(), Some(true));
        assert_left(&queue, &[]);
    });
}

/// An item against a getter whose time is up: he has it, or it stays.
pub fn put_against_a_getters_timeout() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(1, &[]));
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Green, || get(&queue, SOON_NS)))
        };
        clock::advance(SOON_NS);
        queue.try_put(1).expect("because there is room");
        let got = getter.join().expect("a getter does not panic");
        match got {
            Ok(item) => assert_eq!(item, 1),
            Err(why) => assert_eq!(why, Nothing::Empty),
        }
        let left: &[u32] = if got.is_ok() { &[] } else { &[1] };
        assert_left(&queue, left);
        outcomes.note(u32::from(got.is_ok()));
    });
    seen.assert_all(2);
}

/// A getter against a putter whose time is up: the item was taken, or the putter has it back.
pub fn get_against_a_putters_timeout() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(1, &[1]));
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Green, || queue.put(2, SOON_NS)))
        };
        clock::advance(SOON_NS);
        assert_eq!(get(&queue, FOREVER), Ok(1));
        let is_put = match putter.join().expect("a putter does not panic") {
            Ok(()) => true,
            Err(Refused::Full(2)) => false,
            Err(other) => panic!("{other:?}"),
        };
        let left: &[u32] = if is_put { &[2] } else { &[] };
        assert_left(&queue, left);
        outcomes.note(u32::from(is_put));
    });
    seen.assert_all(2);
}

/// A cancel against a getter and the item that comes: he has it, or it stays.
pub fn put_against_a_getters_cancel() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(1, &[]));
        let task = Arc::new(Header::new());
        let getter = {
            let (queue, task) = (Arc::clone(&queue), Arc::clone(&task));
            thread::spawn(move || as_task(&task, || unless_interrupted(|| get(&queue, FOREVER))))
        };
        cancel(&task);
        queue.try_put(1).expect("because there is room");
        let got = getter.join().expect("a getter does not panic");
        assert!(got.is_none_or(|got| got == Ok(1)));
        let left: &[u32] = if got.is_some() { &[] } else { &[1] };
        assert_left(&queue, left);
        outcomes.note(u32::from(got.is_some()));
    });
    seen.assert_all(2);
}

/// A shutdown against a getter and a late item: he has it, or it was refused and he learns of it.
pub fn shutdown_against_a_getter() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(1, &[]));
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Os, || get(&queue, FOREVER)))
        };
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.try_put(1))
        };
        queue.shut_down();
        let put = putter.join().expect("a putter does not panic");
        let got = getter.join().expect("a getter does not panic");
        match put {
            Ok(()) => assert_eq!(got, Ok(1)),
            Err(Refused::ShutDown(1)) => assert_eq!(got, Err(Nothing::ShutDown)),
            Err(other) => panic!("{other:?}"),
        }
        outcomes.note(u32::from(got.is_ok()));
        assert_left(&queue, &[]);
    });
    seen.assert_all(2);
}

/// A shutdown against a putter at a full queue: he has his item back, once, or it was taken.
pub fn shutdown_against_a_putter() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(1, &[1]));
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Green, || queue.put(2, FOREVER)))
        };
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || get(&queue, FOREVER))
        };
        queue.shut_down();
        let got = getter.join().expect("a getter does not panic");
        assert_eq!(got, Ok(1), "what was in the queue is given out");
        let is_put = match putter.join().expect("a putter does not panic") {
            Ok(()) => true,
            Err(Refused::ShutDown(2)) => false,
            Err(other) => panic!("{other:?}"),
        };
        let left: &[u32] = if is_put { &[2] } else { &[] };
        assert_left(&queue, left);
        outcomes.note(u32::from(is_put));
    });
    seen.assert_all(2);
}

/// A shutdown against a putter at a full queue that nobody takes from: he has his item back.
pub fn shutdown_alone_wakes_a_putter() {
    exhaust_up_to(3, move || {
        let queue = Arc::new(queue(1, &[1]));
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Green, || queue.put(2, FOREVER)))
        };
        queue.shut_down();
        let put = putter.join().expect("a putter does not panic");
        assert!(matches!(put, Err(Refused::ShutDown(2))));
        assert_left(&queue, &[1]);
    });
}

/// A peeker beside a getter: the getter gets the item, the peeker has seen it, or learns of the
/// shutdown.
pub fn peeker_against_a_getter() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queue = Arc::new(queue(1, &[]));
        let peeker = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Green, || queue.peek(FOREVER)))
        };
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Os, || get(&queue, FOREVER)))
        };
        queue.try_put(1).expect("because there is room");
        queue.shut_down();
        let got = getter.join().expect("a getter does not panic");
        assert_eq!(got, Ok(1));
        let peeked = peeker.join().expect("a peeker does not panic");
        assert!(matches!(peeked, Ok(1) | Err(Nothing::ShutDown)));
        outcomes.note(u32::from(peeked.is_ok()));
        assert_left(&queue, &[]);
    });
    seen.assert_all(2);
}

/// A peeker waits, an item comes and stays: he sees it.
pub fn peeker_against_a_putter() {
    exhaust_up_to(3, move || {
        let queue = Arc::new(queue(1, &[]));
        let putter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.put(1, FOREVER).is_ok())
        };
        assert_eq!(run(Who::Green, || queue.peek(FOREVER)), Ok(1));
        assert!(putter.join().expect("a putter does not panic"));
        assert_left(&queue, &[1]);
    });
}

/// Somebody waits for all items to be done while the last one is reported.
pub fn join_against_the_last_item() {
    exhaust_up_to(3, move || {
        let queue = Arc::new(queue(1, &[1]));
        let getter = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || run(Who::Os, || get(&queue, FOREVER)))
        };
        assert!(run(Who::Green, || queue.join(FOREVER)));
        assert_eq!(getter.join().ok(), Some(Ok(1)));
        assert_left(&queue, &[]);
    });
}
