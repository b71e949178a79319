//! The last handle of a greenlet goes: while it is suspended, from within, with its message under way.

use crate::common::{Flag, everywhere, is_child, on_every_runtime, run_as_child};
use crate::complaint::complaint;
use crate::journal::Journal;
use greenroom::greenlet::{Greenlet, GreenletExit};
use greenroom::queue;
use greenroom::thread::spawn_local;
use std::cell::RefCell;
use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

const SIGABRT: i32 = 6;

/// Where a handle is put so that others can take it out.
type Place<T> = Rc<RefCell<Option<Greenlet<T>>>>;

/// A greenlet that notes its end and otherwise waits.
fn waiting(journal: &Journal) -> Greenlet {
    let (held, main) = (journal.at_drop("body"), Greenlet::current());
    Greenlet::new(move |()| {
        let _held = held;
        loop {
            main.switch(());
        }
    })
}

#[test]
fn last_handle_dropped_unwinds_a_suspended_body_and_discards_a_fresh_one() {
    everywhere(|| {
        let journal = Journal::default();
        drop(waiting(&journal));
        assert_eq!(journal.take(), "body");
        let suspended = waiting(&journal);
        suspended.switch(());
        let second = suspended.clone();
        drop(suspended);
        assert_eq!(journal.take(), "");
        second.switch(());
        drop(second);
        assert_eq!(journal.take(), "body");
    });
}

#[test]
fn last_handle_dropped_by_its_own_body_lets_it_run_on_until_it_switches_away() {
    everywhere(|| {
        let journal = Journal::default();
        let place = Place::default();
        let (theirs, main, own) = (journal.clone(), Greenlet::current(), Rc::clone(&place));
        let helper_place = Rc::clone(&place);
        *place.borrow_mut() = Some(Greenlet::new(move |n: u32| {
            let _held = theirs.at_drop("body");
            drop(own.take());
            theirs.note("alone");
            main.switch(n + 1)
        }));
        // Its caller holds a handle, until it has gone itself.
        let helper = Greenlet::new(move |n| {
            let starts = helper_place.borrow().clone().unwrap();
            starts.switch(n)
        });
        assert_eq!(helper.switch(1), 2);
        drop(helper);
        assert_eq!(journal.take(), "alone body");
    });
}

