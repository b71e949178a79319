//! Switches that cannot be: to the dead, to strangers, with another type, after the end.

use crate::common::{Flag, everywhere, on_every_runtime, watchdog};
use crate::complaint::complaint;
use greenroom::greenlet::Greenlet;
use greenroom::thread::spawn_local;
use std::sync::mpsc::channel;

const FOREIGN: &str = "cannot switch to a greenlet of another green thread or OS thread: it belongs to the one that made it";

/// Waits in the main one; raises the flag at its end.
fn watched(ended: &Flag) -> Greenlet {
    let (held, main) = (ended.on_drop(), Greenlet::current());
    Greenlet::new(move |()| {
        let _held = held;
        main.switch(());
    })
}

#[test]
fn switch_to_a_dead_greenlet_is_an_error_that_has_the_value() {
    everywhere(|| {
        let ended = Greenlet::new(|text: String| text);
        ended.switch("bye".into());
        let error = ended.try_switch("hello?".into()).unwrap_err();
        assert!(error.is_dead() && !error.is_foreign() && !error.is_exit());
        assert_eq!(
            error.to_string(),
            "cannot switch to a greenlet that has ended"
        );
        assert_eq!(error.into_value().as_deref(), Some("hello?"));
        let text = complaint(|| ended.switch("hello?".into()));
        assert_eq!(text, "cannot switch to a greenlet that has ended");
    });
}

#[test]
fn switch_to_a_neighbours_greenlet_is_refused() {
    on_every_runtime(|| {
        let flags = [Flag::default(), Flag::default()];
        let [fresh, suspended] = flags.each_ref().map(watched);
        suspended.switch(());
        let main = Greenlet::<()>::current();
        let theirs = (fresh.clone(), suspended.clone(), main.clone());
        let neighbour = spawn_local(move || {
            for stranger in [&theirs.0, &theirs.1, &theirs.2] {
                let error = stranger.try_switch(()).unwrap_err();
                assert!(error.is_foreign() && !error.is_dead());
                assert_eq!(complaint(|| stranger.switch(())), FOREIGN);
                assert_eq!(complaint(|| stranger.throw(Box::new(()))), FOREIGN);
                assert_eq!(complaint(|| stranger.kill()), FOREIGN);
                assert!(Greenlet::<()>::current() != *stranger);
            }
            let own = Greenlet::new(|()| ());
            let text = complaint(|| own.set_parent(&theirs.0));
            assert_eq!(
                text,
                "parent cannot be of another green thread or OS thread"
            );
            own.switch(());
        });
        neighbour.join().unwrap();
        assert!(!flags.iter().any(Flag::is_up));
        suspended.switch(());
        drop((fresh, suspended, main));
        assert!(flags.iter().all(Flag::is_up));
    });
}

#[test]
fn greenlet_dropped_by_a_neighbour_or_after_its_owner_leaks() {
    on_every_runtime(|| {
        let flags = [Flag::default(), Flag::default(), Flag::default()];
        let [fresh, suspended] = [&flags[0], &flags[1]].map(watched);
        suspended.switch(());
        spawn_local(move || drop((fresh, suspended)))
            .join()
            .unwrap();
        let theirs = flags[2].clone();
        let made = spawn_local(move || {
            let greenlet = watched(&theirs);
            greenlet.switch(());
            greenlet
        });
        let late = made.join().unwrap();
        assert!(late.try_switch(()).unwrap_err().is_foreign());
        drop(late);
        assert!(!flags.iter().any(Flag::is_up));
    });
}

#[test]
fn neighbours_switch_independently_on_one_worker() {
    on_every_runtime(|| {
        let count = |from: u32| {
            spawn_local(move || {
                let main = Greenlet::<u32>::current();
                let counting = Greenlet::new(move |mut n: u32| {
                    loop {
                        greenroom::thread::yield_now();
                        n = main.switch(n + 1);
                    }
                });
                (0..50).fold(from, |n, _| counting.switch(n))
            })
        };
        let (a, b) = (count(0), count(1000));
        assert_eq!((a.join().unwrap(), b.join().unwrap()), (50, 1050));
    });
}

#[test]
fn greenlets_of_different_types_do_not_switch_to_each_other() {
    everywhere(|| {
        let text = Greenlet::new(|text: String| text);
        let other = text.clone();
        let number = Greenlet::new(move |n: u32| {
            let error = other.try_switch("hi".into()).unwrap_err();
            assert!(
                error.to_string().contains("carries another type"),
                "{error}"
            );
            assert_eq!(error.into_value().as_deref(), Some("hi"));
            // The main one waits for a number now.
            assert!(complaint(Greenlet::<String>::current).contains("another type"));
            n + 1
        });
        assert_eq!(number.switch(1), 2);
        // One after the other is fine: the main one waits for what it is given.
        assert_eq!(text.switch("hello".into()), "hello");
        // A handle of the main one for another type than it waits for.
        let main = Greenlet::<String>::current();
        let confused = Greenlet::new(move |n: u32| match main.try_switch("hi".into()) {
            Ok(_) => 0,
            Err(error) => n + u32::from(error.into_value().is_some()),
        });
        assert_eq!(confused.switch(1), 2);
    });
}

#[test]
fn greenlet_on_an_os_thread_that_ends_is_unwound_or_leaked_but_nothing_breaks() {
    std::thread_local! {
        static OLDER: std::cell::RefCell<Vec<Greenlet>> = std::cell::RefCell::default();
        static NEWER: std::cell::RefCell<Vec<Greenlet>> = std::cell::RefCell::default();
    }
    let _watchdog = watchdog();
    let flags = [Flag::default(), Flag::default()];
    let theirs = flags.clone();
    let (tell, told) = channel();
    let thread = std::thread::spawn(move || {
        OLDER.take();
        let [a, b] = theirs.each_ref().map(watched);
        a.switch(());
        b.switch(());
        OLDER.with_borrow_mut(|kept| kept.push(a));
        NEWER.with_borrow_mut(|kept| kept.push(b));
        tell.send(()).unwrap();
    });
    told.recv().unwrap();
    thread.join().unwrap();
    // Thread-locals end newest first, the right to run strands in between.
    assert!(!flags[0].is_up());
    assert!(flags[1].is_up());
}
