//! What a review of soundness tried: greenlets that end, switch or are dropped where nobody expects it.
//! None may corrupt, hang or mix up who runs; what cannot be refused in peace ends the process.

use crate::aborts::aborts;
use crate::common::{
    FOREVER, Flag, Rt, SHORT, assert_cancelled, everywhere, on_every_runtime, until, watchdog,
};
use crate::complaint::complaint;
use greenroom::greenlet::Greenlet;
use greenroom::{queue, thread};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Where a handle is put so that others can take it out.
type Place<T> = Rc<RefCell<Option<Greenlet<T>>>>;

const FOREIGN: &str = "parent cannot be of another green thread or OS thread";

/// Calls `act` when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The main one runs, switches work, and a deadline ends a wait.
#[track_caller]
fn assert_as_new(main: &Greenlet) {
    assert!(Greenlet::<()>::current() == *main, "who runs was mixed up");
    let fresh = Greenlet::new(|()| ());
    assert!(fresh.try_switch(()).is_ok());
    let ended = greenroom::timeout(SHORT, || thread::sleep(FOREVER));
    assert!(ended.is_err() && !std::thread::panicking());
}

/// Goes to the main one each time it is switched to.
fn returning() -> Greenlet {
    let main = Greenlet::<()>::current();
    Greenlet::new(move |()| {
        loop {
            main.switch(());
        }
    })
}

/// Runs a body that only the hub holds, as a child of `parent`, and has it switch to `next` by calling what
/// `body` is given. Once `next` has its message the orphan is dropped there, and `parent` with it.
fn orphaned(parent: Option<Greenlet>, body: impl FnOnce(&dyn Fn()) + 'static, next: Greenlet) {
    let main = Greenlet::<()>::current();
    let place = Place::default();
    let starter = Rc::clone(&place);
    let above = parent.unwrap_or_else(|| main.clone());
    let orphan = Greenlet::with_parent(&above, move |()| {
        let starter: Greenlet = starter.take().unwrap();
        starter.set_parent(&main);
        drop((starter, main));
        body(&|| next.switch(()));
    });
    drop(above);
    let starter = Greenlet::with_parent(&orphan, |()| ());
    drop(orphan);
    *place.borrow_mut() = Some(starter.clone());
    starter.switch(());
}

#[test]
fn panic_of_an_orphan_that_is_dropped_leaves_the_main_one_running() {
    everywhere(|| {
        let (main, next) = (Greenlet::current(), returning());
        let text = complaint(|| {
            let body = |switch: &dyn Fn()| {
                drop(catch_unwind(AssertUnwindSafe(switch)));
                panic::resume_unwind(Box::new("the orphan's"));
            };
            orphaned(None, body, next.clone());
        });
        assert_eq!(text, "the orphan's");
        // It was raised in the one that came next, and ended it.
        assert!(next.is_dead());
        assert_as_new(&main);
    });
}

#[test]
fn cancel_of_an_orphan_that_is_dropped_leaves_the_main_one_running() {
    let _watchdog = watchdog();
    Rt::with_workers(2).run(|| {
        let waits = Rc::new(Cell::new(false));
        let theirs = Rc::clone(&waits);
        let task = thread::spawn_local(move || {
            let (main, next) = (Greenlet::<()>::current(), returning());
            let body = move |switch: &dyn Fn()| {
                drop(catch_unwind(AssertUnwindSafe(switch)));
                theirs.set(true);
                thread::sleep(FOREVER);
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| orphaned(None, body, next.clone())));
            assert!(Greenlet::<()>::current() == main && next.is_dead());
            panic::resume_unwind(outcome.unwrap_err());
        });
        until(|| waits.get());
        task.cancel();
        assert_cancelled(task.join());
    });
}

#[test]
fn destructor_that_runs_before_a_body_begins_may_switch() {
    everywhere(|| {
        let (main, next, other) = (Greenlet::<()>::current(), returning(), returning());
        let ran = Rc::new(Cell::new(false));
        let theirs = Rc::clone(&ran);
        let late = OnDrop(move || theirs.set(other.try_switch(()).is_ok()));
        let parent = Greenlet::new(move |()| drop(late));
        orphaned(Some(parent), |switch| switch(), next.clone());
        // The destructor's switch has led to the main one, and it still waits for another.
        assert!(!ran.get());
        assert_as_new(&main);
        next.switch(());
        assert!(ran.get());
        assert_as_new(&main);
    });
}