/// `a` switches to `c`, which drops the last handle of `a` and then switches to the main one: what becomes
/// of `a` happens between the two. Returns what the main one sees.
fn dropped_under_way(ends: impl FnOnce(&Journal) + 'static, journal: &Journal) -> u32 {
    let main = Greenlet::<u32>::current();
    let place_c: Place<u32> = Rc::default();
    let (c, theirs) = (Rc::clone(&place_c), journal.clone());
    let a = Greenlet::new(move |n: u32| {
        let _held = theirs.at_drop("body");
        let c = c.borrow().clone().unwrap();
        let exit = catch_unwind(AssertUnwindSafe(|| c.switch(n + 1)));
        assert!(exit.unwrap_err().is::<GreenletExit>());
        ends(&theirs);
        0
    });
    let back = main.clone();
    let c = Greenlet::new(move |n| {
        let sum = a.switch(n + 1);
        drop(a);
        back.switch(sum + 1)
    });
    *place_c.borrow_mut() = Some(c.clone());
    let result = catch_unwind(AssertUnwindSafe(|| c.switch(1)));
    drop(place_c.take());
    assert!(Greenlet::<u32>::current() == main, "who runs was mixed up");
    // Everything works as before.
    let again = main.clone();
    let fresh = Greenlet::new(move |n: u32| again.switch(n * 2));
    assert_eq!(fresh.switch(21), 42);
    drop((c, fresh));
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

#[test]
fn last_handle_dropped_while_the_message_is_under_way_delivers_it_first() {
    everywhere(|| {
        let journal = Journal::default();
        assert_eq!(dropped_under_way(|_| (), &journal), 4);
        assert_eq!(journal.take(), "body");
    });
}

/// A body that drops every handle of its own, while no other holds one, and then switches to `last`.
fn alone(last: Greenlet<String>, journal: &Journal) -> String {
    let main = Greenlet::<String>::current();
    let theirs = journal.clone();
    let starter_place = Place::<String>::default();
    let (place, root) = (Rc::clone(&starter_place), main.clone());
    let starter = Greenlet::new(move |n| {
        let starter = place.take().unwrap();
        let (again, to) = (starter.clone(), root.clone());
        let body = move |n: String| {
            let _held = theirs.at_drop("body");
            // It ends, drops its handle of us, and we go on as its parent.
            let n = again.switch(n + "b");
            again.set_parent(&to);
            drop(again);
            last.switch(n + "d")
        };
        let own = Greenlet::with_parent(&root, body);
        starter.set_parent(&own);
        own.switch(n + "a") + "c"
    });
    *starter_place.borrow_mut() = Some(starter.clone());
    starter.switch(String::new())
}

#[test]
fn body_without_any_handle_delivers_its_last_value_and_is_unwound() {
    everywhere(|| {
        let journal = Journal::default();
        assert_eq!(alone(Greenlet::current(), &journal), "abcd");
        assert_eq!(journal.take(), "body");
        let (main, theirs) = (Greenlet::<String>::current(), journal.clone());
        let between = Greenlet::new(move |n| {
            theirs.note(&n);
            main.switch(n + "e")
        });
        assert_eq!(alone(between, &journal), "abcde");
        // Its value was taken, then it was unwound, then its successor went on.
        assert_eq!(journal.take(), "body abcd");
    });
}

#[test]
fn body_without_any_handle_is_unwound_many_times_over() {
    everywhere(|| {
        let journal = Journal::default();
        for _ in 0..2000 {
            let main = Greenlet::<String>::current();
            let between = Greenlet::new(move |n| main.switch(n + "e"));
            assert_eq!(alone(between, &journal), "abcde");
        }
        assert_eq!(journal.take().matches("body").count(), 2000);
    });
}

#[test]
fn panic_of_a_body_that_is_unwound_between_two_others_reaches_the_main_one() {
    everywhere(|| {
        let journal = Journal::default();
        let raise = |_: &Journal| panic::resume_unwind(Box::new("while it was unwound"));
        let text = complaint(|| dropped_under_way(raise, &journal));
        assert_eq!(text, "while it was unwound");
        assert_eq!(journal.take(), "body");
    });
}

#[test]
fn switch_by_a_body_that_is_unwound_is_an_error() {
    everywhere(|| {
        let journal = Journal::default();
        let main = Greenlet::<u32>::current();
        let tries = move |journal: &Journal| {
            let error = main.try_switch(7).unwrap_err();
            journal.note(&error);
            assert_eq!(error.into_value(), Some(7));
            let fresh = Greenlet::new(|n: u32| n);
            assert!(fresh.try_switch(1).is_err());
            assert!(complaint(|| fresh.switch(1)).starts_with("a greenlet that is unwound"));
        };
        assert_eq!(dropped_under_way(tries, &journal), 4);
        assert_eq!(
            journal.take(),
            "a greenlet that is unwound, because its last handle is gone, cannot switch body"
        );
    });
}

#[test]
fn handle_that_a_body_takes_of_itself_while_it_is_unwound_is_of_a_dead_one() {
    everywhere(|| {
        let place = Place::<u32>::default();
        let (kept, main) = (Rc::clone(&place), Greenlet::<u32>::current());
        let dying = Greenlet::new(move |n| {
            drop(catch_unwind(AssertUnwindSafe(|| main.switch(n))));
            *kept.borrow_mut() = Some(Greenlet::current());
            0
        });
        dying.switch(1);
        drop(dying);
        let late = place.take().unwrap();
        assert!(late.is_dead() && !late.is_active());
        assert!(late.try_switch(1).unwrap_err().is_dead());
    });
}

#[test]
fn greenlet_made_by_a_body_that_is_unwound_ends_in_the_main_one() {
    everywhere(|| {
        let place = Place::<u32>::default();
        let (kept, main) = (Rc::clone(&place), Greenlet::<u32>::current());
        let dying = Greenlet::new(move |n| {
            drop(catch_unwind(AssertUnwindSafe(|| main.switch(n))));
            *kept.borrow_mut() = Some(Greenlet::new(|n| n + 1));
            0
        });
        dying.switch(1);
        drop(dying);
        let orphan = place.take().unwrap();
        assert_eq!(orphan.switch(1), 2);
    });
}

#[test]
fn greenlets_in_locals_of_their_owner_end_with_their_owner() {
    greenroom::thread_local! {
        static OLDER: RefCell<Vec<Greenlet>> = const { RefCell::new(Vec::new()) };
        static NEWER: RefCell<Vec<Greenlet>> = const { RefCell::new(Vec::new()) };
    }
    fn keeping(ended: &Flag) -> Greenlet {
        let (held, main) = (ended.on_drop(), Greenlet::current());
        Greenlet::new(move |()| {
            let _held = held;
            drop(catch_unwind(AssertUnwindSafe(|| main.switch(()))));
            // Whatever the order of the locals: an answer, and nothing breaks.
            assert!(main.try_switch(()).is_err());
        })
    }
    on_every_runtime(|| {
        let flags = [Flag::default(), Flag::default()];
        let theirs = flags.clone();
        let keeper = spawn_local(move || {
            OLDER.with_borrow_mut(Vec::clear);
            for (key, ended) in [&OLDER, &NEWER].into_iter().zip(&theirs) {
                let greenlet = keeping(ended);
                greenlet.switch(());
                key.with_borrow_mut(|kept| kept.push(greenlet));
            }
        });
        keeper.join().unwrap();
        assert!(flags.iter().all(Flag::is_up));
    });
}

#[test]
fn long_chain_of_parents_is_dropped() {
    everywhere(|| {
        let mut last = Greenlet::new(|n: u32| n + 1);
        for _ in 0..3000 {
            last = Greenlet::with_parent(&last, |n: u32| n + 1);
        }
        let second = last.clone();
        assert_eq!(last.switch(0), 3001);
        drop((second, last));
        let mut unused = Greenlet::new(|n: u32| n);
        for _ in 0..3000 {
            unused = Greenlet::with_parent(&unused, |n: u32| n);
        }
    });
}

#[test]
fn switch_while_a_queue_is_locked_is_refused_and_leaves_the_queue_usable() {
    struct Item(u32, Greenlet<u32>);
    impl PartialEq for Item {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Item {}
    impl PartialOrd for Item {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Item {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.1.switch(self.0);
            self.0.cmp(&other.0)
        }
    }
    everywhere(|| {
        let main = Greenlet::<u32>::current();
        let queue = Rc::new(queue::PriorityQueue::unbounded());
        let theirs = Rc::clone(&queue);
        let putter = Greenlet::new(move |_| {
            assert!(theirs.put(Item(1, main.clone())).is_ok());
            let text = complaint(|| theirs.put(Item(2, main.clone())).is_ok());
            assert!(text.contains("the queue is locked"), "{text}");
            3
        });
        assert_eq!(putter.switch(0), 3);
        assert!(queue.len() <= 2);
    });
}

/// Calls `act` when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn switch_in_a_destructor_of_a_panicking_body_is_refused() {
    everywhere(|| {
        let main = Greenlet::<u32>::current();
        let journal = Journal::default();
        let theirs = journal.clone();
        let panicking = Greenlet::new(move |_: u32| {
            let _late = OnDrop(|| theirs.note(main.try_switch(1).unwrap_err()));
            panic::resume_unwind(Box::new("the body's"));
        });
        assert_eq!(complaint(|| panicking.switch(0)), "the body's");
        assert_eq!(
            journal.take(),
            "a greenlet must not switch in a destructor while its body unwinds"
        );
        assert!(!std::thread::panicking());
    });
}

#[test]
fn switch_in_a_destructor_of_an_unwound_body_ends_the_process_with_the_reason() {
    const NAME: &str =
        "handles::switch_in_a_destructor_of_an_unwound_body_ends_the_process_with_the_reason";
    if is_child() {
        let main = Greenlet::<u32>::current();
        let dying = Greenlet::new(move |n| {
            let _late = OnDrop(|| assert_eq!(main.switch(1), 0));
            main.switch(n)
        });
        dying.switch(1);
        drop(dying);
        unreachable!("the process should have ended");
    }
    let output = run_as_child(NAME);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let sentence = "a greenlet that is unwound, because its last handle is gone, cannot switch";
    assert!(stderr.contains(sentence), "{stderr}");
    assert_eq!(output.status.signal(), Some(SIGABRT), "{stderr}");
}
