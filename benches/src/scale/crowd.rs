//! A crowd of tasks at once: parked, parked with a limit, or asleep until a time each.
//!
//! Deadlines of sleepers lie behind the time that spawning all of them takes, then spread over a
//! second, so that arming and firing do not mix. Each sleeper compares the clock with its deadline
//! itself: one that is early is a missed gate.

use super::memory::Memory;
use super::{Crowd, Size, ask_child, judge, number};
use crate::report::Report;
use crate::stats;
use crate::sys::process;
use greenroom::Runtime;
use greenroom::thread::{self, JoinHandle};
use serde_json::{Value, json};
use std::io;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// KiB of resident memory and page tables per parked task.
const GATE_KIB: f64 = 4.9;
const GATHER_MAX: Duration = Duration::from_secs(200);
/// What one task may take to be spawned and armed before the first deadline...
const ARM_EACH: Duration = Duration::from_nanos(4_500);
/// ...and a margin for all of them.
const ARM_MARGIN: Duration = Duration::from_secs(2);
const SPREAD_NS: u64 = 1_000_000_000;
const HOUR: Duration = Duration::from_secs(3600);

/// What the tasks of a crowd report to.
#[derive(Debug)]
struct Roll {
    present: AtomicUsize,
    early: AtomicUsize,
    late_ns: Box<[AtomicU32]>,
}

/// Child: gathers a crowd, weighs it, lets it go.
pub(super) fn measure(crowd: Crowd, tasks: usize, workers: usize) -> io::Result<Value> {
    let runtime = Runtime::builder().workers(workers).build()?;
    // So that queues and the first stacks exist before the baseline.
    runtime
        .spawn(|| ())
        .join()
        .map_err(|_| io::Error::other("a task that does nothing panicked"))?;
    let late = if crowd == Crowd::Sleeping { tasks } else { 0 };
    let roll: &Roll = Box::leak(Box::new(Roll {
        present: AtomicUsize::new(0),
        early: AtomicUsize::new(0),
        late_ns: (0..late).map(|_| AtomicU32::new(0)).collect(),
    }));
    let before = Memory::own()?;
    let cpu_before = own_cpu_s()?;
    let begun = Instant::now();
    let handles = runtime.run(|| spawn_all(crowd, tasks, begun, roll));
    let spawn_s = begun.elapsed().as_secs_f64();
    gather(roll, tasks)?;
    let gather_s = begun.elapsed().as_secs_f64();
    // The last ones are between their note and their sleep.
    std::thread::sleep(Duration::from_millis(50));
    let during = Memory::own()?.since(before);
    let stacks = greenroom::stack_stats();
    let waking = Instant::now();
    let joined = runtime.run(|| release(crowd, handles));
    let release_s = waking.elapsed().as_secs_f64();
    let cpu_s = own_cpu_s()? - cpu_before;
    if joined != tasks {
        return Err(io::Error::other(format!("only {joined} tasks were joined")));
    }
    let late_ms: Vec<f64> = roll
        .late_ns
        .iter()
        .map(|late| f64::from(late.load(Ordering::Relaxed)) / 1e6)
        .collect();
    let after = Memory::own()?.since(before);
    Ok(json!({
        "tasks": tasks, "workers": workers,
        "rss_kib": during.rss, "pss_kib": during.pss, "pte_kib": during.page_tables,
        "maps": during.maps + before.maps, "after_rss_kib": after.rss,
        "spawn_s": spawn_s, "gather_s": gather_s, "release_s": release_s, "cpu_s": cpu_s,
        "stacks_in_use": stacks.in_use, "chunks": stacks.chunks, "guard": stacks.guard.to_string(),
        "early": roll.early.load(Ordering::Relaxed),
        "planned_s": first_deadline(tasks).as_secs_f64(),
        "late_p50_ms": nan_is_null(stats::median(&late_ms)),
        "late_p99_ms": nan_is_null(stats::quantile(&late_ms, 0.99)),
        "late_max_ms": nan_is_null(stats::quantile(&late_ms, 1.0)),
    }))
}