#[test]
fn value_of_an_unwound_body_that_panics_when_dropped_does_so_in_the_dropper() {
    struct Item(bool);
    impl Drop for Item {
        fn drop(&mut self) {
            if self.0 {
                panic::resume_unwind(Box::new("the value's"));
            }
        }
    }
    everywhere(|| {
        let main = Greenlet::<Item>::current();
        let back = main.clone();
        let dying = Greenlet::new(move |_: Item| {
            drop(catch_unwind(AssertUnwindSafe(|| back.switch(Item(false)))));
            Item(true)
        });
        drop(dying.switch(Item(false)));
        assert_eq!(complaint(|| drop(dying)), "the value's");
        assert!(Greenlet::<Item>::current() == main);
        let ended = greenroom::timeout(SHORT, || thread::sleep(FOREVER));
        assert!(ended.is_err());
        let echo = Greenlet::new(|item: Item| item);
        assert!(echo.try_switch(Item(false)).is_ok());
    });
}

#[test]
fn parent_of_a_neighbour_is_refused_suspended_under_a_timeout_or_parked() {
    on_every_runtime(|| {
        for is_parked in [false, true] {
            let place = Place::default();
            let theirs = Rc::clone(&place);
            let wakes = Rc::new(Cell::new(false));
            let awaited = Rc::clone(&wakes);
            let owner = thread::spawn_local(move || {
                let (main, owner) = (Greenlet::<()>::current(), thread::current().id());
                let body = move |()| {
                    if is_parked {
                        until(|| awaited.get());
                    } else {
                        let outcome = greenroom::timeout(FOREVER, || main.switch(()));
                        assert!(outcome.is_ok());
                    }
                    assert_eq!(thread::current().id(), owner);
                };
                let parent = Greenlet::new(body);
                *theirs.borrow_mut() = Some(parent.clone());
                parent.switch(());
                until(|| theirs.borrow().is_none());
                if !is_parked {
                    parent.switch(());
                }
                assert!(parent.is_dead());
            });
            until(|| place.borrow().is_some());
            let parent = place.borrow().clone().unwrap();
            assert!(parent.try_switch(()).unwrap_err().is_foreign());
            assert_eq!(
                complaint(|| Greenlet::with_parent(&parent, |()| ())),
                FOREIGN
            );
            let own = Greenlet::new(|()| ());
            assert_eq!(complaint(|| own.set_parent(&parent)), FOREIGN);
            own.switch(());
            wakes.set(true);
            place.take();
            owner.join().unwrap();
        }
    });
}

std::thread_local! {
    static WHEN_COMPARED: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    static WHEN_MADE: RefCell<Option<Greenlet>> = const { RefCell::new(None) };
}

/// Runs, once, what was prepared for its comparison.
#[derive(PartialEq, Eq)]
struct Item(u32);

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Item) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Item) -> Ordering {
        if let Some(act) = WHEN_COMPARED.take() {
            act();
        }
        self.0.cmp(&other.0)
    }
}

/// Calls `act` while a queue is locked.
fn in_a_queues_lock(act: impl FnOnce() + 'static) {
    let queue = queue::PriorityQueue::unbounded();
    assert!(queue.put(Item(1)).is_ok());
    WHEN_COMPARED.set(Some(Box::new(act)));
    assert!(queue.put(Item(2)).is_ok());
    assert_eq!(queue.len(), 2);
}

/// Ends a scope with a child that borrows, which goes on until `go_on` and then raises `ended`.
fn scope_that_waits(go_on: &Flag, ended: &Flag, inside: impl FnOnce()) {
    let borrowed = vec![7_u8; 5000];
    thread::scope(|s| {
        s.spawn(|| {
            until(|| go_on.is_up());
            assert!(borrowed.iter().all(|byte| *byte == 7));
            ended.raise();
        });
        inside();
    });
}

#[test]
fn greenlet_that_may_not_switch_in_a_queues_lock_leaves_a_scope_in_peace() {
    everywhere(|| {
        let (go_on, ended) = (Flag::default(), Flag::default());
        let main = Greenlet::<()>::current();
        let refused = Greenlet::new({
            let main = main.clone();
            move |()| in_a_queues_lock(move || main.switch(()))
        });
        let text = complaint(|| {
            scope_that_waits(&go_on, &ended, || {
                go_on.raise();
                refused.switch(());
            });
        });
        assert!(text.contains("the queue is locked"), "{text}");
        assert!(ended.is_up());
        assert_as_new(&main);
    });
}

#[test]
fn parent_from_outside_does_not_go_on_in_a_queues_lock() {
    everywhere(|| {
        let (go_on, ended) = (Flag::default(), Flag::default());
        let main = Greenlet::<()>::current();
        let outside = Greenlet::new({
            let (main, go_on, ended) = (main.clone(), go_on.clone(), ended.clone());
            move |()| scope_that_waits(&go_on, &ended, || main.switch(()))
        });
        outside.switch(());
        in_a_queues_lock({
            let (main, outside) = (main.clone(), outside.clone());
            move || {
                let inside = Greenlet::with_parent(&outside, |()| ());
                inside.switch(());
                assert!(Greenlet::current() == main && inside.is_dead());
                let inside = Greenlet::new(|()| ());
                inside.set_parent(&outside);
                inside.switch(());
                assert!(Greenlet::current() == main && inside.is_dead());
            }
        });
        assert!(!ended.is_up() && outside.is_active());
        go_on.raise();
        outside.switch(());
        assert!(ended.is_up() && outside.is_dead());
        assert_as_new(&main);
    });
}

