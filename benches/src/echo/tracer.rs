//! Counting another process's system calls with the tools at hand.
//!
//! `perf stat` on tracepoints counts in the kernel without stopping the server; where that is not
//! permitted, `strace -c -f` counts too, but slows the server so much that its batches change, and
//! the report says so. Both are attached while the server rests and detached after the last reply.

use super::rig::Rig;
use crate::child::Process;
use crate::sys::process;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Calls shown by name; all others appear as the difference to the total.
const NAMED: [&str; 22] = [
    "accept4",
    "brk",
    "clock_nanosleep",
    "close",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "fcntl",
    "futex",
    "getrandom",
    "madvise",
    "mmap",
    "munmap",
    "read",
    "recvfrom",
    "sched_yield",
    "sendto",
    "setsockopt",
    "shutdown",
    "socket",
    "write",
];
const TOTAL: &str = "raw_syscalls:sys_enter";
const ATTACH_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a waiting perf is looked at: it may have given up.
const LOOK: Duration = Duration::from_millis(100);

/// Calls by name, with `total`, and the messages they belong to.
#[derive(Debug)]
pub(crate) struct Traced {
    calls: BTreeMap<String, f64>,
    messages: f64,
}

impl Traced {
    /// Calls per message; `other` is what `total` exceeds the named ones by.
    pub(crate) fn per_message(self) -> io::Result<BTreeMap<String, f64>> {
        let mut calls = self.calls;
        let Some(&total) = calls.get("total") else {
            return Err(io::Error::other("the tool printed no total"));
        };
        let named: f64 = calls
            .iter()
            .filter(|(name, _)| *name != "total")
            .map(|(_, n)| n)
            .sum();
        calls.insert("other".to_owned(), total - named);
        Ok(calls
            .into_iter()
            .map(|(name, count)| (name, count / self.messages))
            .collect())
    }
}

/// A directory for the tools' pipes and output, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Scratch> {
        let path = env::temp_dir().join(format!("greenroom-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("bench: cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Counts by `perf stat`, or says why it cannot.
pub(crate) fn with_perf(rig: &mut Rig, warm: Duration, measured: Duration) -> io::Result<Traced> {
    let scratch = Scratch::new()?;
    let output = scratch.file("output");
    rig.run(warm, warm)?;
    let mut perf = Perf::attach(rig.server_pid(), &scratch, &output)?;
    perf.say("enable")?;
    let messages = rig.run(Duration::ZERO, measured)?.messages;
    perf.say("disable")?;
    perf.process.interrupt()?;
    Ok(Traced {
        calls: parse_perf(&fs::read_to_string(&output)?)?,
        messages,
    })
}

/// A `perf stat` that counts nothing until told to.
struct Perf {
    process: Process,
    control: File,
    answers: File,
    log: PathBuf,
}

impl Perf {
    fn attach(pid: u32, scratch: &Scratch, output: &Path) -> io::Result<Perf> {
        let (control, answers) = (scratch.file("control"), scratch.file("answers"));
        let log = scratch.file("log");
        process::make_fifo(&control)?;
        process::make_fifo(&answers)?;
        let argv = perf_argv(pid, &control, &answers, output);
        // Opened for both directions so that neither side waits for the other to open.
        let pipe = |path| OpenOptions::new().read(true).write(true).open(path);
        let (control, answers) = (pipe(&control)?, pipe(&answers)?);
        let process = Process::start_logged("perf", &argv, None, Stdio::from(File::create(&log)?))?;
        Ok(Perf {
            process,
            control,
            answers,
            log,
        })
    }

    /// Gives a command and waits until it has been obeyed.
    fn say(&mut self, command: &str) -> io::Result<()> {
        self.control.write_all(format!("{command}\n").as_bytes())?;
        let deadline = Instant::now() + ATTACH_TIMEOUT;
        while let Err(error) = process::wait_readable(&self.answers, LOOK) {
            let timed_out = error.kind() == io::ErrorKind::TimedOut;
            if !timed_out || self.process.has_ended()? || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log)?;
                let log: Vec<&str> = log.split_whitespace().collect();
                return Err(io::Error::other(log.join(" ")));
            }
        }
        let mut answer = [0; 64];
        self.answers.read(&mut answer).map(drop)
    }
}

