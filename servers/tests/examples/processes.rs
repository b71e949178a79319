//! The processes chapter: each program on one worker and on two, its output against its header and, where both
//! must print the same, against CPython's multiprocessing.
//!
//! Every process of a program holds its standard output, which these tests read to its end: one that is left behind
//! makes them fail.

use super::child::{Ended, Running};
use super::run::{assert_output, assert_output_unordered, example, python};
use super::watchdog::watchdog;

/// Attempts at what a busy machine may spoil.
const ATTEMPTS: usize = 10;

/// Runs it to its end, on so many workers.
fn run_on(workers: usize, name: &str) -> Ended {
    let mut command = example(name, &[]);
    command
        .env("GREENROOM_WORKERS", workers.to_string())
        .env("RUST_BACKTRACE", "0");
    let ended = Running::start(&mut command).end();
    assert_eq!(ended.status.code(), Some(0), "{name}: {ended}");
    ended
}

/// As [`run_on`], of one that complains about nothing.
fn run_quietly_on(workers: usize, name: &str) -> Ended {
    let ended = run_on(workers, name);
    assert_eq!(ended.stderr, "", "{name}: {ended}");
    ended
}

/// What stands behind `before` and in front of `after`, or of the line's end, in each line that has `before`.
fn between<'a>(ended: &'a Ended, before: &str, after: &str) -> Vec<&'a str> {
    let rests = ended
        .stdout
        .lines()
        .filter_map(|line| line.split_once(before));
    rests
        .map(|(_, rest)| match rest.split_once(after) {
            Some((found, _)) if !after.is_empty() => found,
            _ => rest,
        })
        .collect()
}

/// What Python's multiprocessing prints; `fork` is what it can do with a program that is no file.
fn pythons(script: &str) -> Option<Ended> {
    let script =
        format!("import multiprocessing\nmultiprocessing.set_start_method('fork')\n{script}");
    let ended = python(&script, &[])?;
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    Some(ended)
}

#[test]
fn process_spawn_tells_who_is_whose_parent() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_quietly_on(workers, "process_spawn");
        assert_output("process_spawn", &ended);
        let pids = between(&ended, ", pid ", ",");
        let parents = between(&ended, "my parent is ", "");
        assert_eq!(parents[0], std::process::id().to_string(), "{ended}");
        assert_eq!(parents[1..], [pids[0], pids[0]], "{ended}");
        assert!(pids[0] != pids[1] && pids[0] != pids[2], "{ended}");
    }
}

#[test]
fn process_isolation_keeps_the_count_as_in_python() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_quietly_on(workers, "process_isolation");
        assert_output("process_isolation", &ended);
    }
    let script = "
count = 100
def show():
    print(f'main: count is {count}', flush=True)
def to_zero():
    global count
    before, count = count, 0
    print(f'process: count was {before}, and is {count} now', flush=True)
show()
process = multiprocessing.Process(target=to_zero)
process.start()
process.join()
show()
";
    let Some(theirs) = pythons(script) else {
        return;
    };
    let ours = run_on(2, "process_isolation").stdout;
    assert!(ours.starts_with(&theirs.stdout), "{ours}\n{theirs}");
}

#[test]
fn process_join_waits_for_each_or_for_all() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let mut is_shorter = false;
        for _ in 0..ATTEMPTS {
            let ended = run_quietly_on(workers, "process_join");
            assert_output_unordered("process_join", &ended);
            let lines: Vec<&str> = ended.stdout.lines().collect();
            let first = ["p1 slept 300 ms", "p2 slept 200 ms", "p3 slept 100 ms"];
            assert_eq!(lines[..3], first, "{ended}");
            assert!(lines[7].starts_with("joined after all starts"), "{ended}");
            let took = between(&ended, "starts: ", " ms");
            let after_all: u32 = took[0].parse().unwrap();
            let took = between(&ended, "each start: ", " ms");
            let after_each: u32 = took[0].parse().unwrap();
            assert!(after_each >= 600 && after_all >= 300, "{ended}");
            is_shorter = after_all < 600 && lines[4..7].is_sorted_by(|a, b| a > b);
            if is_shorter {
                break;
            }
        }
        assert!(is_shorter, "not once at the same time");
    }
}

#[test]
fn process_terminate_shows_the_exit_codes_of_python() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_on(workers, "process_terminate");
        assert_output("process_terminate", &ended);
        assert!(ended.stderr.contains("this is the panic of p5"), "{ended}");
    }
    let script = "
import sys, time
def fail():
    sys.stderr = None
    raise RuntimeError
