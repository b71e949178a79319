//! Selects that meet selects: on queues without room both sides select, over many queues at once, in
//! every mixture of places. Nobody gives to himself, nobody gives twice, and nobody waits for ever.

use crate::common::{Rng, Rt, watchdog};
use crate::kinds::assert_deserted;
use greenroom::queue::Queue;
use greenroom::select;
use greenroom::select::Select;
use greenroom::thread::Builder;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
enum Place {
    Worker(usize),
    Thread,
}

/// Runs the bodies at the same time, each in its place.
fn run_all(rt: &Rt, bodies: Vec<(Place, Box<dyn FnOnce() + Send>)>) {
    let mut greens = Vec::new();
    let mut threads = Vec::new();
    for (place, body) in bodies {
        match place {
            Place::Worker(index) => {
                greens.push(rt.run(|| Builder::new().worker(index).spawn(body).unwrap()));
            }
            Place::Thread => threads.push(std::thread::spawn(body)),
        }
    }
    greens.into_iter().for_each(|handle| handle.join().unwrap());
    threads
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
}

const PAIRS: [(usize, Place, Place); 5] = [
    (1, Place::Worker(0), Place::Worker(0)),
    (2, Place::Worker(0), Place::Worker(1)),
    (1, Place::Worker(0), Place::Thread),
    (1, Place::Thread, Place::Worker(0)),
    (1, Place::Thread, Place::Thread),
];

#[test]
fn two_selects_meet_on_a_queue_without_room() {
    const ITEMS: u64 = if cfg!(debug_assertions) { 500 } else { 5_000 };
    let _watchdog = watchdog();
    for (workers, sender, receiver) in PAIRS {
        let queues: Arc<[Queue<u64>; 2]> = Arc::new([Queue::bounded(0), Queue::bounded(0)]);
        let total = Arc::new(AtomicU64::new(0));
        let send = {
            let queues = queues.clone();
            move || {
                for item in 1..=ITEMS {
                    // The same item at both: it may arrive once only.
                    let (mut left, mut right) = (Some(item), Some(item));
                    select! {
                        send(queues[0], left) -> sent => sent.unwrap(),
                        send(queues[1], right) -> sent => sent.unwrap(),
                    }
                    assert!(left.is_some() != right.is_some());
                }
                queues.iter().for_each(Queue::shutdown);
            }
        };
        let receive = {
            let (queues, total) = (queues.clone(), total.clone());
            move || loop {
                select! {
                    recv(queues[1]) -> item => match item {
                        Ok(item) => total.fetch_add(item, Ordering::Relaxed),
                        Err(_) => break,
                    },
                    recv(queues[0]) -> item => match item {
                        Ok(item) => total.fetch_add(item, Ordering::Relaxed),
                        Err(_) => break,
                    },
                };
            }
        };
        run_all(
            &Rt::with_workers(workers),
            vec![(sender, Box::new(send)), (receiver, Box::new(receive))],
        );
        assert_eq!(total.load(Ordering::Relaxed), ITEMS * (ITEMS + 1) / 2);
        queues.iter().for_each(assert_deserted);
    }
}

#[test]
fn equals_that_send_and_receive_at_once_meet_each_other_and_never_themselves() {
    const MEETINGS: usize = if cfg!(debug_assertions) { 500 } else { 5_000 };
    let _watchdog = watchdog();
    for (workers, one, two) in PAIRS {
        let queue: Arc<Queue<&'static str>> = Arc::new(Queue::bounded(0));
        let meet = |own: &'static str| {
            let queue = queue.clone();
            move || {
                for _ in 0..MEETINGS {
                    let mut place = Some(own);
                    select! {
                        send(queue, place) -> sent => sent.unwrap(),
                        recv(queue) -> item => assert_ne!(item, Ok(own), "it met itself"),
                    }
                }
            }
        };
        run_all(
            &Rt::with_workers(workers),
            vec![(one, Box::new(meet("one"))), (two, Box::new(meet("two")))],
        );
        assert_deserted(&queue);
    }
}

