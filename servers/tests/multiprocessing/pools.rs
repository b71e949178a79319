//! Pools: values, panics, callbacks, and workers that are killed.

use crate::watch;
use greenroom_servers::multiprocessing::{self, Connection, Handed, JobError, Pool, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    values_come_in_the_order_of_the_arguments,
    panic_of_a_job_is_its_error_and_the_worker_goes_on,
    callbacks_run_before_the_result_and_may_panic,
    killed_worker_is_an_error_of_its_job_only,
    workers_killed_under_load_hang_nobody,
    idle_worker_that_died_is_replaced,
    closed_pool_does_what_waits_and_takes_no_more,
    terminated_pool_ends_its_jobs,
    job_that_exits_is_an_error_with_its_code,
    descriptors_go_along_with_a_job,
    value_that_panics_on_arrival_is_an_error_of_its_job,
    values_come_as_their_jobs_are_done,
    stopped_workers_are_terminated_with_their_pool,
];

fn square(number: u64) -> u64 {
    number * number
}

fn values_come_in_the_order_of_the_arguments() {
    let pool = Pool::new(3).unwrap();
    let squares = pool.map(square, 0..200).unwrap();
    assert!(squares.into_iter().eq((0..200).map(square)));
    let text = "x".repeat(1 << 20);
    assert_eq!(pool.apply(|text: String| text.len(), text), Ok(1 << 20));
}

fn panic_of_a_job_is_its_error_and_the_worker_goes_on() {
    fn moody(number: u32) -> u32 {
        assert!(number != 3, "not {number}");
        number
    }
    let pool = Pool::new(1).unwrap();
    let before = pool.pids();
    assert_eq!(
        pool.apply(moody, 3),
        Err(JobError::Panicked("not 3".to_owned()))
    );
    assert_eq!(
        pool.map(moody, 1..5),
        Err(JobError::Panicked("not 3".to_owned()))
    );
    assert_eq!(pool.apply(moody, 4), Ok(4));
    assert_eq!(pool.pids(), before);
}

fn callbacks_run_before_the_result_and_may_panic() {
    let pool = Pool::new(2).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let results: Vec<_> = (0..20)
        .map(|number| {
            let calls = Arc::clone(&calls);
            pool.apply_async(square, number, move |value| {
                assert_eq!(*value, Ok(number * number));
                calls.fetch_add(1, Ordering::Relaxed);
                assert!(number != 5, "a callback that panics");
            })
        })
        .collect();
    for (number, result) in (0..).zip(results) {
        assert_eq!(result.get(), Ok(number * number));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 20);
    pool.close();
    pool.join();
}

fn killed_worker_is_an_error_of_its_job_only() {
    let pool = Pool::new(2).unwrap();
    let before = pool.pids();
    fn stay(begun: Connection<(), ()>) {
        begun.send(&()).unwrap();
        greenroom::thread::park();
    }
    let start = || {
        let (ours, theirs) = pipe::<(), ()>().unwrap();
        let job = pool.submit(stay, theirs);
        ours.recv().unwrap();
        job
    };
    // Both workers are busy: the one that dies had the first job or the second.
    let (stuck, other) = (start(), start());
    watch::kill(before[0], "KILL");
    let after = pool.submit(square, 9);
    assert_eq!(after.get(), Ok(81));
    let dead = if stuck.is_ready() { stuck } else { other };
    let error = dead.get().unwrap_err();
    let expected = format!("(pid {}) was killed by signal 9", before[0]);
    assert!(
        matches!(&error, JobError::WorkerDied(text) if text.contains(&expected)),
        "{error}"
    );
    let now = pool.pids();
    assert!(
        !now.contains(&before[0]) && now.contains(&before[1]),
        "{now:?}"
    );
}

