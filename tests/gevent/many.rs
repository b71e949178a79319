//! `joinall`, `wait`, `iwait`, `killall`.

use crate::common::Flag;
use crate::{LONG, SHORT, everywhere};
use greenroom::gevent::event::{AsyncResult, Event};
use greenroom::gevent::{self, Greenlet, Object};
use greenroom::thread::park;
use std::sync::Arc;

fn parked(number: usize) -> Vec<Greenlet<()>> {
    (0..number).map(|_| gevent::spawn(park)).collect()
}

fn unpark(greenlet: &Greenlet<()>) {
    greenlet.thread().unwrap().unpark();
}

#[test]
fn joinall_waits_for_all_for_a_count_or_for_the_timeout() {
    everywhere(|| {
        let jobs = parked(4);
        assert_eq!(gevent::joinall(&jobs, SHORT, false, None).unwrap(), []);
        unpark(&jobs[2]);
        let first = gevent::joinall(&jobs, LONG, false, 1).unwrap();
        assert_eq!(first, [jobs[2].clone()]);
        let in_time = gevent::joinall(&jobs, SHORT, false, None).unwrap();
        assert_eq!(in_time, first);
        jobs.iter().for_each(unpark);
        assert_eq!(gevent::joinall(&jobs, None, false, None).unwrap().len(), 4);
        assert_eq!(gevent::joinall(&jobs, None, false, 0).unwrap(), []);
    });
}

#[test]
fn joinall_that_raises_does_so_at_the_first_exception() {
    everywhere(|| {
        let waiting = gevent::spawn(park);
        let failing = gevent::spawn(|| panic!("oh no"));
        let jobs = [waiting, failing];
        let raised = gevent::joinall(&jobs, None, true, None).unwrap_err();
        assert_eq!(raised.message(), "oh no");
        assert!(jobs[0].started());
        assert_eq!(gevent::joinall(&jobs, None, false, 1).unwrap().len(), 1);
        assert!(jobs[0].kill(true, None));
    });
}

#[test]
fn iwait_yields_ten_thousand_once_each() {
    everywhere(|| {
        let jobs: Vec<Greenlet<usize>> = (0..10_000).map(|n| gevent::spawn(move || n)).collect();
        let mut seen: Vec<usize> = gevent::iwait(&jobs, LONG)
            .map(|job| job.value().unwrap())
            .collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..10_000));
    });
}

#[test]
fn wait_takes_greenlets_events_and_results_as_they_happen() {
    everywhere(|| {
        let greenlet = gevent::spawn(park);
        let event = Arc::new(Event::new());
        let result: Arc<AsyncResult<u8, ()>> = Arc::new(AsyncResult::new());
        let objects: [&dyn Object; 3] = [&greenlet, &event, &result];
        assert!(gevent::wait(objects, SHORT, None).is_empty());
        event.set();
        assert_eq!(gevent::wait(objects, LONG, 1).len(), 1);
        let mut ready = gevent::iwait(objects, LONG);
        assert!(ready.next().is_some());
        result.set(1).unwrap();
        assert!(ready.next().is_some());
        unpark(&greenlet);
        assert!(ready.next().is_some());
        assert!(ready.next().is_none());
        assert_eq!(gevent::wait(objects, None, None).len(), 3);
    });
}

#[test]
fn wait_for_events_gives_those_that_were_set() {
    everywhere(|| {
        let events: Vec<Arc<Event>> = (0..3).map(|_| Arc::default()).collect();
        let setter = Arc::clone(&events[1]);
        greenroom::thread::spawn(move || setter.set());
        let ready = gevent::wait(&events, LONG, 1);
        assert_eq!(ready.len(), 1);
        assert!(Arc::ptr_eq(ready[0], &events[1]));
    });
}

#[test]
fn iwait_dropped_early_lets_go_of_what_it_waited_for() {
    everywhere(|| {
        let event: Arc<Event> = Arc::default();
        let jobs = parked(2);
        let unstarted = Greenlet::new(park);
        {
            let objects: [&dyn Object; 4] = [&event, &jobs[0], &jobs[1], &unstarted];
            assert!(gevent::iwait(objects, SHORT).next().is_none());
        }
        crate::common::until(|| Arc::strong_count(&event) == 1);
        unstarted.kill(true, None);
        gevent::killall(&jobs, true, None).unwrap();
    });
}

#[test]
fn iwait_sees_a_start_and_a_kill_that_come_later() {
    everywhere(|| {
        let jobs = [Greenlet::new(|| 1), Greenlet::new(|| 2)];
        let mut ready = gevent::iwait(&jobs, LONG);
        jobs[1].start();
        assert_eq!(ready.next(), Some(&jobs[1]));
        jobs[0].kill(true, None);
        assert_eq!(ready.next(), Some(&jobs[0]));
        assert_eq!(ready.next(), None);
    });
}

#[test]
fn killall_kills_unstarted_running_and_finished_ones() {
    everywhere(|| {
        let finished = gevent::spawn(|| ());
        finished.join(None);
        let jobs = [Greenlet::new(park), gevent::spawn(park), finished];
        gevent::killall(&jobs, true, LONG).unwrap();
        assert!(jobs.iter().all(|job| job.dead() && job.successful()));
        let few = parked(2);
        gevent::killall(&few, false, None).unwrap();
        assert_eq!(gevent::joinall(&few, LONG, true, None).unwrap().len(), 2);
    });
}

#[test]
fn killall_gives_up_when_the_time_is_up() {
    everywhere(|| {
        let shielded = Flag::default();
        let theirs = shielded.clone();
        let job = gevent::spawn(move || {
            greenroom::shield(|| {
                theirs.raise();
                park();
            });
        });
        crate::common::until(|| shielded.is_up());
        let late = gevent::killall([&job], true, SHORT).unwrap_err();
        assert_eq!(late.seconds(), Some(SHORT));
        unpark(&job);
        assert!(job.join(LONG));
    });
}

#[test]
fn kill_by_itself_asks_and_does_not_wait() {
    everywhere(|| {
        let job = gevent::spawn(park);
        gevent::kill(&job);
        assert!(job.join(LONG) && job.successful());
    });
}

#[test]
fn wait_for_many_that_is_cancelled_leaves_them_alone() {
    everywhere(|| {
        let jobs = parked(2);
        let theirs = jobs.clone();
        let waiting = gevent::spawn(move || gevent::joinall(&theirs, None, false, None).is_ok());
        assert!(!waiting.join(SHORT));
        assert!(waiting.kill(true, LONG));
        assert!(jobs.iter().all(Greenlet::started));
        gevent::killall(&jobs, true, LONG).unwrap();
    });
}