/// Each party selects over all queues in an order of its own, sending and receiving, until everybody
/// has sent his share. A wrong order of gates, or a lost wake, ends in a deadlock.
fn cross(workers: usize, places: &[Place], queues: usize, share: u64) {
    let mut rng = Rng::seeded();
    let rt = Rt::with_workers(workers);
    let queues: Arc<Vec<Queue<u64>>> = Arc::new((0..queues).map(|_| Queue::bounded(0)).collect());
    let (sent, got) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let goal = share * u64::try_from(places.len()).unwrap();
    let received = Arc::new(AtomicU64::new(0));
    let mut bodies: Vec<(Place, Box<dyn FnOnce() + Send>)> = Vec::new();
    for &place in places {
        let (queues, sent, got) = (queues.clone(), sent.clone(), got.clone());
        let (received, mut rng) = (received.clone(), rng.split());
        let body = move || {
            let mut left = share;
            while left > 0 || received.load(Ordering::Acquire) < goal {
                let item = rng.next() >> 32;
                let start = usize::try_from(rng.next() >> 32).unwrap();
                let mut item_places: Vec<Option<u64>> =
                    queues.iter().map(|_| (left > 0).then_some(item)).collect();
                let mut select = Select::new();
                // All to send first when there is something to send, all to receive: crosswise.
                for (number, place) in item_places.iter_mut().enumerate() {
                    let queue = &queues[(start + number) % queues.len()];
                    select.send(queue, place, |sent| {
                        sent.unwrap();
                        None
                    });
                    select.recv(queue, Result::ok);
                }
                // The limit lets the last ones see that all is done.
                match select.wait_timeout(Duration::from_millis(2)) {
                    Some(None) => {
                        sent.fetch_add(item, Ordering::Relaxed);
                        left -= 1;
                    }
                    Some(Some(item)) => {
                        got.fetch_add(item, Ordering::Relaxed);
                        received.fetch_add(1, Ordering::Release);
                    }
                    None => {}
                }
                let lent = item_places.iter().flatten().count();
                assert!(
                    lent == 0 || lent >= queues.len() - 1,
                    "one item at most is taken"
                );
            }
        };
        bodies.push((place, Box::new(body)));
    }
    run_all(&rt, bodies);
    assert_eq!(received.load(Ordering::Relaxed), goal);
    assert_eq!(sent.load(Ordering::Relaxed), got.load(Ordering::Relaxed));
    queues.iter().for_each(assert_deserted);
}

const SHARE: u64 = if cfg!(debug_assertions) { 100 } else { 1_000 };

#[test]
fn selects_that_cross_on_one_worker_all_get_through() {
    let _watchdog = watchdog();
    cross(1, &[Place::Worker(0); 8], 5, SHARE);
}

#[test]
fn selects_that_cross_between_workers_and_threads_all_get_through() {
    let _watchdog = watchdog();
    let places = [
        Place::Worker(0),
        Place::Worker(1),
        Place::Thread,
        Place::Worker(0),
        Place::Worker(1),
        Place::Thread,
    ];
    cross(2, &places, 4, SHARE);
}

#[test]
fn select_meets_plain_calls_in_both_directions() {
    let _watchdog = watchdog();
    for (workers, one, two) in PAIRS {
        let (to, from): (Arc<Queue<u64>>, Arc<Queue<u64>>) =
            (Arc::new(Queue::bounded(0)), Arc::new(Queue::bounded(1)));
        let count = SHARE * 4;
        let plain = {
            let (to, from) = (to.clone(), from.clone());
            move || {
                for item in 0..count {
                    from.put(item).unwrap();
                    assert_eq!(to.get(), Ok(item));
                }
            }
        };
        let selecting = {
            let (to, from) = (to.clone(), from.clone());
            move || {
                let (mut place, mut sent) = (None, 0);
                while sent < count {
                    select! {
                        recv(from) -> item => {
                            assert!(place.is_none());
                            place = item.ok();
                        }
                        send(to, place) -> result => {
                            result.unwrap();
                            sent += 1;
                        }
                    }
                }
            }
        };
        run_all(
            &Rt::with_workers(workers),
            vec![(one, Box::new(plain)), (two, Box::new(selecting))],
        );
        assert_deserted(&*to);
        assert_deserted(&*from);
    }
}
