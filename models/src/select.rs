//! The select protocol of `park/choose.rs`, with the shipped queue at both ends: exactly one arm
//! happens, and what loses keeps its item.
//!
//! The queues of a model lie in one array: a select takes gates in the order of addresses, which must
//! not change from one execution to the next.

#[path = "../../runtime/select/queue.rs"]
mod arms;

use crate::check::{Seen, exhaust_up_to};
use crate::park::choose::{Arm, Order, Patience, choose};
use crate::park::wait_list::Outcome;
use crate::queue::core::{FOREVER, Nothing};
use crate::queue::{Queue, assert_left, queue};
use crate::sys::clock;
use crate::task::Header;
use crate::who::{SOON_NS, Who, as_task, cancel, run};
use arms::{Give, Take};
use loom::thread;
use std::sync::Arc;

/// What an arm of the models below wants of its queue.
#[derive(Clone, Copy)]
enum Want {
    Get,
    Put(u32),
}

/// One arm: which queue, and what.
type Case = (usize, Want);

/// How a select ended, and what is in the slot of each arm afterwards.
type Chosen = (Outcome<usize>, Vec<Option<u32>>);

/// Runs a select of two arms.
fn select(queues: &[Queue; 2], cases: [Case; 2], patience: Patience) -> Chosen {
    let [first, second] = cases;
    with_arm(queues, first, |first| {
        with_arm(queues, second, |second| {
            choose(&mut [first, second], Order::Biased, patience)
        })
    })
    .into_chosen()
}

/// An outcome with the slots of the arms around it, innermost first.
trait IntoChosen {
    fn into_chosen(self) -> Chosen;
}

impl IntoChosen for ((Outcome<usize>, Option<u32>), Option<u32>) {
    fn into_chosen(self) -> Chosen {
        let ((outcome, second), first) = self;
        (outcome, vec![first, second])
    }
}

fn with_arm<R>(
    queues: &[Queue; 2],
    (place, want): Case,
    body: impl FnOnce(&mut dyn Arm) -> R,
) -> (R, Option<u32>) {
    match want {
        Want::Get => {
            let mut arm = Take::new(&queues[place]);
            let result = body(&mut arm);
            (result, arm.0.outcome())
        }
        Want::Put(item) => {
            let mut item = Some(item);
            let result = body(&mut Give::new(&queues[place], &mut item));
            (result, item)
        }
    }
}

const BOTH: [Case; 2] = [(0, Want::Get), (1, Want::Get)];

/// One selects what it gets, the other where it puts.
fn meet(getter: [Case; 2], putter: [Case; 2]) {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(0, &[]), queue(0, &[])]);
        let other = {
            let queues = Arc::clone(&queues);
            thread::spawn(move || {
                run(Who::Green, || {
                    select(&queues, putter, Patience::Until(FOREVER))
                })
            })
        };
        let (got, slots) = run(Who::Os, || {
            select(&queues, getter, Patience::Until(FOREVER))
        });
        let (put, kept) = other.join().expect("a select does not panic");
        let (Outcome::Ready(got), Outcome::Ready(put)) = (got, put) else {
            panic!("nothing ends the waits");
        };
        assert_eq!(getter[got].0, putter[put].0, "at one queue");
        assert_eq!(slots[1 - got], None, "got twice");
        assert_eq!(kept[put], None, "put, and kept");
        assert!(slots[got].is_some());
        assert!(kept[1 - put].is_some(), "the item of the arm that lost");
        assert_ne!(slots[got], kept[1 - put]);
        for queue in &*queues {
            while queue.finish_one() {}
            assert_left(queue, &[]);
        }
        outcomes.note(u32::try_from(got).expect("because there are two"));
    });
    seen.assert_all(2);
}

/// Two selects on the same two queues.
pub fn two_selects_meet() {
    meet(BOTH, [(0, Want::Put(1)), (1, Want::Put(2))]);
}

/// Two selects on the same two queues, which they name in opposite order: no deadlock.
pub fn two_selects_meet_in_opposite_order() {
    meet(BOTH, [(1, Want::Put(2)), (0, Want::Put(1))]);
}

