//! The fork server: a process of one thread that forks the others, and reaps them.
//!
//! It is itself forked before anything else happens, and does nothing but this loop: read a request, fork,
//! report the number; reap, report the status; end when its owner does. It never allocates for long, takes no
//! lock that somebody else could hold, and runs no code of the user's. All signals are blocked in it but
//! those that cannot be: Ctrl-C reaches the whole foreground group, and whether the program ends then is its
//! own affair. Its end is the end of every process it made: first by hand, and if it is killed itself, by
//! the kernel (`PR_SET_PDEATHSIG`).
#![expect(unsafe_code, reason = "fork, and one disposition")]

use super::child;
use super::code::Code;
use super::rights;
use super::wire::{Report, Request};
use nix::sys::signal::{SigHandler, SigSet, Signal as NixSignal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{ForkResult, fork};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::{Pid, Signal, WaitOptions};
use std::collections::HashSet;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;

/// What the server is left with when it has been forked.
pub(super) struct ForkServer {
    pub(super) control: OwnedFd,
    pub(super) owner: Pid,
    /// The signal mask that the children get.
    pub(super) mask: SigSet,
}

/// Where the loop goes on.
enum Next {
    Loop,
    /// The owner is gone.
    End,
    /// This is a new process, with this to do.
    Child(Code, Vec<OwnedFd>),
}

/// Forks, while this process has one thread. `None` in the new process.
pub(super) fn fork_off() -> io::Result<Option<Pid>> {
    // SAFETY: the process has one thread (the entry checked it; the server has no other by construction), so
    // the copy is complete: no lock is held by a thread that is missing in it, and it may do anything.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Pid::from_raw(child.as_raw())),
        ForkResult::Child => Ok(None),
    }
}

/// Whoever started the program may have ignored SIGCHLD; then the kernel would reap, and keep the status.
fn reset_child_signal() -> io::Result<()> {
    // SAFETY: the default disposition is no handler, so nothing of ours ever runs in one; no other thread is
    // there to be surprised.
    unsafe { nix::sys::signal::signal(NixSignal::SIGCHLD, SigHandler::SigDfl) }?;
    Ok(())
}

/// The death of `parent` will send `signal` to this process; if it is dead already, this one ends.
pub(super) fn die_with(parent: Pid, signal: Signal) {
    let set = rustix::process::set_parent_process_death_signal(Some(signal));
    // Subtle: it counts from the call on, and the parent may have died before.
    if set.is_err() || rustix::process::getppid() != Some(parent) {
        exit(1);
    }
}

/// Up the stack of a forked process is a copy of the program's `main`, with what it owns and catches: a panic
/// that reached it would run a part of the program twice.
struct NeverUnwinds;

impl Drop for NeverUnwinds {
    fn drop(&mut self) {
        std::process::abort();
    }
}

impl ForkServer {
    /// Serves until the owner ends.
    pub(super) fn serve(self) -> ! {
        let (owner, mask) = (self.owner, self.mask);
        let _guard = NeverUnwinds;
        match self.try_serve() {
            // Everything of the server's is dropped by now: a control socket that lived on here would keep
            // the owner waiting for the server's end.
            Ok(Some((code, fds))) => {
                if mask.thread_set_mask().is_err() {
                    exit(1);
                }
                child::main(owner, code, fds)
            }
            Ok(None) => exit(0),
            Err(error) => {
                // Nobody may read it.
                let _ = writeln!(
                    io::stderr(),
                    "multiprocessing: the fork server ends: {error}"
                );
                exit(1)
            }
        }
    }

    /// The loop. Returns what to do in a new process.
    fn try_serve(self) -> io::Result<Option<(Code, Vec<OwnedFd>)>> {
        SigSet::all().thread_set_mask()?;
        reset_child_signal()?;
        die_with(self.owner, Signal::TERM);
        let mut wanted = SigSet::empty();
        wanted.add(NixSignal::SIGCHLD);
        wanted.add(NixSignal::SIGTERM);
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let mut running = Running {
            signals: SignalFd::with_flags(&wanted, flags)?,
            server: self,
            children: HashSet::new(),
            bytes: Vec::with_capacity(Request::SIZE),
            fds: Vec::new(),
        };
        let ended = running.turn_until_end();
        if let Ok(Next::Child(code, fds)) = ended {
            return Ok(Some((code, fds)));
        }
        running.kill_all();
        ended.map(|_| None)
    }
}