fn nan_is_null(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn own_cpu_s() -> io::Result<f64> {
    Ok(process::cpu_ns(std::process::id())? as f64 / 1e9)
}

fn first_deadline(tasks: usize) -> Duration {
    ARM_MARGIN + ARM_EACH * u32::try_from(tasks).unwrap_or(u32::MAX)
}

fn spawn_all(
    crowd: Crowd,
    tasks: usize,
    begun: Instant,
    roll: &'static Roll,
) -> Vec<JoinHandle<()>> {
    let first = begun + first_deadline(tasks);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut handles = Vec::with_capacity(tasks);
    for number in 0..tasks {
        let handle = match crowd {
            Crowd::Sleeping => {
                random = next_random(random);
                let deadline = first + Duration::from_nanos(random % SPREAD_NS);
                thread::spawn(move || sleep(roll, number, deadline))
            }
            Crowd::Limited => thread::spawn(|| {
                roll.present.fetch_add(1, Ordering::Relaxed);
                thread::park_timeout(HOUR);
            }),
            Crowd::Parked | Crowd::Armed => thread::spawn(|| {
                roll.present.fetch_add(1, Ordering::Relaxed);
                thread::park();
            }),
        };
        handles.push(handle);
    }
    handles
}

/// xorshift64: deadlines only have to be spread.
fn next_random(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}

fn sleep(roll: &Roll, number: usize, deadline: Instant) {
    roll.present.fetch_add(1, Ordering::Relaxed);
    thread::sleep_until(deadline);
    match Instant::now().checked_duration_since(deadline) {
        None => drop(roll.early.fetch_add(1, Ordering::Relaxed)),
        Some(late) => {
            let late_ns = u32::try_from(late.as_nanos()).unwrap_or(u32::MAX);
            roll.late_ns[number].store(late_ns, Ordering::Relaxed);
        }
    }
}

/// Waits, on an OS thread, until everybody is there.
fn gather(roll: &Roll, tasks: usize) -> io::Result<()> {
    let limit = Instant::now() + GATHER_MAX;
    while roll.present.load(Ordering::Relaxed) < tasks {
        if Instant::now() > limit {
            let present = roll.present.load(Ordering::Relaxed);
            let text = format!("{present} of {tasks} tasks have started");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Wakes those who wait to be woken and joins all; how many ended well.
fn release(crowd: Crowd, handles: Vec<JoinHandle<()>>) -> usize {
    if crowd != Crowd::Sleeping {
        handles.iter().for_each(|handle| handle.thread().unpark());
    }
    handles
        .into_iter()
        .filter_map(|handle| handle.join().ok())
        .count()
}

const HEADERS: [&str; 14] = [
    "scenario",
    "tasks",
    "workers",
    "RSS+PT KiB",
    "gate",
    "RSS",
    "page tables",
    "PSS",
    "maps",
    "spawn s",
    "all parked s",
    "wake+join s",
    "CPU s",
    "verdict",
];

fn add_row(report: &mut Report, name: &str, value: &Value, is_gated: bool) -> io::Result<()> {
    let of = |field| number(value, field);
    let tasks = of("tasks")?;
    let each = (of("rss_kib")? + of("pte_kib")?) / tasks;
    let (gate, verdict) = if is_gated {
        (
            format!("{GATE_KIB:.1}"),
            judge(report, name, each, GATE_KIB),
        )
    } else {
        ("-".to_owned(), "-".to_owned())
    };
    let cells = vec![
        name.to_owned(),
        format!("{tasks:.0}"),
        format!("{:.0}", of("workers")?),
        format!("{each:.3}"),
        gate,
        format!("{:.3}", of("rss_kib")? / tasks),
        format!("{:.3}", of("pte_kib")? / tasks),
        format!("{:.3}", of("pss_kib")? / tasks),
        format!("{:.0}", of("maps")?),
        format!("{:.2}", of("spawn_s")?),
        format!("{:.2}", of("gather_s")?),
        format!("{:.2}", of("release_s")?),
        format!("{:.2}", of("cpu_s")?),
        verdict,
    ];
    report.row(
        "tasks at once (KiB each, over the baseline)",
        &HEADERS,
        cells,
    );
    report.record(json!({ "name": name, "measured": value }));
    Ok(())
}

/// Parent: parked tasks, the memory gate.
pub(super) fn parked(size: &Size, report: &mut Report) -> io::Result<()> {
    let value = ask_child("parked", size)?;
    add_row(report, "parked", &value, true)?;
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count")?;
    report.note(format!(
        "parked: {} stacks in use in {} chunks, guards by {}, {} kernel maps of {} allowed",
        value["stacks_in_use"],
        value["chunks"],
        value["guard"].as_str().unwrap_or("?"),
        value["maps"],
        limit.trim(),
    ));
    Ok(())
}

/// Parent: sleepers, and what they cost beyond the same crowd parked without timers.
pub(super) fn sleeping(size: &Size, report: &mut Report) -> io::Result<()> {
    let plain = ask_child("parked", size)?;
    let value = ask_child("sleeping", size)?;
    add_row(report, "sleeping", &value, false)?;
    add_row(report, "sleeping: same, parked", &plain, false)?;
    let beyond_s = number(&value, "cpu_s")? - number(&plain, "cpu_s")?;
    let early = number(&value, "early")?;
    let verdict = judge(report, "sleeping: none early", early, 0.0);
    let headers = [
        "scenario",
        "early",
        "gate",
        "late p50 ms",
        "p99 ms",
        "max ms",
        "CPU beyond parked s",
        "per timer ns",
        "armed s",
        "first due s",
        "verdict",
    ];
    let of = |field| number(&value, field);
    let (armed_s, due_s) = (of("gather_s")?, of("planned_s")?);
    let cells = vec![
        "sleeping".to_owned(),
        format!("{early:.0}"),
        "0".to_owned(),
        format!("{:.3}", of("late_p50_ms")?),
        format!("{:.3}", of("late_p99_ms")?),
        format!("{:.3}", of("late_max_ms")?),
        format!("{beyond_s:.2}"),
        format!("{:.0}", beyond_s * 1e9 / size.tasks as f64),
        format!("{armed_s:.2}"),
        format!("{due_s:.2}"),
        verdict,
    ];
    report.row("timers that fire", &headers, cells);
    if armed_s > due_s {
        report.note("sleeping: arming took longer than planned; the lateness is void".to_owned());
    }
    report.note(
        "sleeping, rivals at 1,000,000 (p50 / p99 late ms, CPU s): tokio 2.1 / 15 / 1.37, \
         Go with two workers 0.2 / 36 / 5.48"
            .to_owned(),
    );
    Ok(())
}
