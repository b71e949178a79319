//! The queues chapter: each program on one worker and on two, its output against its header.

use super::run::{assert_output, assert_output_unordered, example};
use super::threads::{assert_refused, place, run_on};
use super::watchdog::watchdog;
use std::process::Stdio;

#[test]
fn queue_fifo_keeps_the_order_and_tells_full_from_empty() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        assert_output("queue_fifo", &run_on(workers, "queue_fifo", &[]));
    }
}

#[test]
fn queue_lifo_turns_the_order_round() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        assert_output("queue_lifo", &run_on(workers, "queue_lifo", &[]));
    }
}

#[test]
fn queue_priority_gives_the_smallest_first() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        assert_output("queue_priority", &run_on(workers, "queue_priority", &[]));
    }
}

#[test]
fn producer_consumer_eats_each_once_and_after_it_was_made() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "producer_consumer", &[]);
        assert_output_unordered("producer_consumer", &ended);
        assert_eq!(place(&ended, "all 10 baozi are eaten"), 20, "{ended}");
        assert_eq!(place(&ended, "no baozi any more"), 21, "{ended}");
        let mut before = 0;
        for number in 0..10 {
            let made = place(&ended, &format!("Producer A has produced baozi {number}"));
            let eaten = place(&ended, &format!("Consumer B has eaten baozi {number}"));
            // One consumer eats in the order in which things were put.
            assert!(made < eaten && before <= eaten, "{number}: {ended}");
            before = eaten;
        }
    }
}

#[test]
fn producer_consumer_with_many_guests_eats_each_once() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let args = ["--count", "30", "--consumers", "4"];
        let ended = run_on(workers, "producer_consumer", &args);
        let eaten = ended
            .stdout
            .lines()
            .filter(|line| line.contains(" has eaten baozi "));
        let mut numbers: Vec<u32> = eaten
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..30).collect::<Vec<_>>(), "{ended}");
        assert_eq!(place(&ended, "all 30 baozi are eaten"), 60, "{ended}");
    }
    let ended = run_on(1, "producer_consumer", &["--count", "0"]);
    assert_eq!(ended.stdout, "all 0 baozi are eaten\nno baozi any more\n");
}

#[test]
fn producer_consumer_whose_output_nobody_reads_ends() {
    let _watchdog = watchdog();
    let mut child = example("producer_consumer", &["--count", "100"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(!child.wait().unwrap().success());
}

#[test]
fn producer_consumer_refuses_bad_arguments() {
    let _watchdog = watchdog();
    assert_refused(
        "producer_consumer",
        &["--consumers", "0"],
        "--consumers: 1 to 25",
    );
    assert_refused("producer_consumer", &["--count", "-1"], "--count -1");
    assert_refused(
        "producer_consumer",
        &["--cook", "A"],
        "--cook: unknown option",
    );
}

#[test]
fn list_race_happens_on_a_list_and_not_on_a_queue() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "list_race", &[]);
        assert_output_unordered("list_race", &ended);
        let last = "from the list: 5 taken, 5 gone; from the queue: 5 taken, none gone";
        assert_eq!(place(&ended, last), 15, "{ended}");
    }
}
