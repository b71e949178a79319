//! What behaviour tests share: runtimes to run on, a watchdog, seeds, child processes.
//!
//! Every entry point sets a deadline: a lost wake must end the test run with the test's name, never
//! hang it. Waiting for somebody else's progress is [`until`], a loop of yields under that deadline;
//! a local task that raised a flag and is seen from its own worker has reached its wait, because
//! tasks of one worker run one at a time.
#![allow(dead_code, reason = "every test file uses its own part")]

use greenroom::Runtime;
use greenroom::thread::JoinHandle;
use std::any::Any;
use std::io::Write;
use std::panic::{self, Location};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::time::{Duration, Instant};

/// No test takes a tenth of it, even on a loaded machine in debug.
const DEADLINE: Duration = Duration::from_secs(120);

/// Longer than any test: what is asleep for this long ends only by being cancelled or woken.
pub(crate) const FOREVER: Duration = Duration::from_secs(3600);

/// A time that passes during the test.
pub(crate) const SHORT: Duration = Duration::from_millis(5);

/// Ends the process if it is still there at the deadline.
pub(crate) struct Watchdog(
    #[expect(dead_code, reason = "its drop is the signal")] mpsc::Sender<()>,
);

/// Shows panics on the real standard error too. What a worker of the global runtime prints goes to the
/// captured output of the test that started it, and is lost if another one fails.
fn show_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let _ = writeln!(std::io::stderr(), "{info}");
            previous(info);
        }));
    });
}

#[track_caller]
pub(crate) fn watchdog() -> Watchdog {
    show_panics();
    let (alive, guard) = mpsc::channel::<()>();
    let at = Location::caller();
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed").to_owned();
    std::thread::spawn(move || {
        if guard.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("test {name} ({at}) hangs, aborting");
            std::process::abort();
        }
    });
    Watchdog(alive)
}

/// The global runtime or a private one.
pub(crate) enum Rt {
    Global,
    Private(Runtime),
}

impl Rt {
    pub(crate) fn with_workers(workers: usize) -> Rt {
        Rt::Private(Runtime::builder().workers(workers).build().unwrap())
    }

    pub(crate) fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        match self {
            Rt::Global => greenroom::run(body),
            Rt::Private(runtime) => runtime.run(body),
        }
    }

    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        match self {
            Rt::Global => greenroom::thread::spawn(body),
            Rt::Private(runtime) => runtime.spawn(body),
        }
    }
}

/// Calls `test` on this OS thread for the global runtime and private ones with 1 and 4 workers.
#[track_caller]
pub(crate) fn for_each_runtime(test: impl Fn(&Rt)) {
    let _watchdog = watchdog();
    for rt in [Rt::Global, Rt::with_workers(1), Rt::with_workers(4)] {
        test(&rt);
    }
}

/// Runs `test` as a green thread of each of those runtimes.
#[track_caller]
pub(crate) fn on_every_runtime(test: impl Fn() + Sync) {
    for_each_runtime(|rt| rt.run(&test));
}

/// As [`on_every_runtime`] without the global one: for tests that park in a destructor while they
/// unwind. std counts panics per OS thread, so they would delay the interrupts of other tests there.
#[track_caller]
pub(crate) fn on_private_runtimes(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 4] {
        Rt::with_workers(workers).run(&test);
    }
}

/// As [`on_every_runtime`], and on a plain OS thread.
#[track_caller]
pub(crate) fn everywhere(test: impl Fn() + Sync) {
    on_every_runtime(&test);
    let _watchdog = watchdog();
    test();
}

/// Yields until `is_so`.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        greenroom::thread::yield_now();
        assert!(start.elapsed() < DEADLINE / 2, "waited in vain");
    }
}

/// Yields so often that whoever is runnable on this worker has run.
pub(crate) fn let_others_run() {
    for _ in 0..64 {
        greenroom::thread::yield_now();
    }
}

/// Something that happened, told across threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(crate) fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// For a thread that must not park: spins until it is raised.
    pub(crate) fn spin(&self) {
        let start = Instant::now();
        while !self.is_up() {
            std::thread::yield_now();
            assert!(start.elapsed() < DEADLINE / 2, "waited in vain");
        }
    }

    /// Raises the flag when dropped.
    pub(crate) fn on_drop(&self) -> RaiseOnDrop {
        RaiseOnDrop(self.clone())
    }
}

#[derive(Debug)]
pub(crate) struct RaiseOnDrop(Flag);

impl Drop for RaiseOnDrop {
    fn drop(&mut self) {
        assert!(!self.0.is_up(), "dropped twice");
        self.0.raise();
    }
}

/// Counts what is made and dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census(Arc<[AtomicUsize; 2]>);

#[derive(Debug)]
pub(crate) struct Counted {
    census: Census,
    is_dropped: AtomicBool,
}

impl Census {
    pub(crate) fn make(&self) -> Counted {
        self.0[0].fetch_add(1, Ordering::Relaxed);
        Counted {
            census: self.clone(),
            is_dropped: AtomicBool::new(false),
        }
    }

    pub(crate) fn made(&self) -> usize {
        self.0[0].load(Ordering::Acquire)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0[1].load(Ordering::Acquire)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.is_dropped.swap(true, Ordering::AcqRel) {
            eprintln!("a value was dropped twice, aborting");
            std::process::abort();
        }
        self.census.0[1].fetch_add(1, Ordering::AcqRel);
    }
}

/// A payload's text, if it is a panic's.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}

#[track_caller]
pub(crate) fn assert_cancelled<T>(result: greenroom::thread::Result<T>) {
    match result {
        Ok(_) => panic!("not cancelled: it returned a value"),
        Err(payload) => assert!(
            payload.is::<greenroom::Cancelled>(),
            "not cancelled: {}",
            text(payload.as_ref())
        ),
    }
}

/// SplitMix64: enough to vary an order, and reproducible.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// From a seed that the caller prints.
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// From `GREENROOM_TEST_SEED`, else from the clock; printed, so that a failure shows it.
    pub(crate) fn seeded() -> Rng {
        let seed = std::env::var("GREENROOM_TEST_SEED").map_or_else(
            |_| {
                let now = std::time::UNIX_EPOCH.elapsed().unwrap();
                u64::from(now.subsec_nanos()) ^ now.as_secs()
            },
            |text| text.parse().unwrap(),
        );
        println!("GREENROOM_TEST_SEED={seed}");
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// An independent generator.
    pub(crate) fn split(&mut self) -> Rng {
        Rng(self.next())
    }
}

const CHILD: &str = "GREENROOM_TEST_CHILD";

/// Whether this process was started by [`run_as_child`].
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the test `name` of this binary again, in a process of its own.
pub(crate) fn run_as_child(name: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
