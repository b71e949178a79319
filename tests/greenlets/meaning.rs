//! What switching does: values both ways, parents, ends, throw and kill.

use crate::common::everywhere;
use crate::complaint::{complaint, payload};
use crate::journal::Journal;
use greenroom::greenlet::{Greenlet, GreenletExit};
use std::cell::OnceCell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// A greenlet that others must know before it is made.
type Later<T> = Rc<OnceCell<Greenlet<T>>>;

fn know<T>(later: &Later<T>) -> Greenlet<T> {
    later.get().expect("made before it is switched to").clone()
}

#[test]
fn notes_dance_prints_what_it_says_there() {
    everywhere(|| {
        let journal = Journal::default();
        let gr2 = Later::default();
        let (partner, notes) = (Rc::clone(&gr2), journal.clone());
        let gr1 = Greenlet::new(move |()| {
            notes.note("in test1 12");
            know(&partner).switch(());
            notes.note("in test1 34");
            know(&partner).switch(());
        });
        let (partner, notes) = (gr1.clone(), journal.clone());
        let test2 = move |()| {
            notes.note("in test2 56");
            partner.switch(());
            notes.note("in test2 78");
        };
        gr2.set(Greenlet::new(test2)).unwrap();
        gr1.switch(());
        assert_eq!(
            journal.take(),
            "in test1 12 in test2 56 in test1 34 in test2 78"
        );
        // The second one has ended, and its parent went on; the first still waits for it.
        assert!(gr2.get().unwrap().is_dead());
        assert!(gr1.is_active() && !gr1.is_dead());
        assert!(Greenlet::<()>::current() != gr1);
    });
}

#[test]
fn values_go_both_ways_and_the_return_value_to_the_parent() {
    everywhere(|| {
        let main = Greenlet::<String>::current();
        let back = main.clone();
        let polite = Greenlet::new(move |name: String| {
            let answer = back.switch(format!("hello {name}"));
            let answer = back.switch(format!("so you {answer}"));
            format!("bye, {answer}")
        });
        assert!(!polite.is_active() && !polite.is_dead());
        assert_eq!(polite.switch("eva".into()), "hello eva");
        assert!(polite.is_active());
        assert_eq!(polite.switch("dance".into()), "so you dance");
        assert_eq!(polite.switch("eva".into()), "bye, eva");
        assert!(polite.is_dead() && !polite.is_active());
        assert!(main.is_active());
        assert_eq!(main.switch("to myself".into()), "to myself");
    });
}

#[test]
fn three_greenlets_pass_a_number_around() {
    everywhere(|| {
        let ring: [Later<u32>; 3] = Default::default();
        let main = Greenlet::<u32>::current();
        for n in 0..3 {
            let (next, main) = (Rc::clone(&ring[(n + 1) % 3]), main.clone());
            let body = move |mut value: u32| {
                loop {
                    value = match value {
                        1000.. => main.switch(value),
                        _ => know(&next).switch(value + 1),
                    };
                }
            };
            ring[n].set(Greenlet::new(body)).unwrap();
        }
        assert_eq!(know(&ring[0]).switch(0), 1000);
        assert_eq!(know(&ring[2]).switch(500), 1000);
        assert!(ring.iter().all(|one| know(one).is_active()));
        // They hold each other's handles: ended by hand, or never freed.
        ring.iter().for_each(|one| know(one).kill());
    });
}

#[test]
fn current_is_the_running_one_and_parents_are_who_made_them() {
    everywhere(|| {
        let main = Greenlet::<u32>::current();
        assert!(main == Greenlet::current());
        assert!(main.parent().is_none());
        let place = Later::<u32>::default();
        let (own, root) = (Rc::clone(&place), main.clone());
        let outer = Greenlet::new(move |n| {
            let me = Greenlet::current();
            assert!(me == know(&own) && me != root);
            let child = Greenlet::new(|n: u32| n * 10);
            assert!(child.parent() == Some(me.clone()));
            assert!(me.parent() == Some(root));
            child.switch(n) + 1
        });
        place.set(outer.clone()).unwrap();
        assert_eq!(outer.switch(4), 41);
        assert!(Greenlet::current() == main);
        assert!(format!("{main:?}").contains("is_main: true"));
    });
}

#[test]
fn end_goes_to_the_parent_that_lives() {
    everywhere(|| {
        let grandparent = Greenlet::new(|n: u32| n + 1000);
        let parent = Greenlet::with_parent(&grandparent, |n: u32| n + 100);
        let child = Greenlet::with_parent(&parent, |n: u32| n + 10);
        // Through all three, of which two had not begun.
        assert_eq!(child.switch(1), 1111);
        assert!([&child, &parent, &grandparent].iter().all(|g| g.is_dead()));
        let main = Greenlet::current();
        let waiting = Greenlet::new(move |n: u32| main.switch(n) + 1000);
        let dead = Greenlet::with_parent(&waiting, |n: u32| n);
        let child = Greenlet::with_parent(&dead, |n: u32| n + 10);
        assert_eq!(waiting.switch(5), 5);
        // Its parent waits for a value, and goes on with none.
        let text = complaint(|| dead.kill());
        assert_eq!(
            text,
            "the greenlet has ended by GreenletExit and gives back no value"
        );
        assert!(dead.is_dead() && waiting.is_dead());
        // All dead: the main one.
        assert_eq!(child.switch(1), 11);
    });
}

