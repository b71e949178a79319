//! One greenlet: started, asked, joined, killed.

use crate::common::{Census, Flag, until};
use crate::{LONG, SHORT, everywhere};
use greenroom::gevent::{self, GetError, Greenlet, GreenletExit};
use greenroom::thread::park;
use std::time::{Duration, Instant};

/// `started`, `ready`, `dead`, `successful`, `value`, `exception`.
#[track_caller]
fn assert_is(
    greenlet: &Greenlet<u32>,
    states: [bool; 4],
    value: Option<u32>,
    raised: Option<&str>,
) {
    let seen = [
        greenlet.started(),
        greenlet.ready(),
        greenlet.dead(),
        greenlet.successful(),
    ];
    assert_eq!(seen, states, "started, ready, dead, successful");
    assert_eq!(greenlet.value(), value);
    let exception = greenlet.exception();
    assert_eq!(exception.as_ref().map(|raised| raised.message()), raised);
}

#[test]
fn greenlet_started_twice_runs_once_and_keeps_its_value() {
    everywhere(|| {
        let census = Census::default();
        let theirs = census.clone();
        let greenlet = Greenlet::new(move || {
            drop(theirs.make());
            7
        });
        assert_is(&greenlet, [false; 4], None, None);
        greenlet.start();
        greenlet.start();
        greenlet.start_later(Duration::ZERO);
        assert!(greenlet.join(LONG));
        assert_is(&greenlet, [false, true, true, true], Some(7), None);
        assert_eq!(greenlet.get(true, None).unwrap(), 7);
        assert_eq!(greenlet.get(false, None).unwrap(), 7);
        greenlet.start();
        assert_eq!(census.made(), 1);
    });
}

#[test]
fn greenlet_that_panics_shows_its_exception_to_all_and_its_payload_to_one() {
    everywhere(|| {
        let greenlet: Greenlet<u32> = gevent::spawn(|| panic!("oh {}", String::from("no")));
        let again = greenlet.clone();
        assert!(again.join(None));
        assert_is(&greenlet, [false, true, true, false], None, Some("oh no"));
        let Err(GetError::Raised(raised)) = again.get(true, None) else {
            panic!("not raised");
        };
        let payload = raised.take_payload().unwrap();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "oh no");
        assert!(greenlet.exception().unwrap().take_payload().is_none());
    });
}

#[test]
fn greenlet_waiting_is_started_and_get_gives_up_in_time() {
    everywhere(|| {
        let greenlet: Greenlet<u32> = gevent::spawn(|| {
            park();
            1
        });
        assert_is(&greenlet, [true, false, false, false], None, None);
        assert!(!greenlet.join(SHORT));
        let late = greenlet.get(true, SHORT);
        assert!(matches!(late, Err(GetError::TimedOut(t)) if t.seconds() == Some(SHORT)));
        assert!(matches!(
            greenlet.get(false, None),
            Err(GetError::TimedOut(_))
        ));
        greenlet.thread().unwrap().unpark();
        assert_eq!(greenlet.get(true, LONG).unwrap(), 1);
    });
}

#[test]
fn kill_of_an_unstarted_one_drops_its_closure_and_it_never_runs() {
    everywhere(|| {
        let dropped = Flag::default();
        let guard = dropped.on_drop();
        let greenlet: Greenlet<u32> = Greenlet::new(move || {
            drop(guard);
            unreachable!("it was killed")
        });
        assert!(greenlet.kill(true, None));
        assert!(dropped.is_up());
        assert_is(&greenlet, [false, true, true, true], None, None);
        greenlet.start();
        assert!(greenlet.join(LONG));
        assert!(matches!(
            greenlet.get(true, None),
            Err(GetError::Killed(GreenletExit))
        ));
    });
}

#[test]
fn kill_of_one_spawned_and_not_yet_run_counts_as_killed() {
    everywhere(|| {
        let dropped = Flag::default();
        let guard = dropped.on_drop();
        let greenlet: Greenlet<u32> = gevent::spawn(move || {
            park();
            drop(guard);
            1
        });
        assert!(greenlet.kill(true, LONG));
        assert!(dropped.is_up());
        assert_is(&greenlet, [false, true, true, true], None, None);
    });
}

#[test]
fn kill_of_a_running_one_returns_when_its_destructors_are_through() {
    everywhere(|| {
        let (running, dropped) = (Flag::default(), Flag::default());
        let (theirs, guard) = (running.clone(), dropped.on_drop());
        let greenlet: Greenlet<u32> = gevent::spawn(move || {
            let _guard = guard;
            theirs.raise();
            park();
            1
        });
        until(|| running.is_up());
        assert!(greenlet.kill(true, None));
        assert!(dropped.is_up());
        assert_is(&greenlet, [false, true, true, true], None, None);
    });
}

#[test]
fn kill_without_block_asks_and_with_a_timeout_gives_up_on_a_shielded_one() {
    everywhere(|| {
        let running = Flag::default();
        let theirs = running.clone();
        let greenlet: Greenlet<u32> = gevent::spawn(move || {
            greenroom::shield(|| {
                theirs.raise();
                park();
            });
            2
        });
        until(|| running.is_up());
        assert!(!greenlet.kill(false, None));
        assert!(!greenlet.kill(true, SHORT));
        assert!(greenlet.started());
        greenlet.thread().unwrap().unpark();
        // It reaches its end without another call that parks.
        assert_eq!(greenlet.get(true, LONG).unwrap(), 2);
    });
}