#[test]
fn switch_in_a_destructor_of_a_panicking_body_ends_the_process_with_the_reason() {
    aborts(
        "sound::switch_in_a_destructor_of_a_panicking_body_ends_the_process_with_the_reason",
        "a greenlet must not switch in a destructor while its body unwinds",
        || {
            let main = Greenlet::<()>::current();
            let panicking = Greenlet::new(move |()| {
                let _late = OnDrop(|| main.switch(()));
                panic!("the body's");
            });
            panicking.switch(());
        },
    );
}

#[test]
fn switch_in_a_body_killed_beside_another_panic_ends_the_process_with_the_reason() {
    aborts(
        "sound::switch_in_a_body_killed_beside_another_panic_ends_the_process_with_the_reason",
        "a greenlet must not switch in a destructor while its body unwinds",
        || {
            let main = Greenlet::<()>::current();
            let killed = Greenlet::new(move |()| {
                let _late = OnDrop(|| main.switch(()));
                main.switch(());
            });
            killed.switch(());
            let _unwound = catch_unwind(AssertUnwindSafe(|| {
                let _late = OnDrop(|| killed.kill());
                panic!("the killer's");
            }));
        },
    );
}

#[test]
fn set_parent_that_drops_the_old_one_lets_its_destructors_ask_for_the_parent() {
    everywhere(|| {
        let main = Greenlet::<()>::current();
        let (place, back) = (Place::<()>::default(), main.clone());
        let (theirs, asked) = (Rc::clone(&place), Rc::new(Cell::new(false)));
        let answer = Rc::clone(&asked);
        let parent = Greenlet::new(move |()| {
            let _late = OnDrop(|| {
                let child = theirs.take().unwrap();
                answer.set(child.parent() == Some(back.clone()));
            });
            back.switch(());
        });
        parent.switch(());
        let child = Greenlet::with_parent(&parent, |()| ());
        *place.borrow_mut() = Some(child.clone());
        drop(parent);
        child.set_parent(&main);
        assert!(asked.get());
        assert_as_new(&main);
    });
}

greenroom::thread_local! {
    static LAZY: Box<u64> = {
        if let Some(main) = WHEN_MADE.take() {
            main.switch(());
        }
        Box::new(0x5555)
    };
}

#[test]
fn local_whose_initialiser_switches_is_borrowed_safely_by_who_comes_between() {
    fn work() {
        let main = Greenlet::<()>::current();
        WHEN_MADE.set(Some(main.clone()));
        let first = Greenlet::new(|()| LAZY.with(|value| assert_eq!(**value, 0x5555)));
        first.switch(());
        LAZY.with(|value| {
            let inner: &u64 = value;
            // It makes another value, in place of this.
            first.switch(());
            let over: Vec<_> = (0..100).map(|_| Box::new(0x4141_u64)).collect();
            assert_eq!(*inner, 0x5555);
            drop(over);
        });
        assert_as_new(&main);
    }
    let _watchdog = watchdog();
    std::thread::spawn(work).join().unwrap();
    on_every_runtime(|| thread::spawn_local(work).join().unwrap());
}

#[test]
fn long_chain_of_dead_parents_is_dropped_on_a_small_stack() {
    everywhere(|| {
        let mut last = Greenlet::new(|n: u32| n);
        last.switch(0);
        for _ in 0..5000 {
            let child = Greenlet::with_parent(&last, |n: u32| n);
            child.switch(1);
            last = child;
        }
        drop(last);
    });
}

#[test]
fn item_whose_debug_switches_leaves_its_queue_and_mutex_unlocked() {
    struct Shy(Greenlet);
    impl std::fmt::Debug for Shy {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.switch(());
            f.write_str("shy")
        }
    }
    everywhere(|| {
        let main = Greenlet::<()>::current();
        let queue = Rc::new(queue::Queue::unbounded());
        assert!(queue.put(Shy(main.clone())).is_ok());
        let theirs = Rc::clone(&queue);
        let shown = Greenlet::new(move |()| assert!(!format!("{theirs:?}").is_empty()));
        shown.switch(());
        assert_eq!(queue.len(), 1);
        assert!(queue.try_get().is_ok());
        drop(shown);
        assert_as_new(&main);
    });
}
