//! One member of a group: joined, cancelled, panicked, forgotten; tables over where it runs.

use super::each_place;
use crate::common::{
    Census, FOREVER, Flag, SHORT, assert_cancelled, everywhere, on_every_runtime, text, until,
};
use greenroom::group::{Group, Pool};
use greenroom::thread::{self, Builder, CancelOutcome};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn group_join_waits_for_members_wherever_they_run() {
    each_place(|place| {
        let group = Group::new();
        let is_done = Flag::default();
        let done = is_done.clone();
        let body = move || {
            thread::park();
            done.raise();
        };
        let member = group.spawn_with(place(), body).unwrap();
        assert_eq!(group.len(), 1);
        assert!(group.try_join().is_none());
        assert!(group.join_timeout(SHORT).is_none());
        assert!(group.join_timeout(Duration::ZERO).is_none());
        member.thread().unpark();
        drop(member);
        assert_eq!(group.join().count(), 0);
        assert!(is_done.is_up());
        assert!(group.is_empty());
        assert!(group.try_join().is_some());
        assert!(group.join_timeout(Duration::MAX).is_some());
    });
}

#[test]
fn group_reports_each_panic_with_the_members_name_place_and_message() {
    each_place(|place| {
        let group = Group::new();
        let named = place().name("teller".into());
        let line = line!();
        let member = group
            .spawn_with(named, || panic!("no {}", "coins"))
            .unwrap();
        let id = member.thread().id();
        drop(member);
        let member = group
            .spawn_with(place(), || std::panic::panic_any(7))
            .unwrap();
        drop(member);
        group.spawn_with(place(), || ()).unwrap();
        let report = group.join();
        assert_eq!(report.count(), 2);
        let mut failures = report.failures().to_vec();
        failures.sort_by_key(|failure| failure.name().is_none());
        assert_eq!(failures[0].id(), id);
        assert_eq!(failures[0].name(), Some("teller"));
        assert_eq!(failures[0].message(), "no coins");
        assert_eq!(failures[0].spawned_at().file(), file!());
        assert!((line..line + 4).contains(&failures[0].spawned_at().line()));
        assert_eq!(failures[1].message(), "Box<dyn Any>");
        let shown = failures[0].to_string();
        assert!(
            shown.starts_with("green thread 'teller' (spawned at "),
            "{shown}"
        );
        assert!(shown.ends_with("panicked: no coins"), "{shown}");
        assert!(
            report
                .to_string()
                .starts_with("2 members have panicked, first green thread ")
        );
        assert_eq!(group.join().count(), 0, "a panic is reported once");
    });
}

#[test]
fn member_that_was_joined_is_handled() {
    each_place(|place| {
        let group = Group::new();
        let first = group.spawn_with(place(), || panic!("first")).unwrap();
        let second = group.spawn_with(place(), || panic!("second")).unwrap();
        let third = group.spawn_with(place(), || panic!("third")).unwrap();
        assert_eq!(text(first.join().unwrap_err().as_ref()), "first");
        let joined = third.join_timeout(FOREVER).unwrap();
        assert_eq!(text(joined.unwrap_err().as_ref()), "third");
        drop(second);
        let report = group.join().into_result().unwrap_err();
        assert_eq!(report.count(), 1);
        assert_eq!(report.failures()[0].message(), "second");
    });
}

#[test]
fn member_that_was_joined_has_left_its_group() {
    each_place(|place| {
        for _ in 0..200 {
            let pool = Pool::new(1);
            let member = pool.spawn_with(place(), || ()).unwrap();
            member.join().unwrap();
            assert_eq!((pool.len(), pool.free_count()), (0, 1));
        }
    });
}

#[test]
fn group_cancel_ends_its_members_and_is_no_panic() {
    each_place(|place| {
        let group = Group::new();
        let census = Census::default();
        let mut members = Vec::new();
        for _ in 0..3 {
            let captured = census.make();
            let body = move || {
                let _captured = captured;
                thread::park();
            };
            members.push(group.spawn_with(place(), body).unwrap());
        }
        let ended = group.spawn_with(place(), || ()).unwrap();
        until(|| ended.is_finished());
        assert_eq!(group.cancel(), 3);
        assert_eq!(group.join().count(), 0);
        assert_eq!(census.dropped(), 3);
        for member in members {
            assert_eq!(member.cancel(), CancelOutcome::Finished);
            assert_cancelled(member.join());
        }
        assert_eq!(group.cancel(), 0);
    });
}

#[test]
fn member_cancelled_before_it_ran_leaves_and_its_captures_panic_is_reported() {
    struct Sour;
    impl Drop for Sour {
        fn drop(&mut self) {
            panic!("sour");
        }
    }
    let run = || {
        let pool = Pool::new(1);
        let captured = Sour;
        let body = move || {
            let _captured = captured;
            unreachable!("cancelled before it ran");
        };
        // On this worker, which is busy here: it cannot have run.
        let member = pool.spawn_with(Builder::new().worker(0), body).unwrap();
        member.cancel();
        drop(member);
        assert_eq!(pool.join().failures()[0].message(), "sour");
        assert_eq!(pool.free_count(), 1);
    };
    let _watchdog = crate::common::watchdog();
    crate::common::Rt::with_workers(1).run(run);
}

#[test]
fn group_waiter_is_cancelled_and_the_members_live_on() {
    on_every_runtime(|| {
        let group = Group::new();
        let member = group.spawn(thread::park);
        let theirs = group.clone();
        let waiter = thread::spawn(move || drop(theirs.join()));
        until(|| format!("{group:?}").contains("joining: 1"));
        waiter.cancel();
        assert_cancelled(waiter.join());
        assert!(format!("{group:?}").contains("joining: 0"));
        assert!(greenroom::timeout(SHORT, || group.join().count()).is_err());
        assert_eq!(group.len(), 1);
        member.thread().unpark();
        assert_eq!(group.join().count(), 0);
    });
}

