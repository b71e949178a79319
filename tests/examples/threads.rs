//! The threads chapter: each program on one worker and on two, its output against its header.

use super::child::{Ended, Running};
use super::run::{assert_output, assert_output_unordered, example, run};
use super::watchdog::watchdog;

/// Runs it to its end, on so many workers.
pub(crate) fn run_on(workers: usize, name: &str, args: &[&str]) -> Ended {
    let mut command = example(name, args);
    let ended = Running::start(command.env("GREENROOM_WORKERS", workers.to_string())).end();
    assert_eq!(ended.status.code(), Some(0), "{name}: {ended}");
    assert_eq!(ended.stderr, "", "{name}");
    ended
}

/// The place of a line in what was printed.
#[track_caller]
pub(crate) fn place(ended: &Ended, line: &str) -> usize {
    let place = ended.stdout.lines().position(|printed| printed == line);
    place.unwrap_or_else(|| panic!("no line {line}\n{ended}"))
}

/// Refused with a message, the usage and exit code 2.
#[track_caller]
pub(crate) fn assert_refused(name: &str, args: &[&str], message: &str) {
    let ended = run(name, args);
    assert_eq!(ended.status.code(), Some(2), "{name} {args:?}: {ended}");
    assert_eq!(ended.stdout, "", "{name} {args:?}");
    assert!(ended.stderr.contains(message), "{name} {args:?}: {ended}");
    assert!(
        ended.stderr.contains(&format!("usage: {name}")),
        "{name} {args:?}: {ended}"
    );
}

#[test]
fn thread_spawn_runs_both_kinds_at_the_same_time() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "thread_spawn", &[]);
        assert_output_unordered("thread_spawn", &ended);
        assert!(
            ended
                .stdout
                .lines()
                .last()
                .unwrap()
                .starts_with("all done in "),
            "{ended}"
        );
    }
}

#[test]
fn thread_join_waits_for_one_and_not_for_the_other() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "thread_join", &[]);
        assert_output_unordered("thread_join", &ended);
        let main = place(&ended, "main thread");
        assert!(place(&ended, "test...done t1") < main, "{ended}");
        let returned = place(&ended, "t1 returned 200, t2 returned 800");
        let second = place(&ended, "test...done t2");
        assert!(main < second && second < returned, "{ended}");
    }
}

#[test]
fn thread_daemon_ends_with_main_though_others_run() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "thread_daemon", &[]);
        assert_output("thread_daemon", &ended);
        assert!(!ended.stdout.contains("all five done"), "{ended}");
        assert!(!ended.stdout.contains("[4] done"), "{ended}");
    }
}

#[test]
fn thread_lock_loses_nothing_with_a_lock_and_much_without() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        assert_output("thread_lock", &run_on(workers, "thread_lock", &[]));
        let ended = run_on(workers, "thread_lock", &["--threads", "7"]);
        let expected = "with a lock: final num: 0\nread and written apart: final num: 6\n";
        assert_eq!(ended.stdout, expected);
    }
}

#[test]
fn thread_lock_refuses_bad_arguments() {
    let _watchdog = watchdog();
    assert_refused("thread_lock", &["--threads", "many"], "--threads many");
    assert_refused("thread_lock", &["--threads"], "a value is missing");
    assert_refused("thread_lock", &["--bogus"], "--bogus: unknown option");
}

#[test]
fn thread_rlock_is_taken_twice_by_its_owner() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "thread_rlock", &[]);
        assert_output("thread_rlock", &ended);
        // Nobody comes between what one thread prints under the lock.
        for (group, number) in ended
            .stdout
            .lines()
            .collect::<Vec<_>>()
            .chunks(4)
            .zip(1..=10)
        {
            assert_eq!(group[0], "grab the first part data", "{ended}");
            assert_eq!(group[3], format!("{number} {number}"), "{ended}");
        }
        assert_eq!(ended.stdout.lines().count(), 42, "{ended}");
    }
}

#[test]
fn thread_semaphore_lets_in_no_more_than_it_has_permits() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "thread_semaphore", &[]);
        assert_output_unordered("thread_semaphore", &ended);
        assert_eq!(
            place(&ended, "----all threads done, never more than 5 at once---"),
            20
        );
    }
    let ended = run_on(2, "thread_semaphore", &["--threads", "3", "--permits", "1"]);
    assert_eq!(
        place(&ended, "----all threads done, never more than 1 at once---"),
        3
    );
}

#[test]
fn thread_semaphore_refuses_bad_arguments() {
    let _watchdog = watchdog();
    assert_refused(
        "thread_semaphore",
        &["--permits", "0"],
        "nobody would ever get in",
    );
    assert_refused("thread_semaphore", &["--threads", "-1"], "--threads -1");
}

#[test]
fn thread_event_cars_drive_while_it_is_green() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "thread_event", &[]);
        assert_output("thread_event", &ended);
        let green = place(&ended, "green 4");
        for name in ["tesla", "beetle"] {
            let drives = place(&ended, &format!("[{name}] drives along"));
            assert!(green < drives, "{ended}");
        }
    }
}

#[test]
fn thread_event_without_a_cycle_ends_at_once() {
    let _watchdog = watchdog();
    let ended = run_on(2, "thread_event", &["--cycles", "0"]);
    assert_eq!(
        ended.stdout.lines().last(),
        Some("the light is out of order"),
        "{ended}"
    );
    assert!(!ended.stdout.contains("drives"), "{ended}");
    assert_refused("thread_event", &["--cycles", "x"], "--cycles x");
}

#[test]
fn thread_names_lists_who_is_there() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        assert_output("thread_names", &run_on(workers, "thread_names", &[]));
    }
}
