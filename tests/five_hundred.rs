//! Five hundred green threads blocked in each kind of call, on one worker: how many OS threads that takes,
//! and whether a neighbour keeps its beat.
//!
//! Each kind runs in a process of its own, which counts its OS threads. A ticker sleeps a millisecond
//! again and again, first alone, then beside the five hundred; the ratio is printed. What is asserted
//! is that it goes on at all: how fast, depends on the machine.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "five_hundred/kinds.rs"]
mod kinds;
#[path = "five_hundred/silent_names.rs"]
mod silent_names;

use greenroom::{Runtime, thread};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many block.
const CROWD: usize = 500;

/// How long the ticker is watched.
const WATCHED: Duration = Duration::from_millis(150);

/// What a child process may take in all.
const LIMIT: Duration = Duration::from_secs(100);

const ROLE: &str = "GREENROOM_TEST_FIVE_HUNDRED";

/// OS threads beside those of the blocking pool: main, the test's, a watchdog's, one worker.
const OTHERS_MAX: usize = 5;

/// How often a green thread that sleeps for a millisecond wakes up.
fn beats() -> usize {
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < WATCHED {
        thread::sleep(Duration::from_millis(1));
        count += 1;
    }
    count
}

fn os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// How many of the crowd are parked for `reason`.
fn blocked(reason: &str) -> usize {
    let lines = greenroom::waiting(LIMIT);
    let is_one = |line: &&String| line.contains("blocked-") && line.contains(reason);
    lines.iter().filter(is_one).count()
}

/// The process of one kind: `pool_max` threads of the blocking pool may be in use.
fn block(pool_max: usize, kind: impl FnOnce() -> kinds::Crowd + Send) {
    std::thread::spawn(|| {
        std::thread::sleep(LIMIT);
        eprintln!("hangs, aborting");
        std::process::abort();
    });
    let runtime = Runtime::builder().workers(1).build().unwrap();
    let alone = runtime.run(beats);
    let crowd = runtime.run(kind);
    for (index, body) in crowd.bodies.into_iter().enumerate() {
        let builder = thread::Builder::new().name(format!("blocked-{index}"));
        runtime.run(move || builder.spawn(body).unwrap());
    }
    let (at_least, reason) = (crowd.at_least, crowd.reason);
    runtime.run(move || {
        while blocked(reason) < at_least {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let beside = runtime.run(beats);
    let threads = os_threads();
    let still = runtime.run(|| blocked(reason));
    println!(
        "beats alone {alone}, beside {still} blocked ones {beside} (ratio {:.2}), OS threads {threads}",
        beside as f64 / alone as f64
    );
    assert!(still >= at_least, "only {still} are still blocked");
    assert!(beside > 1, "the ticker stands still");
    assert!(
        threads <= OTHERS_MAX + pool_max,
        "{threads} OS threads, of which {pool_max} may be of the pool"
    );
    // What is blocked ends with the process.
    std::process::exit(0);
}

/// Runs the test of this name again as a child, or `block`s if this is the child.
fn five_hundred(test: &str, pool_max: usize, kind: impl FnOnce() -> kinds::Crowd + Send) {
    if std::env::var_os(ROLE).is_some() {
        return block(pool_max, kind);
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, "1")
        // Held open, and silent.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = child;
    let silent = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(silent);
    let text = String::from_utf8_lossy(&output.stdout);
    println!(
        "{test}: {}",
        text.lines()
            .find(|line| line.contains("beats"))
            .unwrap_or("-")
    );
    assert!(
        output.status.success(),
        "{}: {text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

macro_rules! kinds {
    ($($test:ident: $kind:path, $pool_max:expr;)*) => {$(
        #[test]
        fn $test() {
            five_hundred(stringify!($test), $pool_max, $kind);
        }
    )*};
}

/// Bound of the lane of host names.
const NAMES_MAX: usize = 128;
/// Bound of the lane that starts children.
const STARTERS_MAX: usize = 16;
/// Bounds of the lanes of files: what a disk answers, and what may wait for good.
const FILES_MAX: usize = 64 + 64;

kinds! {
    blocked_in_accept: kinds::accept, 0;
    blocked_in_read: kinds::read, 0;
    blocked_in_write_to_a_full_socket: kinds::write, 0;
    blocked_in_recv_from: kinds::recv_from, 0;
    blocked_in_connect_to_a_silent_address: kinds::connect, 0;
    blocked_in_connect_to_a_full_unix_socket: kinds::connect_unix, 0;
    blocked_in_wait_for_a_child: kinds::child, STARTERS_MAX;
    blocked_in_read_of_a_pipe: kinds::pipe, 0;
    blocked_in_read_of_stdin: kinds::stdin, 0;
    blocked_in_read_of_a_fifo: kinds::fifo_read, FILES_MAX;
    blocked_in_open_of_a_fifo: kinds::fifo_open, FILES_MAX;
    blocked_in_lock_of_a_file: kinds::file_lock, FILES_MAX;
    blocked_in_lookup_of_a_name: kinds::name, NAMES_MAX;
    blocked_in_lock: kinds::lock, 0;
    blocked_in_condvar: kinds::condvar, 0;
    blocked_in_recv: kinds::recv, 0;
    blocked_in_sleep: kinds::sleep, 0;
    blocked_in_park: kinds::park, 0;
}