def ended(target, *args, by=None):
    process = multiprocessing.Process(target=target, args=args)
    process.start()
    if by:
        by(process)
    process.join()
    return process
Process = multiprocessing.Process
p1 = ended(time.sleep, 300, by=Process.terminate)
print(p1.exitcode)
p1.terminate()
p1.join()
print(p1.exitcode)
for p in (ended(time.sleep, 300, by=Process.kill), ended(time.sleep, 0), ended(sys.exit, 3), ended(fail)):
    print(p.exitcode)
";
    let Some(theirs) = pythons(script) else {
        return;
    };
    let ours = run_on(2, "process_terminate");
    let theirs: Vec<&str> = theirs.stdout.lines().collect();
    assert_eq!(between(&ours, "exit code: Some(", ")"), theirs);
}

#[test]
fn process_queue_gives_what_pythons_gives_and_an_error_when_nobody_is_left() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_quietly_on(workers, "process_queue");
        assert_output("process_queue", &ended);
    }
    let script = r#"
def f(queue):
    queue.put((42, None, "hello"))
def append(queue):
    numbers = queue.get()
    numbers.append(4)
    queue.put(numbers)
def square(numbers, squares):
    while (number := numbers.get()) is not None:
        squares.put(number * number)
Queue = multiprocessing.Queue
def start(target, *args):
    multiprocessing.Process(target=target, args=args).start()
queue = Queue()
start(f, queue)
print(str(queue.get()).replace("'", '"'))
mine = [1, 2, 3]
queue = Queue()
queue.put(mine)
process = multiprocessing.Process(target=append, args=(queue,))
process.start()
process.join()
theirs = queue.get()
print(f"mine is {mine}, the child's is {theirs}")
numbers, squares = Queue(2), Queue()
for _ in range(3):
    start(square, numbers, squares)
for number in [*range(10), None, None, None]:
    numbers.put(number)
print("squares of three processes:", sorted(squares.get() for _ in range(10)))
"#;
    let Some(theirs) = pythons(script) else {
        return;
    };
    let ours = run_on(2, "process_queue").stdout;
    assert!(ours.starts_with(&theirs.stdout), "{ours}\n{theirs}");
}

#[test]
fn process_pipe_goes_both_ways_as_pythons_and_its_end_has_a_reason() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_quietly_on(workers, "process_pipe");
        assert_output("process_pipe", &ended);
    }
    let script = "
def f(parent):
    parent.send('hello from child')
    a, b = parent.recv()
    parent.send(f'{a} times {b} is {a * b}')
ours, theirs = multiprocessing.Pipe()
process = multiprocessing.Process(target=f, args=(theirs,))
process.start()
theirs.close()
print(ours.recv())
ours.send((6, 7))
print(ours.recv())
try:
    print('unexpected:', ours.recv())
except EOFError:
    pass
";
    let Some(theirs) = pythons(script) else {
        return;
    };
    let ours = run_on(2, "process_pipe").stdout;
    assert!(ours.starts_with(&theirs.stdout), "{ours}\n{theirs}");
}

#[test]
fn process_manager_shares_what_pythons_shares() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_quietly_on(workers, "process_manager");
        assert_output("process_manager", &ended);
        let numbers = |text: &str| -> Vec<u32> {
            text.split([',', ':'])
                .map(|number| number.trim().parse().unwrap())
                .collect()
        };
        let list = numbers(between(&ended, "list: [", "]")[0]);
        assert_eq!(list[..5], [0, 1, 2, 3, 4], "{ended}");
        let mut pids = list[5..].to_vec();
        pids.sort_unstable();
        pids.dedup();
        assert_eq!(pids.len(), 10, "{ended}");
        let pairs = pids.iter().flat_map(|pid| [*pid, *pid]);
        let dictionary = numbers(between(&ended, "dictionary: {", "}")[0]);
        assert_eq!(dictionary, pairs.collect::<Vec<_>>(), "{ended}");
        // Each list that a process saw is the last one, up to then.
        let last = ended.stdout.lines().nth(11).unwrap();
        let last = last.strip_prefix("list: ").unwrap().trim_end_matches(']');
        for seen in ended.stdout.lines().take(10) {
            assert!(last.starts_with(seen.trim_end_matches(']')), "{ended}");
        }
    }
    let script = "
import os
def f(dictionary, list):
    dictionary[os.getpid()] = os.getpid()
    list.append(os.getpid())
def count(lock, counts):
    for _ in range(25):
        with lock:
            counts['all'] = counts.get('all', 0) + 1
