//! Links: before the end and after it, by kind of end, and taken off.

use crate::common::{Flag, is_child, let_others_run, run_as_child, until};
use crate::{LONG, everywhere};
use greenroom::gevent::{self, Greenlet};
use greenroom::queue::Queue;
use greenroom::thread::park;
use std::sync::Arc;

type Heard = Arc<Queue<&'static str>>;

fn link_all(greenlet: &Greenlet<u32>, heard: &Heard) {
    let hear = |what| {
        let heard = Arc::clone(heard);
        move |greenlet: Greenlet<u32>| {
            assert!(greenlet.ready());
            heard.put(what).unwrap();
        }
    };
    greenlet.link(hear("end"));
    greenlet.link_value(hear("value"));
    greenlet.link_exception(hear("exception"));
}

/// The next two things heard, sorted; nothing else comes.
#[track_caller]
fn assert_heard(heard: &Heard, expected: [&str; 2]) {
    let mut seen = [(); 2].map(|()| heard.get_timeout(LONG).unwrap());
    seen.sort_unstable();
    assert_eq!(seen, expected);
    let_others_run();
    assert!(heard.try_get().is_err());
}

#[test]
fn links_run_by_kind_of_end_before_it_and_after_it() {
    type Make = fn() -> Greenlet<u32>;
    let ends: [(Make, [&str; 2]); 3] = [
        (|| Greenlet::new(|| 7), ["end", "value"]),
        (|| Greenlet::new(|| panic!("oh no")), ["end", "exception"]),
        (
            || {
                Greenlet::new(|| {
                    park();
                    7
                })
            },
            ["end", "value"],
        ),
    ];
    everywhere(|| {
        for (is_killed, (make, expected)) in [false, false, true].into_iter().zip(ends) {
            let heard: Heard = Arc::new(Queue::unbounded());
            let greenlet = make();
            link_all(&greenlet, &heard);
            greenlet.start();
            if is_killed {
                greenlet.kill(false, None);
            }
            assert_heard(&heard, expected);
            assert!(greenlet.join(LONG));
            link_all(&greenlet, &heard);
            assert_heard(&heard, expected);
        }
    });
}

#[test]
fn link_of_one_killed_before_its_start_runs() {
    everywhere(|| {
        let heard: Heard = Arc::new(Queue::unbounded());
        let greenlet = Greenlet::new(|| 7);
        link_all(&greenlet, &heard);
        greenlet.kill(true, None);
        assert_heard(&heard, ["end", "value"]);
    });
}

#[test]
fn link_taken_off_is_dropped_and_never_runs() {
    everywhere(|| {
        let dropped = [Flag::default(), Flag::default()];
        let greenlet = gevent::spawn(park);
        let ids = dropped.each_ref().map(|flag| {
            let guard = flag.on_drop();
            greenlet.link(move |_| {
                drop(guard);
                unreachable!("it was taken off")
            })
        });
        assert!(greenlet.unlink(ids[0]));
        assert!(dropped[0].is_up() && !dropped[1].is_up());
        greenlet.unlink_all();
        assert!(dropped[1].is_up() && !greenlet.unlink(ids[1]));
        greenlet.kill(true, None);
        let_others_run();
    });
}

#[test]
fn link_may_park_and_its_panic_is_its_own() {
    everywhere(|| {
        let heard: Heard = Arc::new(Queue::unbounded());
        let theirs = Arc::clone(&heard);
        let greenlet = Greenlet::new(|| 7);
        greenlet.link(|_| panic!("in a link"));
        greenlet.link(move |greenlet| {
            greenlet.join(None);
            gevent::sleep(crate::SHORT);
            theirs.put("late").unwrap();
        });
        greenlet.start();
        assert_eq!(greenlet.get(true, None).unwrap(), 7);
        assert_eq!(heard.get_timeout(LONG), Ok("late"));
    });
}

#[test]
fn panic_in_a_link_is_reported_by_its_greenlets_name_and_where_it_was_linked() {
    let name = "links::panic_in_a_link_is_reported_by_its_greenlets_name_and_where_it_was_linked";
    if is_child() {
        let reported = Flag::default();
        let guard = reported.on_drop();
        let greenlet = Greenlet::with_name("reader", || 7);
        greenlet.link(move |_| {
            let _guard = guard;
            panic!("in a link");
        });
        greenlet.start();
        return until(|| reported.is_up());
    }
    let child = run_as_child(name);
    let report = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{report}");
    let expected = "'link of reader' (spawned at tests/gevent/links.rs:";
    assert!(report.contains(expected), "{report}");
}

#[test]
fn greenlet_that_returns_an_error_is_successful() {
    everywhere(|| {
        let heard: Arc<Queue<&str>> = Arc::new(Queue::unbounded());
        let greenlet = Greenlet::new(|| Err::<u32, _>("refused"));
        let (value, exception) = (Arc::clone(&heard), Arc::clone(&heard));
        greenlet.link_value(move |_| value.put("value").unwrap());
        greenlet.link_exception(move |_| exception.put("exception").unwrap());
        greenlet.start();
        let joined = gevent::joinall([&greenlet], LONG, true, None);
        assert_eq!(joined.unwrap().len(), 1);
        assert!(greenlet.successful() && greenlet.exception().is_none());
        assert_eq!(greenlet.value(), Some(Err("refused")));
        assert_eq!(heard.get_timeout(LONG), Ok("value"));
        let_others_run();
        assert!(heard.try_get().is_err());
    });
}
