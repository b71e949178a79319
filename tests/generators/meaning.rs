//! What a generator does when everything goes well, and what it says when it is asked for nonsense.

use crate::common::everywhere;
use crate::complaint::complaint;
use crate::journal::Journal;
use greenroom::generator::{Builder, Generator, State, Yielder, scoped};
use std::io::ErrorKind;

#[test]
fn body_runs_from_the_first_next_on_and_stops_at_each_yield() {
    everywhere(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        let mut generator: Generator<(), u32, &str> = Generator::new(move |y| {
            theirs.note("begin");
            y.yield_(1);
            theirs.note("middle");
            y.yield_(2);
            theirs.note("end");
            "returned"
        });
        assert_eq!(journal.take(), "");
        assert_eq!(generator.state(), State::Created);
        assert_eq!(generator.take_return(), None);
        assert_eq!(
            (generator.next(), journal.take().as_str()),
            (Some(1), "begin")
        );
        assert_eq!(generator.state(), State::Suspended);
        assert_eq!(generator.take_return(), None);
        assert_eq!(
            (generator.next(), journal.take().as_str()),
            (Some(2), "middle")
        );
        assert_eq!((generator.next(), journal.take().as_str()), (None, "end"));
        assert_eq!(generator.state(), State::Finished);
        assert_eq!(generator.take_return(), Some("returned"));
        assert_eq!(generator.take_return(), None);
        for _ in 0..3 {
            assert_eq!(generator.next(), None);
        }
        assert_eq!(journal.take(), "");
    });
}

#[test]
fn body_without_a_yield_ends_at_the_first_next() {
    everywhere(|| {
        let mut generator: Generator<(), u32, u32> = Generator::new(|_| 7);
        assert_eq!(generator.start(), None);
        assert_eq!(generator.take_return(), Some(7));
        let nothing: Generator<(), u32> = Generator::new(|_| ());
        assert_eq!(nothing.count(), 0);
    });
}