def for_all(n, target, *args):
    processes = [multiprocessing.Process(target=target, args=args) for _ in range(n)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
with multiprocessing.Manager() as manager:
    dictionary, list = manager.dict(), manager.list(range(5))
    for_all(10, f, dictionary, list)
    print(len(dictionary), len(list), list[:5], sorted(list[5:]) == sorted(dictionary.values()))
    counts = manager.dict()
    for_all(4, count, multiprocessing.Lock(), counts)
    print('4 processes counted to', counts['all'])
";
    let Some(theirs) = pythons(script) else {
        return;
    };
    // What is asserted of ours above.
    let theirs: Vec<&str> = theirs.stdout.lines().collect();
    assert_eq!(
        theirs,
        ["10 15 [0, 1, 2, 3, 4] True", "4 processes counted to 100"]
    );
}

#[test]
fn process_lock_keeps_lines_whole_and_outlives_its_holder() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ended = run_quietly_on(workers, "process_lock");
        assert_output_unordered("process_lock", &ended);
        let last = ["Process-11 dies", "the next holder", "the one after"];
        for (line, start) in ended.stdout.lines().skip(10).zip(last) {
            assert!(line.starts_with(start), "{ended}");
        }
    }
}

#[test]
fn process_pool_has_pythons_results_and_survives_its_jobs() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let mut are_all_busy = false;
        for _ in 0..ATTEMPTS {
            let ended = run_on(workers, "process_pool");
            assert_output_unordered("process_pool", &ended);
            assert!(ended.stderr.contains("this job has a fault"), "{ended}");
            let at_once = assert_jobs_precede_callbacks(&ended);
            are_all_busy = at_once.len() == 5;
            if are_all_busy {
                break;
            }
        }
        assert!(are_all_busy, "not once five at the same time");
    }
    let script = "
def foo(number):
    return number + 100
def square(number):
    return number * number
with multiprocessing.Pool(5) as pool:
    print('one after another:', *(pool.apply(foo, (number,)) for number in range(3)))
    done = []
    for result in [pool.apply_async(foo, (number,), callback=done.append) for number in range(10)]:
        result.wait()
    pool.close()
    pool.join()
    print(*(f'--> done: {value}' for value in sorted(done)), sep='\\n')
with multiprocessing.Pool(5) as pool:
    print('in the order of the arguments:', pool.map(square, range(10)))
";
    let Some(theirs) = pythons(script) else {
        return;
    };
    let ours = run_on(2, "process_pool");
    let lines = ours.stdout.lines();
    let lines = lines.map(|line| line.split(" in ").next().unwrap_or(line));
    let is_theirs = |line: &&str| theirs.stdout.lines().any(|their| their.starts_with(*line));
    let mut ours: Vec<&str> = lines.filter(is_theirs).collect();
    ours[1..11].sort_unstable();
    let whole: Vec<&str> = theirs.stdout.lines().collect();
    assert_eq!(ours.len(), whole.len(), "{ours:?}\n{theirs}");
    assert!(
        ours.iter()
            .zip(whole)
            .all(|(our, their)| their.starts_with(our)),
        "{ours:?}\n{theirs}"
    );
}

/// Callbacks run in the main process, each after its job, and jobs in others; returns those of the middle part.
fn assert_jobs_precede_callbacks(ended: &Ended) -> Vec<&str> {
    let main = between(ended, "main process: ", "");
    let lines: Vec<&str> = ended.stdout.lines().skip(5).take(20).collect();
    let mut workers = Vec::new();
    for number in 0..10 {
        let job = format!("{number} in process ");
        let callback = format!("--> done: {} in ", 100 + number);
        let place = |start: &str| lines.iter().position(|line| line.starts_with(start));
        let (job_at, callback_at) = (place(&job).unwrap(), place(&callback).unwrap());
        assert!(job_at < callback_at, "{ended}");
        assert_eq!(lines[callback_at][callback.len()..], *main[0], "{ended}");
        workers.push(&lines[job_at][job.len()..]);
    }
    workers.sort_unstable();
    workers.dedup();
    assert!(!workers.contains(&main[0]) && workers.len() <= 5, "{ended}");
    workers
}

#[test]
fn process_join_that_is_killed_leaves_nobody_behind() {
    let _watchdog = watchdog();
    for signal in ["KILL", "TERM"] {
        let mut running = Running::start(&mut example("process_join", &[]));
        running.line("joined after all starts: ");
        // The next process would sleep for five minutes, and hold standard output.
        running.signal(signal);
        let ended = running.end();
        assert_ne!(ended.status.code(), Some(0), "{ended}");
        assert_eq!(ended.stderr, "", "{ended}");
    }
}