#[test]
fn kill_of_a_finished_one_changes_nothing() {
    everywhere(|| {
        let greenlet = gevent::spawn(|| 7);
        greenlet.join(None);
        assert!(greenlet.kill(true, None) && greenlet.kill(false, None));
        assert_is(&greenlet, [false, true, true, true], Some(7), None);
    });
}

#[test]
fn kill_of_oneself_unwinds_there() {
    everywhere(|| {
        let own: &'static std::sync::OnceLock<Greenlet<u32>> =
            Box::leak(Box::new(std::sync::OnceLock::new()));
        let greenlet = Greenlet::new(|| {
            own.get().unwrap().kill(true, None);
            1
        });
        own.set(greenlet.clone()).unwrap();
        greenlet.start();
        assert!(greenlet.join(LONG));
        assert_is(&greenlet, [false, true, true, true], None, None);
    });
}

#[test]
fn panic_with_greenlet_exit_is_a_kill() {
    everywhere(|| {
        let greenlet: Greenlet<u32> =
            gevent::spawn(|| std::panic::resume_unwind(Box::new(GreenletExit)));
        greenlet.join(None);
        assert_is(&greenlet, [false, true, true, true], None, None);
    });
}

#[test]
fn greenlet_that_joins_itself_panics() {
    everywhere(|| {
        let own: &'static std::sync::OnceLock<Greenlet<bool>> =
            Box::leak(Box::new(std::sync::OnceLock::new()));
        let greenlet = Greenlet::new(|| own.get().unwrap().join(None));
        own.set(greenlet.clone()).unwrap();
        greenlet.start();
        assert!(greenlet.join(LONG));
        assert!(
            greenlet
                .exception()
                .unwrap()
                .message()
                .contains("join itself")
        );
    });
}

#[test]
fn spawn_later_waits_that_long_and_can_be_killed_before() {
    everywhere(|| {
        let start = Instant::now();
        let greenlet = gevent::spawn_later(SHORT, || 7);
        assert!(greenlet.started());
        assert_eq!(greenlet.get(true, None).unwrap(), 7);
        assert!(start.elapsed() >= SHORT);

        let never = gevent::spawn_later(LONG, || unreachable!("killed before"));
        assert!(never.kill(true, None));
        let exit: Result<(), GetError> = never.get(true, None);
        assert!(matches!(exit, Err(GetError::Killed(_))));
    });
}

#[test]
fn join_of_an_unstarted_one_waits_for_its_start() {
    everywhere(|| {
        let greenlet = Greenlet::new(|| 7);
        assert!(!greenlet.join(SHORT));
        let starter = greenlet.clone();
        greenroom::thread::spawn(move || starter.start());
        assert_eq!(greenlet.get(true, LONG).unwrap(), 7);
    });
}

#[test]
fn greenlet_left_behind_by_its_runtime_counts_as_ended() {
    let _watchdog = crate::common::watchdog();
    let runtime = greenroom::Runtime::builder().workers(1).build().unwrap();
    let running = Flag::default();
    let theirs = running.clone();
    let greenlet: Greenlet<u32> = runtime.run(move || {
        let greenlet = gevent::spawn(move || {
            greenroom::shield(|| {
                theirs.raise();
                park();
            });
            1
        });
        until(|| running.is_up());
        greenlet
    });
    runtime.shutdown(SHORT);
    assert!(greenlet.join(LONG));
    assert_eq!(
        gevent::joinall([&greenlet], LONG, false, None)
            .unwrap()
            .len(),
        1
    );
    assert!(greenlet.dead());
}

#[test]
fn value_is_dropped_with_the_last_handle() {
    everywhere(|| {
        let census = Census::default();
        let theirs = census.clone();
        let greenlet = gevent::spawn(move || theirs.make());
        greenlet.join(None);
        let again = greenlet.clone();
        drop(greenlet);
        assert!(again.value_ref().is_some());
        assert_eq!(census.dropped(), 0);
        drop(again);
        assert_eq!((census.made(), census.dropped()), (1, 1));
    });
}

/// Parks before it tells that it is dropped.
struct Slow(Flag);

impl Drop for Slow {
    fn drop(&mut self) {
        gevent::sleep(SHORT);
        self.0.raise();
    }
}

greenroom::thread_local! {
    static SLOW: std::cell::RefCell<Option<Slow>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn join_returns_when_the_locals_are_gone() {
    everywhere(|| {
        let gone = Flag::default();
        let theirs = gone.clone();
        let greenlet = gevent::spawn(move || SLOW.set(Some(Slow(theirs))));
        until(|| greenlet.ready());
        assert!(greenlet.join(LONG));
        assert!(gone.is_up());
    });
}

#[test]
fn greenlet_of_many_threads_at_once_starts_or_dies_once() {
    everywhere(|| {
        for round in 0..200 {
            let census = Census::default();
            let theirs = census.clone();
            let made = census.make();
            let greenlet = Greenlet::new(move || {
                drop(made);
                drop(theirs.make());
            });
            std::thread::scope(|s| {
                s.spawn(|| greenlet.start());
                s.spawn(|| greenlet.kill(round % 2 == 0, None));
                s.spawn(|| gevent::joinall([&greenlet], None, false, None).is_ok());
            });
            assert!(greenlet.join(LONG) && greenlet.successful());
            assert_eq!(census.made(), census.dropped());
            assert_eq!(census.made(), 1 + usize::from(greenlet.value().is_some()));
        }
    });
}