#[test]
fn parent_can_be_changed_but_not_into_a_circle() {
    everywhere(|| {
        let add = Greenlet::new(|n: u32| n + 1);
        let double = Greenlet::new(|n: u32| 2 * n);
        let last = Greenlet::with_parent(&double, |n: u32| n);
        add.set_parent(&last);
        assert_eq!(complaint(|| double.set_parent(&add)), "cyclic parent chain");
        assert_eq!(complaint(|| add.set_parent(&add)), "cyclic parent chain");
        let main = Greenlet::current();
        assert_eq!(
            complaint(|| main.set_parent(&add)),
            "a main greenlet has no parent"
        );
        assert!(add.parent() == Some(last.clone()));
        assert_eq!(add.switch(3), 8);
        assert!(last.is_dead() && double.is_dead());
        add.set_parent(&main);
    });
}

#[test]
fn panic_of_a_body_goes_on_in_its_parent() {
    everywhere(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let parent = Greenlet::new(move |n: u32| {
            let child = Greenlet::new(|_: u32| panic::resume_unwind(Box::new("the child's")));
            theirs.note(complaint(|| child.switch(n)));
            assert!(child.is_dead());
            panic::resume_unwind(Box::new(String::from("the parent's")))
        });
        let payload = payload(|| parent.switch(1));
        assert_eq!(*payload.downcast::<String>().unwrap(), "the parent's");
        assert_eq!(journal.take(), "the child's");
        assert!(parent.is_dead());
    });
}

#[test]
fn throw_is_raised_where_the_greenlet_waits() {
    everywhere(|| {
        let main = Greenlet::<String>::current();
        let careful = Greenlet::new(move |n| {
            let payload = payload(|| main.switch(n));
            let answer = format!("caught {}", payload.downcast_ref::<u32>().unwrap());
            main.switch(answer)
        });
        careful.switch("begin".into());
        assert_eq!(careful.throw(Box::new(7_u32)), "caught 7");
        assert_eq!(
            complaint(|| careful.throw(Box::new("not caught"))),
            "not caught"
        );
        assert!(careful.is_dead());
        let fresh = Greenlet::new(|n: String| n);
        assert_eq!(
            complaint(|| fresh.throw(Box::new("too early"))),
            "too early"
        );
        assert!(fresh.is_dead());
        let dead = complaint(|| fresh.throw(Box::new("too late")));
        assert_eq!(dead, "too late");
        let own = Greenlet::<String>::current();
        assert_eq!(complaint(|| own.throw(Box::new("to myself"))), "to myself");
    });
}

#[test]
fn kill_unwinds_a_body_unless_it_catches_that() {
    everywhere(|| {
        let journal = Journal::default();
        let notes = || {
            let (held, main) = (journal.at_drop("held"), Greenlet::<u32>::current());
            move |n| {
                let _held = held;
                main.switch(n)
            }
        };
        let fresh = Greenlet::new(notes());
        fresh.kill();
        assert!(fresh.is_dead());
        assert_eq!(journal.take(), "held");
        let suspended = Greenlet::new(notes());
        suspended.switch(1);
        suspended.kill();
        suspended.kill();
        assert!(suspended.is_dead());
        assert_eq!(journal.take(), "held");
        let main = Greenlet::<u32>::current();
        let deaf = Greenlet::new(move |n| {
            let exit = catch_unwind(AssertUnwindSafe(|| main.switch(n)));
            assert!(exit.unwrap_err().is::<GreenletExit>());
            main.switch(2) + 40
        });
        deaf.switch(1);
        deaf.kill();
        assert!(!deaf.is_dead());
        assert_eq!(deaf.switch(2), 42);
        // Itself.
        let own = Greenlet::new(|_: u32| {
            Greenlet::<u32>::current().kill();
            unreachable!("it was killed");
        });
        assert!(own.try_switch(1).unwrap_err().is_exit());
        assert!(own.is_dead());
    });
}

#[test]
fn exit_without_a_value_is_an_error_for_who_waits_for_one() {
    everywhere(|| {
        let parent = Greenlet::new(|n: u32| {
            let ending = Greenlet::new(|_: u32| panic::resume_unwind(caught_exit()));
            let error = ending.try_switch(n).unwrap_err();
            assert!(error.is_exit() && !error.is_dead() && !error.is_foreign());
            let text = error.to_string();
            assert!(text.contains("ended by GreenletExit"), "{text}");
            assert_eq!(error.into_value(), None);
            n
        });
        assert_eq!(parent.switch(3), 3);
    });
}

/// A payload as a killed body would see it.
fn caught_exit() -> Box<dyn std::any::Any + Send> {
    payload(|| Greenlet::<u32>::current().kill())
}

#[test]
fn values_of_any_size_arrive_once() {
    everywhere(|| {
        let main = Greenlet::<[u64; 500]>::current();
        let big = Greenlet::new(move |sent: [u64; 500]| {
            assert_eq!(sent, [1; 500]);
            assert_eq!(main.switch([2; 500]), [3; 500]);
            [4; 500]
        });
        assert_eq!(big.switch([1; 500]), [2; 500]);
        assert_eq!(big.switch([3; 500]), [4; 500]);
        let journal = Journal::default();
        let main = Greenlet::current();
        let echo = Greenlet::new(move |mut value| {
            loop {
                value = main.switch(value);
            }
        });
        drop(echo.switch(journal.at_drop("first")));
        assert_eq!(journal.take(), "first");
        drop((echo.switch(journal.at_drop("second")), echo));
        assert_eq!(journal.take(), "second");
    });
}
