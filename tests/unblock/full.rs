//! A pool whose threads are all busy, and one that gets none: order, numbers, the report, running here.
//!
//! The pool belongs to the process, so each test runs alone, in a child process.

use crate::child::Running;
use crate::reexec::{role, this_test};
use crate::watchdog::watchdog;
use crate::{Door, THREADS_MAX, passes_alone};
use greenroom::thread::JoinHandle;
use greenroom::{Runtime, UnblockLane, thread, unblock, unblock_stats};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn closures() -> UnblockLane {
    let stats = unblock_stats();
    assert_eq!(stats.lanes.len(), 5, "{stats:?}");
    let lane = stats.lanes.into_iter().find(|lane| lane.name == "unblock");
    lane.unwrap()
}

/// Waits until the lane of closures looks so.
fn until(is_so: impl Fn(&UnblockLane) -> bool) -> UnblockLane {
    loop {
        let lane = closures();
        if is_so(&lane) {
            return lane;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Occupies `count` threads of the pool.
fn occupy(count: usize, door: &Arc<Door>) -> Vec<JoinHandle<()>> {
    let waits = |_| {
        let door = Arc::clone(door);
        thread::spawn(move || unblock(move || door.wait()))
    };
    let jobs = (0..count).map(waits).collect();
    door.wait_for(count);
    jobs
}

#[test]
fn queued_jobs_begin_in_order_of_arrival() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("full::queued_jobs_begin_in_order_of_arrival");
    }
    let (shut, ajar) = <(Arc<Door>, Arc<Door>)>::default();
    let busy = occupy(THREADS_MAX - 1, &shut);
    // The last thread will run all that is queued, one after the other.
    let last = occupy(1, &ajar);
    let order = Arc::new(Mutex::new(Vec::new()));
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let queued: Vec<_> = (0..100)
        .map(|n| {
            let order = Arc::clone(&order);
            runtime.spawn(move || unblock(move || order.lock().unwrap().push(n)))
        })
        .collect();
    let lane = until(|lane| lane.queued == 100);
    let expected = (THREADS_MAX, 0, THREADS_MAX, THREADS_MAX);
    let found = (lane.threads, lane.idle, lane.running, lane.threads_max);
    assert_eq!(found, expected);
    // What is withdrawn is not counted, and not in the way.
    for job in queued.iter().step_by(3) {
        job.cancel();
    }
    until(|lane| lane.queued == 66);
    let lines = runtime.run(|| greenroom::waiting(Duration::from_secs(60)));
    let lines_with = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        lines_with("queued for the blocking pool: unblock"),
        66,
        "{lines:?}"
    );
    ajar.open();
    let ended = queued.into_iter().filter_map(|job| job.join().ok()).count();
    assert_eq!(ended, 66);
    let expected: Vec<_> = (0..100).filter(|n| n % 3 != 0).collect();
    assert_eq!(*order.lock().unwrap(), expected);
    shut.open();
    busy.into_iter()
        .chain(last)
        .for_each(|job| job.join().unwrap());
    let lane = until(|lane| lane.running == 0 && lane.idle == lane.threads);
    assert_eq!((lane.queued, lane.threads), (0, THREADS_MAX));
}

#[test]
fn waiting_names_a_job_that_runs() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("full::waiting_names_a_job_that_runs");
    }
    let door = Arc::new(Door::default());
    let busy = occupy(3, &door);
    let lines = greenroom::waiting(Duration::from_secs(60));
    let running = |line: &&String| line.contains("running on the blocking pool: unblock");
    assert_eq!(lines.iter().filter(running).count(), 3, "{lines:?}");
    assert_eq!(until(|lane| lane.running == 3).queued, 0);
    door.open();
    busy.into_iter().for_each(|job| job.join().unwrap());
}

/// Counts the reports; then panics, as a logger may.
struct Counter(AtomicUsize);

impl log::Log for Counter {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        if line.contains("all 512 threads for unblock are busy") {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("a logger that fails");
        }
    }

    fn flush(&self) {}
}

static REPORTS: Counter = Counter(AtomicUsize::new(0));