struct Running {
    server: ForkServer,
    signals: SignalFd,
    /// Those that are not reaped: while one is here, its number is nobody else's.
    children: HashSet<Pid>,
    /// A request that has come in part, and its descriptors.
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Running {
    /// Never returns [`Next::Loop`].
    fn turn_until_end(&mut self) -> io::Result<Next> {
        loop {
            let mut rows = [
                PollFd::new(&self.signals, PollFlags::IN),
                PollFd::new(&self.server.control, PollFlags::IN),
            ];
            match poll(&mut rows, None) {
                Err(rustix::io::Errno::INTR) => continue,
                polled => polled?,
            };
            let [has_signal, has_request] = rows.map(|row| !row.revents().is_empty());
            if has_signal {
                while self.signals.read_signal()?.is_some() {}
                if rustix::process::getppid() != Some(self.server.owner) {
                    return Ok(Next::End);
                }
                if let Next::End = self.reap()? {
                    return Ok(Next::End);
                }
            }
            if has_request {
                match self.receive()? {
                    Next::Loop => {}
                    end => return Ok(end),
                }
            }
        }
    }

    /// Takes what has come of a request, and serves it when it is whole.
    fn receive(&mut self) -> io::Result<Next> {
        let mut buf = [0; Request::SIZE];
        let room = &mut buf[..Request::SIZE - self.bytes.len()];
        let control = self.server.control.as_fd();
        match rights::receive(control, room, &mut self.fds, RecvFlags::empty()) {
            Ok(0) => return Ok(Next::End),
            Ok(count) => self.bytes.extend_from_slice(&buf[..count]),
            // The owner died with reports unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(Next::End),
            Err(error) => return Err(error),
        }
        let Ok(whole) = <[u8; Request::SIZE]>::try_from(self.bytes.as_slice()) else {
            return Ok(Next::Loop);
        };
        self.bytes.clear();
        let fds = std::mem::take(&mut self.fds);
        match Request::decode(whole) {
            // The kernel gives what there is room for here.
            Request::Spawn {
                seq, fds: count, ..
            } if fds.len() as u64 != count => {
                let errno = rustix::io::Errno::MFILE.raw_os_error();
                self.report(Report::Failed { seq, errno })
            }
            Request::Spawn { seq, code, .. } => self.spawn(seq, code, fds),
            Request::Signal { pid, signal } => {
                let pid = Pid::from_raw(pid).filter(|pid| self.children.contains(pid));
                if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal)) {
                    // It may have ended meanwhile; then it is a zombie still, and nobody else.
                    let _ = rustix::process::kill_process(pid, signal);
                }
                Ok(Next::Loop)
            }
        }
    }

    fn spawn(&mut self, seq: u64, code: Code, fds: Vec<OwnedFd>) -> io::Result<Next> {
        let server = rustix::process::getpid();
        match fork_off() {
            Ok(Some(child)) => {
                self.children.insert(child);
                let pid = child.as_raw_pid();
                self.report(Report::Started { seq, pid })
            }
            Ok(None) => {
                die_with(server, Signal::KILL);
                Ok(Next::Child(code, fds))
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                self.report(Report::Failed { seq, errno })
            }
        }
    }

    /// Reaps whoever has ended, and reports it.
    fn reap(&mut self) -> io::Result<Next> {
        while let Some((pid, report)) = wait_any(WaitOptions::NOHANG) {
            self.children.remove(&pid);
            if let Next::End = self.report(report)? {
                return Ok(Next::End);
            }
        }
        Ok(Next::Loop)
    }

    fn report(&self, report: Report) -> io::Result<Next> {
        let bytes = report.encode();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match rights::send(self.server.control.as_fd(), rest, &[], SendFlags::empty()) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Next::End),
                Err(error) => return Err(error),
            }
        }
        Ok(Next::Loop)
    }

    /// The owner is gone: so is everybody.
    fn kill_all(&mut self) {
        for &child in &self.children {
            let _ = rustix::process::kill_process(child, Signal::KILL);
        }
        while wait_any(WaitOptions::empty()).is_some() {}
    }
}

/// Some child of the server's that has ended.
fn wait_any(options: WaitOptions) -> Option<(Pid, Report)> {
    loop {
        match rustix::process::wait(options) {
            Err(rustix::io::Errno::INTR) => {}
            // There is none, or none that has ended.
            Err(_) | Ok(None) => return None,
            Ok(Some((pid, status))) => {
                let raw = pid.as_raw_pid();
                let report = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Report::Exited { pid: raw, code },
                    (None, Some(signal)) => Report::Signaled { pid: raw, signal },
                    // Stopped or continued, which was not asked for.
                    (None, None) => continue,
                };
                return Some((pid, report));
            }
        }
    }
}