#[test]
fn send_is_what_the_yield_returns() {
    everywhere(|| {
        let mut echo = Generator::new(|y: &Yielder<String, String>| {
            let mut heard = Vec::new();
            while heard.len() < 3 {
                let answer = y.yield_(format!("{heard:?}"));
                heard.push(answer);
            }
            heard
        });
        assert_eq!(echo.start().as_deref(), Some("[]"));
        assert_eq!(echo.send("a".into()).as_deref(), Some(r#"["a"]"#));
        // Python's `next` sends None; here the default.
        assert_eq!(echo.next().as_deref(), Some(r#"["a", ""]"#));
        assert_eq!(echo.send("c".into()), None);
        assert_eq!(echo.take_return().unwrap(), ["a", "", "c"]);
        assert_eq!(echo.send("to nobody".into()), None);
    });
}

#[test]
fn generator_is_an_iterator_that_goes_on_where_it_was_left() {
    everywhere(|| {
        let mut numbers: Generator<(), u64> = Generator::new(|y| y.yield_all(0..));
        assert_eq!(numbers.by_ref().take(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(numbers.by_ref().skip(2).step_by(10).nth(1), Some(15));
        let (even, odd): (Vec<u64>, Vec<u64>) = numbers.take(4).partition(|n| n % 2 == 0);
        assert_eq!((even, odd), (vec![16, 18], vec![17, 19]));
    });
}

#[test]
fn generators_of_one_owner_take_turns_in_any_order() {
    everywhere(|| {
        let count = |from: u32| -> Generator<(), u32> {
            Generator::new(move |y| (from..from + 3).for_each(|n| y.yield_(n)))
        };
        let (a, b) = (count(0), count(10));
        let mixed: Vec<u32> = a.zip(b).flat_map(|(a, b)| [a, b]).collect();
        assert_eq!(mixed, [0, 10, 1, 11, 2, 12]);
    });
}

#[test]
fn values_of_any_size_and_no_size_arrive_whole() {
    everywhere(|| {
        let mut big = Generator::new(|y: &Yielder<[u64; 100], [u64; 200]>| {
            let sent = y.yield_([1; 200]);
            assert_eq!(sent, [2; 100]);
            y.yield_([3; 200]);
            [4_u64; 300]
        });
        assert_eq!(big.start(), Some([1; 200]));
        assert_eq!(big.send([2; 100]), Some([3; 200]));
        assert_eq!(big.send([0; 100]), None);
        assert_eq!(big.take_return(), Some([4; 300]));
        #[derive(Debug, PartialEq)]
        #[repr(align(128))]
        struct Aligned(u8);
        let mut aligned = Generator::new(|y: &Yielder<Aligned, Aligned>| {
            let sent = y.yield_(Aligned(1));
            assert_eq!((&raw const sent).addr() % 128, 0);
            sent
        });
        assert_eq!(aligned.start(), Some(Aligned(1)));
        assert_eq!(aligned.send(Aligned(2)), None);
        assert_eq!(aligned.take_return(), Some(Aligned(2)));
        let never: Generator<(), std::convert::Infallible> = Generator::new(|_| ());
        assert_eq!(never.count(), 0);
    });
}

#[test]
fn yield_from_passes_values_both_ways_and_returns_the_inner_ones() {
    everywhere(|| {
        let mut outer = Generator::new(|y: &Yielder<u32, String>| {
            let mut inner = Generator::new(|y: &Yielder<u32, String>| {
                let a = y.yield_("one".into());
                let b = y.yield_(format!("got {a}"));
                a + b
            });
            let sum = y.yield_from(&mut inner);
            assert_eq!(inner.state(), State::Finished);
            let last = y.yield_(format!("sum {sum}"));
            sum * last
        });
        assert_eq!(outer.start().as_deref(), Some("one"));
        assert_eq!(outer.send(3).as_deref(), Some("got 3"));
        assert_eq!(outer.send(4).as_deref(), Some("sum 7"));
        assert_eq!(outer.send(10), None);
        assert_eq!(outer.take_return(), Some(70));
    });
}

#[test]
fn yield_from_a_started_generator_goes_on_with_the_default() {
    everywhere(|| {
        let chained: Generator<(), u32> = Generator::new(|y| {
            let mut inner = Generator::new(|y: &Yielder<(), u32>| y.yield_all(1..4));
            assert_eq!(inner.next(), Some(1));
            y.yield_from(&mut inner);
            let mut empty = Generator::new(|_: &Yielder<(), u32>| "no yield");
            assert_eq!(y.yield_from(&mut empty), "no yield");
        });
        assert_eq!(chained.collect::<Vec<_>>(), [2, 3]);
    });
}

#[test]
fn yield_from_a_finished_generator_panics_and_says_so() {
    everywhere(|| {
        let mut outer: Generator<(), u32> = Generator::new(|y| {
            let mut inner = Generator::new(|_: &Yielder<(), u32>| ());
            assert_eq!(inner.next(), None);
            y.yield_from(&mut inner);
        });
        let text = complaint(|| outer.next());
        assert_eq!(text, "yield_from: the inner generator has finished");
        assert_eq!(outer.state(), State::Finished);
    });
}

#[test]
fn yield_all_drops_what_is_sent_and_everything_that_is_left() {
    everywhere(|| {
        let journal = Journal::default();
        let (items, theirs) = (journal.clone(), journal.clone());
        let mut all = Generator::new(move |y: &Yielder<_, _>| {
            y.yield_all((0..3).map(|n| items.at_drop(format!("item{n}"))));
        });
        drop(all.start());
        drop(all.send(theirs.at_drop("sent")));
        assert_eq!(journal.take(), "item0 sent item1");
        all.close();
        drop(all);
        assert_eq!(journal.take(), "");
    });
}

#[test]
fn start_and_send_out_of_turn_panic_and_leave_the_generator_as_it_was() {
    everywhere(|| {
        let mut echo = Generator::new(|y: &Yielder<u32, u32>| {
            let mut last = 0;
            loop {
                last = y.yield_(last);
            }
        });
        let text = complaint(|| echo.send(1));
        assert_eq!(
            text,
            "send: can't send a value to a just-started generator, call start or next first"
        );
        assert_eq!(echo.state(), State::Created);
        assert_eq!(echo.start(), Some(0));
        let text = complaint(|| echo.start());
        assert_eq!(text, "start: the generator has started before");
        assert_eq!(echo.send(2), Some(2));
        echo.close();
        let text = complaint(|| echo.start());
        assert_eq!(text, "start: the generator has started before");
    });
}

#[test]
fn send_of_a_value_that_is_not_taken_drops_it_once() {
    everywhere(|| {
        let journal = Journal::default();
        let mut once: Generator<_, ()> = Generator::new(|y| drop(y.yield_(())));
        let _ = complaint(|| once.send(journal.at_drop("too-early")));
        assert_eq!(journal.take(), "too-early");
        once.start();
        once.send(journal.at_drop("taken"));
        once.send(journal.at_drop("too-late"));
        assert_eq!(journal.take(), "taken too-late");
    });
}

#[test]
fn builder_refuses_a_stack_above_the_limit_and_makes_any_other() {
    everywhere(|| {
        let made = Builder::new()
            .stack_size((1 << 30) + 1)
            .make(|_: &Yielder<(), ()>| ());
        assert_eq!(made.unwrap_err().kind(), ErrorKind::InvalidInput);
        for bytes in [0, 1, 16 << 10, 100_000, 4 << 20] {
            let builder = Builder::new().stack_size(bytes);
            let numbers = builder.make(|y: &Yielder<(), u32>| y.yield_all(0..5));
            assert_eq!(numbers.unwrap().sum::<u32>(), 10);
        }
    });
}

#[test]
fn debug_shows_the_state_and_the_place() {
    everywhere(|| {
        let mut generator: Generator<(), ()> = Generator::new(|y| y.yield_(()));
        let shown = format!("{generator:?}");
        assert!(shown.contains("Created"), "{shown}");
        assert!(shown.contains("tests/generators/meaning.rs"), "{shown}");
        generator.start();
        assert!(format!("{generator:?}").contains("Suspended"));
        scoped(
            |y: &Yielder<(), ()>| y.yield_(()),
            |generator| assert!(format!("{generator:?}").contains("Created")),
        );
    });
}
