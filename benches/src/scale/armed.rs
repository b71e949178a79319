//! Timeouts that are armed and cancelled: afterwards neither memory nor the wheel remembers them.
//!
//! Two tasks wake each other by turns, each wait with a limit of seconds that is never reached. Then
//! the process is left alone for longer than any of those limits: a timer left in the wheel would
//! wake the worker. The same is asked of a crowd that holds all its timers at once.

use super::memory::Memory;
use super::{Size, ask_child, judge, number};
use crate::report::Report;
use greenroom::Runtime;
use greenroom::thread;
use serde_json::{Value, json};
use std::time::Duration;
use std::{fs, io};

/// Limits lie between one and two of this.
const LIMIT: Duration = Duration::from_secs(2);
/// Longer than any limit.
const IDLE: Duration = Duration::from_millis(4_500);
const WARM: usize = 20_000;
/// A few pages the process may take for reasons of its own, far below a byte per timeout.
const GROWTH_GATE_KIB: f64 = 64.0;
/// The worker may look around once or twice when it falls idle.
const WAKES_GATE: f64 = 8.0;
/// Memory that a crowd with limits may keep beyond one without, per task.
const CROWD_GATE_KIB: f64 = 0.05;

/// Child: arms and cancels `timeouts` times.
pub(super) fn measure(timeouts: usize) -> io::Result<Value> {
    let runtime = Runtime::builder().workers(1).build()?;
    runtime.run(|| play(WARM));
    let before = Memory::own()?;
    runtime.run(|| play(timeouts));
    let after = Memory::own()?.since(before);
    // Let the worker fall asleep before counting.
    std::thread::sleep(Duration::from_millis(20));
    let switches = switches_of_others()?;
    std::thread::sleep(IDLE);
    let wakes = switches_of_others()? - switches;
    Ok(json!({
        "timeouts": timeouts, "rss_kib": after.rss, "pte_kib": after.page_tables, "wakes": wakes,
    }))
}

/// Two tasks on the same worker, `timeouts` limited parks between them.
fn play(timeouts: usize) {
    let me = thread::current();
    let trips = timeouts / 2;
    let limit = |trip: usize| LIMIT + LIMIT.mul_f64((trip % 997) as f64 / 997.0);
    let other = thread::spawn(move || {
        for trip in 0..trips {
            thread::park_timeout(limit(trip));
            me.unpark();
        }
    });
    let answering = other.thread().clone();
    for trip in 0..trips {
        answering.unpark();
        thread::park_timeout(limit(trip + 1));
    }
    other.join().expect("because it does not panic");
}

/// How often the threads of this process but the first have gone to sleep so far.
fn switches_of_others() -> io::Result<u64> {
    let first = std::process::id().to_string();
    let mut total = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let thread = thread?;
        if thread.file_name().to_str() == Some(&first) {
            continue;
        }
        let status = fs::read_to_string(thread.path().join("status"))?;
        total += status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
            .and_then(|rest| rest.trim().parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(total)
}

/// Parent.
pub(super) fn run(size: &Size, report: &mut Report) -> io::Result<()> {
    let value = ask_child("armed", size)?;
    let grown = number(&value, "rss_kib")? + number(&value, "pte_kib")?;
    let wakes = number(&value, "wakes")?;
    let plain = ask_child("parked", size)?;
    let limited = ask_child("limited", size)?;
    let left = |value: &Value| number(value, "after_rss_kib");
    let crowd = (left(&limited)? - left(&plain)?) / size.tasks as f64;
    let beyond_s = number(&limited, "cpu_s")? - number(&plain, "cpu_s")?;
    let headers = ["scenario", "timeouts", "left behind", "gate", "verdict"];
    let rows = [
        ("one by one: memory KiB", grown, GROWTH_GATE_KIB),
        ("one by one: wakes of the idle worker", wakes, WAKES_GATE),
        ("all at once: KiB per task", crowd, CROWD_GATE_KIB),
    ];
    for (name, figure, gate) in rows {
        let verdict = judge(report, &format!("armed, {name}"), figure, gate);
        let cells = vec![
            name.to_owned(),
            size.tasks.to_string(),
            format!("{figure:.3}"),
            format!("{gate}"),
            verdict,
        ];
        report.row("timeouts armed and cancelled", &headers, cells);
    }
    report.note(format!(
        "armed all at once: {beyond_s:.2} s of CPU beyond the same crowd without limits, {:.0} ns each",
        beyond_s * 1e9 / size.tasks as f64
    ));
    report.record(json!({
        "name": "armed", "one_by_one": value, "parked": plain, "limited": limited,
    }));
    Ok(())
}