#[test]
fn full_pool_is_reported_once_per_episode() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("full::full_pool_is_reported_once_per_episode");
    }
    log::set_logger(&REPORTS).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    for episode in 1..=3 {
        let door = Arc::new(Door::default());
        let mut busy = occupy(THREADS_MAX, &door);
        assert_eq!(REPORTS.0.load(Ordering::SeqCst), episode - 1);
        busy.extend((0..50).map(|_| thread::spawn(|| unblock(|| ()))));
        until(|lane| lane.queued == 50);
        while REPORTS.0.load(Ordering::SeqCst) < episode {
            std::thread::yield_now();
        }
        door.open();
        busy.into_iter().for_each(|job| job.join().unwrap());
        until(|lane| lane.idle == lane.threads);
        assert_eq!(REPORTS.0.load(Ordering::SeqCst), episode);
    }
}

/// Limits this process's memory, or lifts the limit again.
fn limit_memory(bytes: &str) {
    let limit = format!("prlimit --pid $PPID --as={bytes}:");
    let status = std::process::Command::new("sh")
        .args(["-c", &limit])
        .status();
    assert!(status.unwrap().success(), "{limit}");
}

/// Too little for the stack of one more thread.
fn scarce() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib: u64 = size
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    ((kib + 1024) * 1024).to_string()
}

#[test]
fn job_runs_here_if_there_is_no_thread_and_waits_if_there_is_one() {
    let test = "full::job_runs_here_if_there_is_no_thread_and_waits_if_there_is_one";
    if role().is_none() {
        let _watchdog = watchdog();
        let ended = Running::start(&mut this_test(test, "alone", "")).end();
        assert!(ended.status.success(), "{ended}");
        return;
    }
    // Without a watchdog: its thread's end would leave a stack to be used again.
    let here = || std::thread::current().id();
    let runtime = Runtime::builder().workers(1).build().unwrap();
    runtime.run(|| {
        limit_memory(&scarce());
        let worker = here();
        for n in 0..3 {
            assert_eq!(unblock(move || (n, here())), (n, worker));
        }
        let panics = thread::spawn(|| unblock(|| std::panic::resume_unwind(Box::new(3))));
        assert_eq!(panics.join().unwrap_err().downcast_ref(), Some(&3));
        // What has begun is masked, here too.
        let late = greenroom::timeout(Duration::from_millis(1), || {
            unblock(|| thread::sleep(Duration::from_millis(3)));
            "value"
        });
        assert_eq!(late, Ok("value"));
        let lane = closures();
        assert_eq!((lane.threads, lane.queued, lane.running), (0, 0, 0));
        limit_memory("unlimited");
        assert_ne!(unblock(here), worker);
    });
    until(|lane| lane.idle == 1);
    let door = Arc::new(Door::default());
    let mut jobs = occupy(1, &door);
    limit_memory(&scarce());
    jobs.push(runtime.spawn(|| unblock(|| ())));
    until(|lane| lane.queued == 1);
    runtime.run(|| (0..100).for_each(|_| thread::yield_now()));
    let lane = closures();
    assert_eq!((lane.threads, lane.queued, lane.running), (1, 1, 1));
    door.open();
    jobs.into_iter().for_each(|job| job.join().unwrap());
}

/// Two that need what the other has, each its own job's: whoever ran the other's would lock what he holds.
#[test]
fn job_without_a_thread_is_run_by_nobody_but_its_waiter() {
    let test = "full::job_without_a_thread_is_run_by_nobody_but_its_waiter";
    if role().is_none() {
        let _watchdog = watchdog();
        let ended = Running::start(&mut this_test(test, "alone", "")).end();
        assert!(ended.status.success(), "{ended}");
        return;
    }
    let runtime = Runtime::builder().workers(2).build().unwrap();
    runtime.run(|| {
        limit_memory(&scarce());
        let mutex = Arc::new(greenroom::sync::Mutex::new(0));
        let start = |holds: bool| {
            let mutex = Arc::clone(&mutex);
            move || {
                for _ in 0..2_000 {
                    let guard = holds.then(|| mutex.lock().unwrap());
                    let theirs = Arc::clone(&mutex);
                    let me = thread::current().id();
                    let ran = unblock(move || {
                        if !holds {
                            *theirs.lock().unwrap() += 1;
                        }
                        thread::current().id()
                    });
                    assert_eq!(ran, me);
                    drop(guard);
                }
            }
        };
        let on = |worker| thread::Builder::new().worker(worker);
        let all = [
            on(0).spawn(start(true)).unwrap(),
            on(1).spawn(start(false)).unwrap(),
            on(0).spawn(start(false)).unwrap(),
            on(1).spawn(start(true)).unwrap(),
        ];
        for one in all {
            one.join().unwrap();
        }
    });
}
