//! What must be true of the history of a program, in whatever order its operations took effect.
//!
//! Each operation took effect at one moment between its begin and its end. Only what follows for every
//! such choice of moments is asserted, so a correct queue never fails: an item *surely lay there* while
//! another was taken if it was put before that get began, and taken (if ever) after that get ended.

use crate::program::{Entry, Event, Stage, producer};
use crate::queue::{Any, Item, Kind};
use std::collections::HashMap;

/// Stands for "never".
const NEVER: u64 = u64::MAX;

/// The life of an item in one queue.
#[derive(Clone, Copy, Debug)]
struct Life {
    item: Item,
    put: (u64, u64),
    /// When it was taken, and by whom; `NEVER`: it was left, or dropped by a shutdown.
    got: (u64, u64),
    taker: Option<usize>,
    is_left: bool,
}

/// Checks everything, and empties the queues.
///
/// # Panics
/// If something is wrong.
pub fn check(stage: &Stage, queues: &[(Kind, Option<usize>)]) {
    let entries = stage.entries();
    for (number, (any, &(kind, capacity))) in stage.queues.iter().zip(queues).enumerate() {
        let own: Vec<&Entry> = entries
            .iter()
            .filter(|entry| entry.queue == number)
            .collect();
        let text = format!("{any:?}");
        assert!(
            text.contains("getters: 0, putters: 0"),
            "somebody still waits: {text}"
        );
        check_counts(&own, any);
        let left: Vec<Item> = std::iter::from_fn(|| any.try_get().ok()).collect();
        let lives = lives(&own, &left);
        assert!(capacity.is_none_or(|capacity| left.len() <= capacity));
        check_peeks(&own, &lives);
        check_shutdown(&own);
        match kind {
            Kind::Fifo => check_fifo(&lives, &left),
            Kind::Lifo => check_order(&lives, |taken, lying| taken.put.1 >= lying.put.0),
            Kind::Priority => check_order(&lives, |taken, lying| {
                let later = taken.put.0 > lying.put.1;
                taken.item < lying.item || (taken.item == lying.item && !later)
            }),
        }
    }
}

/// What was put and not said to be done is unfinished, except what a shutdown dropped.
fn check_counts(entries: &[&Entry], any: &Any) {
    let mut unfinished = 0_usize;
    let (mut put, mut finished) = (0, 0);
    for entry in entries {
        match &entry.event {
            Event::Put(_) => put += 1,
            Event::Done => finished += 1,
            Event::Shut(items) => finished += items.len(),
            _ => {}
        }
    }
    unfinished += put;
    assert_eq!(unfinished.checked_sub(finished), Some(any.unfinished()));
}

/// Every item that was put was got once, dropped once by a shutdown, or is left; and no other.
fn lives(entries: &[&Entry], left: &[Item]) -> Vec<Life> {
    let mut lives: HashMap<u32, Life> = HashMap::new();
    for entry in entries {
        if let Event::Put(item) = entry.event {
            let put = (entry.begin, entry.end);
            let life = Life {
                item,
                put,
                got: (NEVER, NEVER),
                taker: None,
                is_left: false,
            };
            assert!(
                lives.insert(item.id, life).is_none(),
                "{item:?} was put twice"
            );
        }
    }
    let mut gone: HashMap<u32, &str> = HashMap::new();
    let mut take = |item: Item, how: &'static str| {
        assert!(
            lives.contains_key(&item.id),
            "{item:?} was {how}, but never put"
        );
        let before = gone.insert(item.id, how);
        assert!(
            before.is_none(),
            "{item:?} was {how} after it was {before:?}"
        );
    };
    for entry in entries {
        match &entry.event {
            Event::Got(item) => take(*item, "got"),
            Event::Shut(items) => items.iter().for_each(|item| take(*item, "dropped")),
            _ => {}
        }
    }
    left.iter().for_each(|item| take(*item, "left"));
    assert_eq!(
        gone.len(),
        lives.len(),
        "lost: put {lives:?}, found {gone:?}"
    );
    for entry in entries {
        if let Event::Got(item) = entry.event
            && let Some(life) = lives.get_mut(&item.id)
        {
            life.got = (entry.begin, entry.end);
            life.taker = Some(entry.actor);
            assert!(life.put.0 < entry.end, "{item:?} was got before it was put");
        }
    }
    for item in left {
        lives.entry(item.id).and_modify(|life| life.is_left = true);
    }
    lives.into_values().collect()
}

/// What was seen lay there at some moment of the look.
fn check_peeks(entries: &[&Entry], lives: &[Life]) {
    for entry in entries {
        if let Event::Seen(item) = entry.event {
            let life = lives.iter().find(|life| life.item.id == item.id);
            let life = life.unwrap_or_else(|| panic!("{item:?} was seen, but never put"));
            assert!(
                life.put.0 < entry.end && entry.begin < life.got.1,
                "{entry:?} {life:?}"
            );
        }
    }
}

/// Nothing is refused before somebody shuts the queue down, and nothing put after it.
fn check_shutdown(entries: &[&Entry]) {
    let shuts = || {
        entries
            .iter()
            .filter(|entry| matches!(entry.event, Event::Shut(_)))
    };
    let first_begin = shuts().map(|entry| entry.begin).min().unwrap_or(NEVER);
    let first_end = shuts().map(|entry| entry.end).min().unwrap_or(NEVER);
    for entry in entries {
        match entry.event {
            Event::Refused => assert!(entry.end > first_begin, "refused too early: {entry:?}"),
            Event::Put(_) => assert!(entry.begin < first_end, "put too late: {entry:?}"),
            _ => {}
        }
    }
}

/// Whatever was taken while another item surely lay there had to be taken first.
fn check_order(lives: &[Life], may_precede: impl Fn(&Life, &Life) -> bool) {
    for taken in lives.iter().filter(|life| life.got.1 != NEVER) {
        for lying in lives {
            let surely_lay = lying.put.1 < taken.got.0 && lying.got.0 > taken.got.1;
            let is_other = taken.item.id != lying.item.id;
            // When a shutdown dropped it is not kept.
            let is_known = lying.is_left || lying.taker.is_some();
            if surely_lay && is_other && is_known {
                assert!(may_precede(taken, lying), "{taken:?} before {lying:?}");
            }
        }
    }
}

/// In the order of puts: of those that did not overlap, and always of one producer.
fn check_fifo(lives: &[Life], left: &[Item]) {
    for early in lives {
        for late in lives {
            if early.put.1 < late.put.0 {
                assert!(
                    late.got.1 == NEVER || early.got.0 < late.got.1,
                    "overtaken: {late:?} before {early:?}"
                );
            }
            let is_one_way = producer(early.item) == producer(late.item)
                && early.taker.is_some()
                && early.taker == late.taker;
            if is_one_way && early.item.id < late.item.id {
                assert!(early.got.0 < late.got.0, "swapped: {early:?} {late:?}");
            }
        }
    }
    let mut last: HashMap<u32, u32> = HashMap::new();
    for item in left {
        let before = last.insert(producer(*item), item.id);
        assert!(before < Some(item.id), "left in disorder: {left:?}");
    }
}