fn perf_argv(pid: u32, control: &Path, answers: &Path, output: &Path) -> Vec<OsString> {
    let named = NAMED
        .iter()
        .map(|name| format!("syscalls:sys_enter_{name}"));
    let events: Vec<String> = named.chain([TOTAL.to_owned()]).collect();
    let control = format!("fifo:{},{}", control.display(), answers.display());
    let words = [
        "perf",
        "stat",
        "-x",
        ",",
        "-D",
        "-1",
        "--control",
        &control,
        "-e",
    ];
    let mut argv: Vec<OsString> = words.iter().map(OsString::from).collect();
    argv.extend([events.join(",").into(), "-o".into(), output.into()]);
    argv.extend(["-p".into(), pid.to_string().into()]);
    argv
}

/// Lines `count,unit,event,…`; an event that cannot be counted has no number.
fn parse_perf(text: &str) -> io::Result<BTreeMap<String, f64>> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split(',');
        let (count, event) = (columns.next(), columns.nth(1));
        let (Some(count), Some(event)) = (count, event) else {
            continue;
        };
        let count: f64 = count
            .parse()
            .map_err(|_| io::Error::other(format!("{event}: {count}")))?;
        let name = event.strip_prefix("syscalls:sys_enter_").unwrap_or("total");
        counts.insert(name.to_owned(), count);
    }
    Ok(counts)
}

/// Counts by strace.
pub(crate) fn with_strace(rig: &mut Rig, warm: Duration, measured: Duration) -> io::Result<Traced> {
    let scratch = Scratch::new()?;
    let output = scratch.file("output");
    rig.run(warm, warm)?;
    let pid = rig.server_pid().to_string();
    let words = ["strace", "-c", "-f", "-p", &pid, "-o"];
    let argv: Vec<OsString> = words
        .iter()
        .map(OsString::from)
        .chain([output.clone().into()])
        .collect();
    let log = Stdio::from(File::create(scratch.file("log"))?);
    let mut strace = Process::start_logged("strace", &argv, None, log)?;
    wait_attached(&scratch.file("log"), &mut strace)?;
    let messages = rig.run(Duration::ZERO, measured)?.messages;
    strace.interrupt()?;
    Ok(Traced {
        calls: parse_strace(&fs::read_to_string(&output)?),
        messages,
    })
}

/// Waits for strace's own line about it.
fn wait_attached(log: &Path, strace: &mut Process) -> io::Result<()> {
    let deadline = Instant::now() + ATTACH_TIMEOUT;
    loop {
        let text = fs::read_to_string(log)?;
        if text.contains("attached") {
            return Ok(());
        }
        if strace.has_ended()? || Instant::now() > deadline {
            return Err(io::Error::other(format!(
                "strace does not attach: {}",
                text.trim()
            )));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Rows `% time, seconds, usecs/call, calls, [errors,] syscall`.
fn parse_strace(text: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (Some(count), Some(name)) = (columns.get(3), columns.last()) else {
            continue;
        };
        if let Ok(count) = count.parse() {
            counts.insert((*name).to_owned(), count);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perf_columns_become_calls_per_message() {
        let text = "# started\n\n200,,syscalls:sys_enter_recvfrom,1,100.00,,\n\
                    210,,raw_syscalls:sys_enter,1,100.00,,\n";
        let calls = parse_perf(text).unwrap();
        let counts = Traced {
            calls,
            messages: 100.0,
        }
        .per_message()
        .unwrap();
        assert!((counts["recvfrom"] - 2.0).abs() < 1e-9);
        assert!((counts["other"] - 0.1).abs() < 1e-9);
        assert!(parse_perf("<not supported>,,syscalls:sys_enter_read,0,0,,").is_err());
    }

    #[test]
    fn strace_rows_with_and_without_errors_are_read() {
        let text = "% time seconds usecs/call calls errors syscall\n------ ---- ---- ---- ----\n\
                    50.0 0.1 10 7 recvfrom\n50.0 0.1 10 9 2 sendto\n100.0 0.2 10 16 2 total\n";
        let counts = parse_strace(text);
        assert!((counts["recvfrom"] - 7.0).abs() < 1e-9);
        assert!((counts["sendto"] - 9.0).abs() < 1e-9);
        assert!((counts["total"] - 16.0).abs() < 1e-9);
    }
}