fn workers_killed_under_load_hang_nobody() {
    fn work(number: u64) -> u64 {
        greenroom::thread::sleep(std::time::Duration::from_micros(200));
        number
    }
    let pool = Pool::new(3).unwrap();
    let results: Vec<_> = (0..600).map(|number| pool.submit(work, number)).collect();
    let mut killed = Vec::new();
    for round in 0..10 {
        results[round * 30].wait();
        // The dead are replaced at their next job, if there is one.
        if let Some(pid) = pool.pids().into_iter().find(|pid| !killed.contains(pid)) {
            watch::kill(pid, "KILL");
            killed.push(pid);
        }
    }
    let mut died = 0;
    for (number, result) in (0..).zip(results) {
        match result.get() {
            Ok(value) => assert_eq!(value, number),
            Err(JobError::WorkerDied(text)) => {
                assert!(text.contains("signal 9"), "{text}");
                died += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(died <= killed.len(), "{died} jobs for {killed:?}");
    let last = pool.pids();
    pool.close();
    pool.join();
    watch::until_gone(&killed);
    watch::until_gone(&last);
}

fn idle_worker_that_died_is_replaced() {
    let pool = Pool::new(1).unwrap();
    let before = pool.pids();
    watch::kill(before[0], "KILL");
    watch::until("it is reaped", || {
        let alive = multiprocessing::active_children();
        alive.iter().all(|process| process.pid() != before[0])
    });
    assert_eq!(pool.apply(square, 2), Ok(4));
    assert_ne!(pool.pids(), before);
}

fn closed_pool_does_what_waits_and_takes_no_more() {
    let pool = Pool::new(1).unwrap();
    let results: Vec<_> = (0..50).map(|number| pool.submit(square, number)).collect();
    pool.close();
    assert_eq!(pool.apply(square, 1), Err(JobError::Closed));
    pool.join();
    assert!(
        results
            .iter()
            .all(|result| result.is_ready() && result.is_successful())
    );
    watch::until_gone(&pool.pids());
}

fn terminated_pool_ends_its_jobs() {
    let pool = Pool::new(2).unwrap();
    let results: Vec<_> = (0..5)
        .map(|_| pool.submit(|()| greenroom::thread::park(), ()))
        .collect();
    let pids = pool.pids();
    pool.terminate();
    for result in results {
        assert_eq!(result.get(), Err(JobError::Terminated));
    }
    assert_eq!(pool.apply(square, 1), Err(JobError::Terminated));
    pool.join();
    watch::until_gone(&pids);
}

fn job_that_exits_is_an_error_with_its_code() {
    let pool = Pool::new(1).unwrap();
    let error = pool.apply(|code: i32| std::process::exit(code), 5);
    let error = error.map(|value: ()| value).unwrap_err().to_string();
    assert!(error.contains("exited with code 5"), "{error}");
    assert_eq!(pool.apply(square, 2), Ok(4));
}

/// Panics when it is deserialised, or is not.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct Moody(u8);

impl<'de> serde::Deserialize<'de> for Moody {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Moody, D::Error> {
        let number = u8::deserialize(deserializer)?;
        assert!(number != 3, "not {number}");
        Ok(Moody(number))
    }
}

fn value_that_panics_on_arrival_is_an_error_of_its_job() {
    let pool = Pool::new(1).unwrap();
    let error = pool.apply(Moody, 3).unwrap_err();
    assert!(
        matches!(&error, JobError::Invalid(text) if text.contains("not 3")),
        "{error}"
    );
    assert_eq!(pool.apply(Moody, 4), Ok(Moody(4)));
    pool.join();
}

fn values_come_as_their_jobs_are_done() {
    fn wait(end: Option<Connection<(), ()>>) -> bool {
        end.is_some_and(|end| end.recv().is_ok())
    }
    let pool = Pool::new(2).unwrap();
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let mut values = pool.imap_unordered(wait, [Some(theirs), None, None]);
    assert_eq!(values.next(), Some(Ok(false)));
    assert_eq!(values.next(), Some(Ok(false)));
    ours.send(&()).unwrap();
    assert_eq!(values.next(), Some(Ok(true)));
    assert_eq!(values.next(), None);
    pool.close();
    let mut values = pool.imap_unordered(square, [1]);
    assert_eq!(values.next(), Some(Err(JobError::Closed)));
}

fn stopped_workers_are_terminated_with_their_pool() {
    let pool = Pool::new(2).unwrap();
    let pids = pool.pids();
    for pid in &pids {
        watch::kill(*pid, "STOP");
    }
    let job = pool.submit(square, 1);
    pool.terminate();
    assert_eq!(job.get(), Err(JobError::Terminated));
    pool.join();
    watch::until_gone(&pids);
}

fn descriptors_go_along_with_a_job() {
    fn read(file: Handed) -> String {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file.into_file(), &mut text).unwrap();
        text
    }
    let pool = Pool::new(1).unwrap();
    let file = std::fs::File::open("/proc/sys/kernel/ostype").unwrap();
    assert_eq!(
        pool.apply(read, Handed::from(file)).as_deref(),
        Ok("Linux\n")
    );
}
