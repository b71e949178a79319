//! `queue::Channel`: who meets whom, in which order, and what its `Debug` shows.

use crate::common::{FOREVER, assert_cancelled, let_others_run, on_every_runtime};
use greenroom::queue::{Channel, GetError, PutError, ShutDown};
use greenroom::thread::{self, scope, spawn_local};
use std::sync::Arc;
use std::time::Duration;

fn shared() -> Arc<Channel<u32>> {
    Arc::new(Channel::new())
}

#[test]
fn put_ends_when_the_item_is_taken_and_not_before() {
    on_every_runtime(|| {
        let channel = shared();
        let theirs = Arc::clone(&channel);
        let putting = spawn_local(move || theirs.put(1));
        let_others_run();
        assert!(!putting.is_finished());
        assert_eq!(channel.get(), Ok(1));
        assert_eq!(putting.join().unwrap(), Ok(()));
    });
}

#[test]
fn try_forms_succeed_only_if_the_other_waits() {
    on_every_runtime(|| {
        let channel = shared();
        assert_eq!(channel.try_put(1), Err(PutError::Full(1)));
        assert_eq!(channel.try_get(), Err(GetError::Empty));
        let theirs = Arc::clone(&channel);
        let getting = spawn_local(move || theirs.get());
        let_others_run();
        assert_eq!(channel.try_put(2), Ok(()));
        assert_eq!(channel.try_put(3), Err(PutError::Full(3)), "he has one");
        assert_eq!(getting.join().unwrap(), Ok(2));
        let theirs = Arc::clone(&channel);
        let putting = spawn_local(move || theirs.put(4));
        let_others_run();
        assert_eq!(channel.try_get(), Ok(4));
        assert_eq!(channel.try_get(), Err(GetError::Empty));
        putting.join().unwrap().unwrap();
    });
}

#[test]
fn waiters_meet_in_the_order_in_which_they_came() {
    on_every_runtime(|| {
        let channel = shared();
        let putters = (0..10).map(|number| {
            let channel = Arc::clone(&channel);
            let putter = spawn_local(move || channel.put(number));
            let_others_run();
            putter
        });
        let mut putters = putters.collect::<Vec<_>>();
        // Those who leave the queue leave the others in order.
        let leaver = putters.remove(4);
        leaver.cancel();
        assert_cancelled(leaver.join());
        let leaver = putters.remove(0);
        leaver.cancel();
        assert_cancelled(leaver.join());
        for number in [1, 2, 3, 5, 6, 7, 8, 9] {
            assert_eq!(channel.get(), Ok(number));
        }
        putters
            .into_iter()
            .for_each(|putter| putter.join().unwrap().unwrap());

        let getters = (0..10).map(|_| {
            let channel = Arc::clone(&channel);
            let getter = spawn_local(move || channel.get_timeout(FOREVER));
            let_others_run();
            getter
        });
        let getters = getters.collect::<Vec<_>>();
        (0..10).for_each(|number| channel.put(number).unwrap());
        for (number, getter) in (0..).zip(getters) {
            assert_eq!(getter.join().unwrap(), Ok(number));
        }
    });
}

#[test]
fn debug_shows_the_balance() {
    on_every_runtime(|| {
        let channel = shared();
        let text = || format!("{channel:?}");
        assert_eq!(text(), "Channel { shut_down: false, balance: 0 }");
        let start = |is_putter: bool| {
            let channel = Arc::clone(&channel);
            let waiter = spawn_local(move || {
                if is_putter {
                    channel.put(1).unwrap();
                } else {
                    channel.get().unwrap();
                }
            });
            let_others_run();
            waiter
        };
        let putters = [start(true), start(true)];
        assert_eq!(text(), "Channel { shut_down: false, balance: 2 }");
        channel.get().unwrap();
        channel.get().unwrap();
        putters
            .into_iter()
            .for_each(|putter| putter.join().unwrap());
        let getter = start(false);
        assert_eq!(text(), "Channel { shut_down: false, balance: -1 }");
        channel.put(1).unwrap();
        getter.join().unwrap();
        channel.shutdown();
        assert_eq!(text(), "Channel { shut_down: true, balance: 0 }");
    });
}

#[test]
fn shutdown_refuses_all_who_wait_and_who_come() {
    on_every_runtime(|| {
        let channel = shared();
        let putters = (0..3).map(|number| {
            let channel = Arc::clone(&channel);
            thread::spawn(move || channel.put(number))
        });
        let putters = putters.collect::<Vec<_>>();
        assert!(!channel.is_shutdown());
        channel.shutdown();
        assert!(channel.is_shutdown());
        for (number, putter) in (0..).zip(putters) {
            assert_eq!(putter.join().unwrap(), Err(ShutDown(number)));
        }
        assert_eq!(channel.get(), Err(ShutDown(())));
        assert_eq!(channel.get_timeout(Duration::MAX), Err(GetError::ShutDown));
        assert_eq!(channel.put_timeout(1, FOREVER), Err(PutError::ShutDown(1)));
        assert_eq!(channel.iter().next(), None);
    });
}

#[test]
fn many_putters_and_getters_lose_nothing() {
    on_every_runtime(|| {
        let channel = shared();
        let sum = scope(|s| {
            let getters = (0..3).map(|_| s.spawn(|| channel.iter().map(u64::from).sum::<u64>()));
            let getters = getters.collect::<Vec<_>>();
            let putters = (0..3)
                .map(|_| s.spawn(|| (0..1_000).for_each(|number| channel.put(number).unwrap())));
            let putters = putters.collect::<Vec<_>>();
            putters
                .into_iter()
                .for_each(|putter| putter.join().unwrap());
            channel.shutdown();
            getters
                .into_iter()
                .map(|getter| getter.join().unwrap())
                .sum::<u64>()
        });
        assert_eq!(sum, 3 * 999 * 1_000 / 2);
    });
}
