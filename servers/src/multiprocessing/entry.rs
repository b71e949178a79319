//! The entry: forks the server while the program has one thread, and cleans up behind the body.

use super::code;
use super::current;
use super::fork_server::{ForkServer, fork_off};
use super::host::Host;
use super::process::Process;
use nix::sys::signal::SigSet;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, WaitOptions, getpid};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

/// What daemons that were told to end have, before they are killed.
const DAEMON_GRACE: Duration = Duration::from_secs(1);

/// After which waiting for a process is worth a line.
const WAIT_NOTED: Duration = Duration::from_secs(5);

/// Runs `body` as [`greenroom::run`] does, with processes: call it first thing in `main`.
///
/// Forks the fork server, then runs `body` on a green thread, and returns its value. At the end daemons are
/// told to end (SIGTERM, and SIGKILL a second later), the other processes are waited for, and the fork server
/// ends. So a process that waits for something of this one (an item, say) must be told that none will come
/// ([`Queue::close`](super::Queue::close)), or be a daemon; one that is waited for long is named in the log.
/// It is the same when `body` fails, as in Python: an error that it returns is returned, and a panic raised
/// again, after the wait. So what consumes from a queue is best a daemon, unless every way out of `body` closes
/// the queue. A program that leaves otherwise (`exit`, a signal, kill -9) takes all its processes along.
///
/// # Errors
/// `InvalidInput` if the process has more than one thread already: a fork would copy the locks that the
/// others hold, and nobody there would ever release them. `AlreadyExists` if it runs or ran already. What
/// `fork(2)` and `socketpair(2)` report.
///
/// # Panics
/// Raises a panic of `body` again.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Process};
///
/// fn greet(name: String) {
///     println!("hello, {name}");
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let process = Process::spawn(greet, "Ada".to_owned())?;
///         assert!(process.join().success());
///         Ok(())
///     })?
/// }
/// ```
pub fn run<F, T>(body: F) -> io::Result<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if current::is_placed() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "multiprocessing::run runs or ran already in this process, which may have threads by now",
        ));
    }
    assert_one_thread()?;
    code::record_mappings()?;
    // What is still buffered would be written by each process.
    io::stdout().flush()?;
    let server = start_server()?;
    let host = current::host()?;
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        greenroom::run(|| {
            let reports = host.reports()?;
            greenroom::thread::Builder::new()
                .name("multiprocessing".to_owned())
                .spawn(|| host.read_reports(reports))?;
            Ok::<T, io::Error>(body())
        })
    }));
    let ended = end(host, server);
    match result {
        Ok(value) => {
            ended?;
            value
        }
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Forks a copy of a process with several threads, and half of it is missing.
fn assert_one_thread() -> io::Result<()> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    if threads == 1 {
        return Ok(());
    }
    let text = format!(
        "multiprocessing::run must be called before any thread is started, first thing in main; there \
         are {threads} threads"
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

fn start_server() -> io::Result<Pid> {
    let family = AddressFamily::UNIX;
    let (ours, theirs) = socketpair(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let owner = getpid();
    let mask = SigSet::thread_get_mask()?;
    let Some(server) = fork_off()? else {
        drop(ours);
        let server = ForkServer {
            control: theirs,
            owner,
            mask,
        };
        server.serve()
    };
    drop(theirs);
    if current::become_main(Host::new(ours)) {
        return Ok(server);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Daemons first, as Python does: the others may wait for what a daemon does no more.
fn end(host: &'static Host, server: Pid) -> io::Result<()> {
    let ended = greenroom::run(|| {
        let (daemons, others): (Vec<_>, Vec<_>) = host
            .alive()
            .into_iter()
            .map(Process::from_record)
            .partition(Process::is_daemon);
        for daemon in &daemons {
            let _ = daemon.terminate();
        }
        let deadline = std::time::Instant::now() + DAEMON_GRACE;
        for daemon in &daemons {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if daemon.join_timeout(left).is_none() {
                let _ = daemon.kill();
            }
        }
        for process in &others {
            if process.join_timeout(WAIT_NOTED).is_none() {
                log::warn!(
                    "multiprocessing: the body of run has ended, and waits for {} (pid {}), which is no daemon",
                    process.name(),
                    process.pid()
                );
                process.join();
            }
        }
        host.end()
    });
    // The server closes its end when all are killed and reaped, so this is short. Nobody else may have
    // waited for it: a program that waits for any child gets an error here, and no harm is done.
    let _ = rustix::process::waitpid(Some(server), WaitOptions::empty());
    ended
}
