//! What the server's threads do, seen from outside: CPU time, sleep, and whose a connection is.
//!
//! To find owners, each connection in turn is kept busy alone; the server thread whose CPU time grows is its
//! owner. That needs no help from the server, so it works on any program.

use super::closed::Shard;
use super::tally::Clock;
use std::collections::BTreeMap;
use std::time::Duration;
use std::{fs, io};

/// Long enough for some hundred round trips, far more CPU than an idle thread takes.
const PROBE_NS: u64 = 8_000_000;
/// The kernel brings a thread's account up to date when it sleeps.
const SETTLE: Duration = Duration::from_micros(300);

/// What the kernel's scheduler has accounted to one thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pub(crate) cpu_ns: u64,
    /// Time it was runnable while something else had the core.
    pub(crate) delayed_ns: u64,
}

/// The account of every thread of process `pid`, by thread id.
pub(crate) fn accounts(pid: u32) -> io::Result<BTreeMap<u32, Account>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let entry = entry?;
        let Ok(tid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        let text = fs::read_to_string(entry.path().join("schedstat"))?;
        let mut numbers = text
            .split_whitespace()
            .map(|word| word.parse().unwrap_or(0));
        let cpu_ns = numbers.next().unwrap_or(0);
        let delayed_ns = numbers.next().unwrap_or(0);
        threads.insert(tid, Account { cpu_ns, delayed_ns });
    }
    Ok(threads)
}

/// The time all threads of process `pid` together were kept from running.
pub(crate) fn delayed_ns(pid: u32) -> io::Result<u64> {
    Ok(accounts(pid)?
        .values()
        .map(|account| account.delayed_ns)
        .sum())
}

/// Whether every thread of process `pid` sleeps.
pub(crate) fn all_asleep(pid: u32) -> io::Result<bool> {
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(entry?.path().join("stat"))?;
        // The state follows the name, which is in parentheses and may hold anything.
        let state = text
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        if state == Some('R') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Groups the connections of `shard` by the thread of `pid` that serves them, largest group first.
pub(crate) fn owners(shard: &mut Shard, clock: &Clock, pid: u32) -> io::Result<Vec<Vec<usize>>> {
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for index in 0..shard.conns.len() {
        shard.active = vec![index];
        let before = accounts(pid)?;
        shard.run(clock, clock.now_ns() + PROBE_NS)?;
        std::thread::sleep(SETTLE);
        let after = accounts(pid)?;
        let grown =
            |tid: &u32| after[tid].cpu_ns - before.get(tid).copied().unwrap_or_default().cpu_ns;
        if let Some(tid) = after.keys().copied().max_by_key(grown) {
            groups.entry(tid).or_default().push(index);
        }
    }
    shard.active = (0..shard.conns.len()).collect();
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    Ok(groups)
}