#[test]
fn group_members_live_on_when_it_is_dropped() {
    everywhere(|| {
        let (is_done, group) = (Flag::default(), Group::new());
        let done = is_done.clone();
        let member = group.spawn(move || {
            thread::park();
            done.raise();
        });
        let thread = member.thread();
        drop((member, group));
        thread.unpark();
        until(|| is_done.is_up());
    });
}

#[test]
fn group_join_of_a_member_panics() {
    on_every_runtime(|| {
        let group = Group::new();
        let theirs = group.clone();
        let member = group.spawn(move || drop(theirs.join()));
        let payload = member.join().unwrap_err();
        assert!(text(payload.as_ref()).contains("a member cannot join its own group"));
    });
}

#[test]
fn group_lets_go_of_what_has_ended() {
    everywhere(|| {
        let group = Group::new();
        let census = Census::default();
        for _ in 0..500 {
            let captured = census.make();
            group.spawn(move || drop(captured));
        }
        until(|| group.is_empty());
        assert_eq!(census.dropped(), 500);
        for _ in 0..1100 {
            group.spawn(|| std::panic::resume_unwind(Box::new("silent")));
        }
        let report = group.join();
        assert_eq!(report.count(), 1100);
        assert_eq!(report.failures().len(), 1024, "more are not kept");
    });
}

#[test]
fn member_that_spawns_a_member_is_waited_for_too() {
    everywhere(|| {
        let (group, is_done) = (Group::new(), Flag::default());
        let (theirs, done) = (group.clone(), is_done.clone());
        group.spawn(move || {
            theirs.spawn(move || {
                thread::sleep(SHORT);
                done.raise();
            });
        });
        group.join();
        assert!(is_done.is_up());
    });
}

#[test]
fn apply_returns_the_value_or_re_raises_and_cancels_when_cancelled() {
    everywhere(|| {
        let pool = Pool::new(1);
        assert_eq!(pool.apply(|| 6 * 7), 42);
        let caught = catch_unwind(AssertUnwindSafe(|| pool.apply(|| panic!("oh no"))));
        assert_eq!(text(caught.unwrap_err().as_ref()), "oh no");
        assert_eq!(pool.join().count(), 0, "whoever applied has the panic");
        let late = greenroom::timeout(SHORT, || pool.apply(thread::park));
        assert!(late.is_err());
        pool.join();
        // In place: the pool is full of the caller.
        let theirs = pool.clone();
        let inner = move || theirs.apply(|| thread::current().id());
        let member = pool.spawn(inner);
        let id = member.thread().id();
        assert_eq!(member.join().unwrap(), id);
        let mut borrowed = 1;
        greenroom::group::apply(|| borrowed += 1);
        assert_eq!(borrowed, 2);
    });
}

#[test]
fn callback_runs_on_the_member_after_the_value_and_its_panic_is_reported() {
    everywhere(|| {
        let (group, called) = (Group::new(), Flag::default());
        let theirs = called.clone();
        let member = group.apply_async(
            || thread::current().id(),
            move |&id| {
                assert_eq!(thread::current().id(), id);
                theirs.raise();
            },
        );
        let id = member.thread().id();
        assert_eq!(member.join().unwrap(), id);
        assert!(called.is_up());
        group.apply_async(|| 1, |_| panic!("in the callback"));
        assert_eq!(group.join().failures()[0].message(), "in the callback");
        let not_called = Flag::default();
        let theirs = not_called.clone();
        let member =
            greenroom::group::apply_async(|| panic!("no value"), move |&()| theirs.raise());
        assert_eq!(text(member.join().unwrap_err().as_ref()), "no value");
        assert!(!not_called.is_up());
    });
}

#[test]
fn members_left_behind_by_their_runtime_count_as_ended() {
    const GRACE: Duration = Duration::from_millis(50);
    let _watchdog = crate::common::watchdog();
    for workers in [1, 2] {
        let runtime = greenroom::Runtime::builder()
            .workers(workers)
            .build()
            .unwrap();
        let pool = Pool::new(2);
        let (theirs, census) = (pool.clone(), Census::default());
        let members = runtime.run(|| {
            [census.clone(), census.clone()].map(|census| {
                theirs.spawn(move || {
                    greenroom::shield(|| {
                        let _never_dropped = census.make();
                        thread::sleep(FOREVER);
                    });
                })
            })
        });
        until(|| census.made() == 2);
        let theirs = pool.clone();
        let waiter = runtime.spawn(move || greenroom::shield(|| theirs.join().count()));
        until(|| format!("{pool:?}").contains("joining: 1"));
        let theirs = pool.clone();
        let outside = std::thread::spawn(move || theirs.join().count());
        until(|| format!("{pool:?}").contains("joining: 2"));
        let report = runtime.shutdown(GRACE);
        // With a worker of its own the waiter may see the members' end before it is left behind too.
        if workers == 1 {
            assert_eq!(report.abandoned.len(), 3);
            let reasons = report.abandoned.join("\n");
            assert!(reasons.contains("waiting for a group at 0x"), "{reasons}");
        }
        assert_eq!(outside.join().unwrap(), 0);
        assert_eq!((pool.len(), pool.free_count()), (0, 2));
        if let Ok(panics) = waiter.join() {
            assert_eq!((panics, workers), (0, 2));
        }
        for (_, result) in greenroom::group::as_completed(members) {
            assert_cancelled(result);
        }
    }
}