fn select_against_two_givers(who: Who) {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(1, &[]), queue(1, &[])]);
        let givers = [0, 1].map(|place| {
            let queues = Arc::clone(&queues);
            thread::spawn(move || queues[place].try_put(7).is_ok())
        });
        let (outcome, slots) = run(who, || select(&queues, BOTH, Patience::Until(FOREVER)));
        for giver in givers {
            assert_eq!(giver.join().ok(), Some(true));
        }
        let Outcome::Ready(winner) = outcome else {
            panic!("nothing ends the wait");
        };
        assert_eq!((slots[winner], slots[1 - winner]), (Some(7), None));
        assert!(queues[winner].finish_one());
        assert_left(&queues[winner], &[]);
        assert_left(&queues[1 - winner], &[7]);
        outcomes.note(u32::try_from(winner).expect("because there are two"));
    });
    seen.assert_all(2);
}

/// A green thread selects from two queues that both get an item: one wins, the other item stays.
pub fn green_select_against_two_givers() {
    select_against_two_givers(Who::Green);
}

/// An OS thread selects.
pub fn os_select_against_two_givers() {
    select_against_two_givers(Who::Os);
}

/// Two selects on the same queues, and an item for each queue: each gets one. A giver meets the node
/// of a select that is decided, and passes it over.
pub fn two_selects_against_two_items() {
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(1, &[]), queue(1, &[])]);
        let selects = [Who::Green, Who::Os].map(|who| {
            let queues = Arc::clone(&queues);
            thread::spawn(move || run(who, || select(&queues, BOTH, Patience::Until(FOREVER))))
        });
        for queue in &*queues {
            queue.try_put(7).expect("because there is room");
        }
        for select in selects {
            let (outcome, slots) = select.join().expect("a select does not panic");
            assert!(matches!(outcome, Outcome::Ready(_)));
            assert_eq!(slots.iter().flatten().count(), 1, "one item each");
        }
        for queue in &*queues {
            assert!(queue.finish_one());
            assert_left(queue, &[]);
        }
    });
}

/// A select whose wait ends, by `end`, while an item comes: it has the item, or the item stays.
fn select_that_ends(patience: Patience, expected: Outcome<usize>, end: fn(&Header)) {
    let seen = Seen::default();
    let outcomes = seen.clone();
    let expected = Arc::new(expected);
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(1, &[]), queue(1, &[])]);
        let task = Arc::new(Header::new());
        let giver = {
            let queues = Arc::clone(&queues);
            thread::spawn(move || queues[1].try_put(7).is_ok())
        };
        let ender = {
            let task = Arc::clone(&task);
            thread::spawn(move || end(&task))
        };
        let (outcome, slots) = as_task(&task, || select(&queues, BOTH, patience));
        assert_eq!(giver.join().ok(), Some(true));
        ender.join().expect("whoever ends the wait does not panic");
        let is_given = outcome == Outcome::Ready(1);
        assert!(is_given || outcome == *expected);
        assert_eq!(slots, [None, is_given.then_some(7)]);
        if is_given {
            assert!(queues[1].finish_one());
        }
        assert_left(&queues[0], &[]);
        assert_left(&queues[1], if is_given { &[] } else { &[7] });
        outcomes.note(u32::from(is_given));
    });
    seen.assert_all(2);
}

/// Its time is up.
pub fn select_against_timeout() {
    select_that_ends(Patience::Until(SOON_NS), Outcome::TimedOut, |_| {
        clock::advance(SOON_NS);
    });
}

/// It is cancelled.
pub fn select_against_cancel() {
    select_that_ends(Patience::Until(FOREVER), Outcome::Interrupted, cancel);
}

