//! `kill` and `killall` by whoever is about to end itself: nobody else is left out.

use crate::common::{Census, Flag, until};
use crate::{LONG, SHORT, everywhere};
use greenroom::gevent::{self, Greenlet, Killable, Timeout};
use greenroom::thread::park;
use std::sync::{Arc, OnceLock};

fn parked(number: usize) -> Vec<Greenlet<()>> {
    (0..number).map(|_| gevent::spawn(park)).collect()
}

#[track_caller]
fn assert_killed(jobs: &[Greenlet<()>]) {
    assert!(jobs.iter().all(|job| job.join(LONG) && job.successful()));
}

#[test]
fn killall_by_one_of_the_list_kills_the_others_and_then_itself() {
    everywhere(|| {
        for (place, block) in [(0, true), (0, false), (2, true), (2, false), (4, true)] {
            // Two that wait, two that were never started.
            let mut jobs = parked(2);
            jobs.extend((0..2).map(|_| Greenlet::new(park)));
            let own: Arc<OnceLock<Greenlet<()>>> = Arc::default();
            let (theirs, list) = (Arc::clone(&own), jobs.clone());
            let returned = Flag::default();
            let tell = returned.clone();
            let killer = Greenlet::new(move || {
                let mut list = list;
                list.insert(place, theirs.get().unwrap().clone());
                gevent::killall(&list, block, None).unwrap();
                tell.raise();
                park();
                unreachable!("it has killed itself");
            });
            own.set(killer.clone()).unwrap();
            killer.start();
            assert_killed(&jobs);
            assert_killed(&[killer]);
            assert_eq!(returned.is_up(), !block);
        }
    });
}

/// Kills one and then all, on its way out.
struct Killer(Greenlet<()>, Vec<Greenlet<()>>);

impl Drop for Killer {
    fn drop(&mut self) {
        gevent::kill(&self.0);
        gevent::killall(&self.1, false, None).unwrap();
    }
}

#[test]
fn kill_by_one_that_was_cancelled_is_not_lost() {
    everywhere(|| {
        let jobs = parked(3);
        let (shielded, list) = (Flag::default(), jobs.clone());
        let tell = shielded.clone();
        let killer = gevent::spawn(move || {
            greenroom::shield(|| {
                tell.raise();
                park();
            });
            // Cancelled by now; neither call is where it unwinds.
            gevent::kill(&list[0]);
            gevent::killall(&list[1..], false, None).unwrap();
            park();
            unreachable!("it was cancelled");
        });
        until(|| shielded.is_up());
        killer.kill(false, None);
        killer.thread().unwrap().unpark();
        assert!(killer.join(LONG) && killer.successful());
        assert_killed(&jobs);
    });
}

#[test]
fn kill_by_a_destructor_of_one_that_unwinds_is_not_lost() {
    everywhere(|| {
        let jobs = parked(3);
        let killer = Killer(jobs[0].clone(), jobs[1..].to_vec());
        let running = Flag::default();
        let tell = running.clone();
        let dying = gevent::spawn(move || {
            let _killer = killer;
            tell.raise();
            park();
        });
        until(|| running.is_up());
        assert!(dying.kill(true, LONG));
        assert_killed(&jobs);
    });
}

#[test]
fn kill_past_a_timeout_is_not_lost() {
    everywhere(|| {
        let jobs = parked(4);
        let list = jobs.clone();
        let late = Timeout::new(SHORT).run(|| {
            let start = std::time::Instant::now();
            while start.elapsed() < SHORT * 2 {
                std::hint::spin_loop();
            }
            gevent::kill(&list[0]);
            gevent::killall(&list[1..3], false, None).unwrap();
            // This one waits: it asks, and unwinds then.
            let _ = gevent::killall(&list[3..], true, None);
            unreachable!("the time is up");
        });
        assert!(late.is_err());
        assert_killed(&jobs);
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

#[test]
fn killall_past_a_destructor_that_panics_has_killed_the_others() {
    everywhere(|| {
        let bomb = Bomb;
        let armed = Greenlet::new(move || std::mem::forget(bomb));
        let mut jobs = vec![armed];
        jobs.extend(parked(2));
        let list = jobs.clone();
        let killer = gevent::spawn(move || gevent::killall(&list, true, None).is_ok());
        assert!(killer.join(LONG));
        assert_eq!(killer.exception().unwrap().message(), "in a destructor");
        assert_killed(&jobs);
    });
}

/// Joins a greenlet when it is dropped, and says so.
struct Joins(Greenlet<()>, Flag);

impl Drop for Joins {
    fn drop(&mut self) {
        assert!(self.0.join(LONG));
        self.1.raise();
    }
}

#[test]
fn destructor_of_a_dropped_link_finds_its_greenlet_ended() {
    everywhere(|| {
        let greenlet = Greenlet::new(park);
        let joined = Flag::default();
        let joins = Joins(greenlet.clone(), joined.clone());
        greenlet.link_exception(move |_| drop(joins));
        assert!(greenlet.kill(true, LONG));
        assert!(joined.is_up());
    });
}

#[test]
fn killall_takes_greenlets_of_several_types() {
    everywhere(|| {
        let census = Census::default();
        let theirs = census.make();
        let made = gevent::spawn(move || {
            park();
            theirs
        });
        let number: Greenlet<u32> = Greenlet::new(|| unreachable!("killed before"));
        let jobs: [&dyn Killable; 2] = [&made, &number];
        gevent::killall(jobs, true, LONG).unwrap();
        assert!(made.dead() && number.dead());
        assert_eq!((census.made(), census.dropped()), (1, 1));
        gevent::killall([made], true, None).unwrap();
    });
}