/// Puts into one queue or gets from the other; somebody takes there who does not wait, somebody gives
/// here. What was not put is still in the arm.
pub fn put_arm_that_loses_keeps_its_item() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(0, &[]), queue(1, &[])]);
        let taker = {
            let queues = Arc::clone(&queues);
            thread::spawn(move || queues[0].try_get())
        };
        let giver = {
            let queues = Arc::clone(&queues);
            thread::spawn(move || queues[1].try_put(7).is_ok())
        };
        let cases = [(0, Want::Put(1)), (1, Want::Get)];
        let (outcome, slots) = run(Who::Green, || {
            select(&queues, cases, Patience::Until(FOREVER))
        });
        assert_eq!(giver.join().ok(), Some(true));
        let taken = taker.join().expect("a taker does not panic");
        let is_put = outcome == Outcome::Ready(0);
        if is_put {
            assert_eq!((taken, slots), (Ok(1), vec![None, None]));
            assert!(queues[0].finish_one());
            assert_left(&queues[1], &[7]);
        } else {
            assert_eq!(outcome, Outcome::Ready(1));
            assert_eq!(
                (taken, slots),
                (Err(Nothing::Empty), vec![Some(1), Some(7)])
            );
            assert!(queues[1].finish_one());
            assert_left(&queues[1], &[]);
        }
        assert_left(&queues[0], &[]);
        outcomes.note(u32::from(is_put));
    });
    seen.assert_all(2);
}

/// A select with `default` beside one that waits: it takes what is there, or nothing.
pub fn impatient_select_against_a_waiting_one() {
    let seen = Seen::default();
    let outcomes = seen.clone();
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(0, &[]), queue(0, &[])]);
        let other = {
            let queues = Arc::clone(&queues);
            thread::spawn(move || {
                run(Who::Green, || {
                    select(&queues, BOTH, Patience::Until(FOREVER))
                })
            })
        };
        let cases = [(1, Want::Put(1)), (0, Want::Put(2))];
        let (outcome, kept) = select(&queues, cases, Patience::None);
        let got = match outcome {
            Outcome::Ready(0) => {
                assert_eq!(kept, [None, Some(2)]);
                [None, Some(1)]
            }
            Outcome::Ready(_) => {
                assert_eq!(kept, [Some(1), None]);
                [Some(2), None]
            }
            _ => {
                assert_eq!(
                    (&outcome, kept),
                    (&Outcome::TimedOut, vec![Some(1), Some(2)])
                );
                queues[1].put(1, FOREVER).expect("nothing ends the wait");
                [None, Some(1)]
            }
        };
        let (_, slots) = other.join().expect("a select does not panic");
        assert_eq!(slots, got);
        outcomes.note(match outcome {
            Outcome::Ready(0) => 0,
            Outcome::Ready(_) => 1,
            _ => 2,
        });
    });
    seen.assert_all(3);
}

/// An arm that puts what a peeker waits for: the peeker sees it.
pub fn put_arm_wakes_a_peeker() {
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(1, &[]), queue(1, &[])]);
        let peeker = {
            let queues = Arc::clone(&queues);
            thread::spawn(move || run(Who::Green, || queues[1].peek(FOREVER)))
        };
        let cases = [(0, Want::Get), (1, Want::Put(1))];
        let chosen = select(&queues, cases, Patience::None);
        assert_eq!(chosen, (Outcome::Ready(1), vec![None, None]));
        assert_eq!(peeker.join().ok(), Some(Ok(1)));
        assert_left(&queues[1], &[1]);
    });
}

/// Both arms of a select at one queue: the gate is taken once, and the select does not meet itself.
pub fn two_arms_at_one_queue() {
    exhaust_up_to(2, move || {
        let queues = Arc::new([queue(0, &[]), queue(0, &[])]);
        let other = {
            let queues = Arc::clone(&queues);
            thread::spawn(move || queues[0].put(7, FOREVER).is_ok())
        };
        let cases = [(0, Want::Put(1)), (0, Want::Get)];
        let (outcome, slots) = run(Who::Green, || {
            select(&queues, cases, Patience::Until(FOREVER))
        });
        assert_eq!(
            (outcome, slots),
            (Outcome::Ready(1), vec![Some(1), Some(7)])
        );
        assert_eq!(other.join().ok(), Some(true));
        assert!(queues[0].finish_one());
        assert_left(&queues[0], &[]);
    });
}
