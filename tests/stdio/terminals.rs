//! Terminals: jobs in the background are stopped, raw modes that do not wait do not wait.
#![expect(unsafe_code, reason = "sessions, terminal modes, waitpid")]

use crate::common::{until, watchdog};
use crate::descriptors::{replace, terminal};
use crate::reexec::{role, this_test};
use crate::{PLACES, alone, run_at};
use greenroom::io::{Read, Write};
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

/// Sets the local modes and VMIN, VTIME by `change`.
fn set_mode(terminal: &File, change: impl FnOnce(&mut libc::termios)) {
    let mut mode = MaybeUninit::<libc::termios>::zeroed();
    // SAFETY: writes one structure.
    let done = unsafe { libc::tcgetattr(terminal.as_raw_fd(), mode.as_mut_ptr()) };
    assert_eq!(done, 0);
    // SAFETY: written above.
    let mut mode = unsafe { mode.assume_init() };
    change(&mut mode);
    // SAFETY: reads one structure.
    let done = unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &raw const mode) };
    assert_eq!(done, 0);
}

fn read_in_time(mut read: impl FnMut() -> usize) -> usize {
    greenroom::timeout(Duration::from_secs(20), &mut read).unwrap()
}

#[test]
fn raw_terminal_that_waits_for_nothing_returns_at_once() {
    let test = "terminals::raw_terminal_that_waits_for_nothing_returns_at_once";
    alone(test, &PLACES, || {
        for vtime in [0, 1] {
            let (mut master, slave) = terminal();
            set_mode(&slave, |mode| {
                mode.c_lflag &= !(libc::ICANON | libc::ECHO);
                mode.c_cc[libc::VMIN] = 0;
                mode.c_cc[libc::VTIME] = vtime;
            });
            let mut file = greenroom::fs::File::from(slave.try_clone().unwrap());
            let _stdin = replace(0, slave);
            let mut buf = [0; 8];
            assert_eq!(read_in_time(|| file.read(&mut buf).unwrap()), 0);
            let mut stdin = greenroom::io::stdin();
            assert_eq!(read_in_time(|| stdin.read(&mut buf).unwrap()), 0);
            master.write_all(b"key").unwrap();
            let mut got = 0;
            while got < 3 {
                got += read_in_time(|| file.read(&mut buf[got..]).unwrap());
            }
            assert_eq!(&buf[..3], b"key");
        }
    });
}

/// Makes this process the leader of a session without a terminal.
fn leading_a_session(command: &mut Command) -> &mut Command {
    let begin = || {
        // SAFETY: takes nothing; this process has just been forked and leads no group.
        match unsafe { libc::setsid() } {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: setsid is async-signal-safe.
    unsafe { command.pre_exec(begin) }
}

/// Waits until the child has been stopped or has ended.
fn next_status(child: &Child) -> i32 {
    let mut status = 0;
    until(|| {
        let flags = libc::WUNTRACED | libc::WNOHANG;
        // SAFETY: writes one int.
        let pid = unsafe { libc::waitpid(child.id().cast_signed(), &raw mut status, flags) };
        assert!(pid >= 0);
        pid > 0
    });
    status
}

/// The leader: starts a job in the background, sees it stopped by `signal`, lets it go on in front.
fn lead(test: &str, job: &str, signal: i32) {
    let (mut master, slave) = terminal();
    // SAFETY: makes it the terminal of this session, which has none.
    let done = unsafe { libc::ioctl(slave.as_raw_fd(), libc::TIOCSCTTY, 0) };
    assert_eq!(done, 0);
    set_mode(&slave, |mode| {
        mode.c_lflag &= !libc::ECHO;
        mode.c_lflag |= libc::TOSTOP;
    });
    let mut child = this_test(test, job, "")
        .stdin(slave.try_clone().unwrap())
        .process_group(0)
        .spawn()
        .unwrap();
    let status = next_status(&child);
    assert!(libc::WIFSTOPPED(status), "{job}: {status:#x}");
    assert_eq!(libc::WSTOPSIG(status), signal, "{job}");
    let pid = child.id().cast_signed();
    // SAFETY: a group that the child leads and that we have not reaped.
    assert_eq!(unsafe { libc::tcsetpgrp(slave.as_raw_fd(), pid) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::kill(-pid, libc::SIGCONT) }, 0);
    master.write_all(b"typed\n").unwrap();
    assert!(child.wait().unwrap().success(), "{job}");
    // Open to the end: who leads the session of a terminal that goes away is killed by SIGHUP.
    std::mem::forget(master);
}

fn be_the_job(job: &str) {
    let (what, place) = job.split_once(' ').unwrap();
    run_at(place, || {
        let mut terminal = greenroom::fs::File::from(standard_input());
        match what {
            "reads" => {
                let mut line = [0; 6];
                terminal.read_exact(&mut line).unwrap();
                assert_eq!(&line, b"typed\n");
            }
            "stdin" => {
                let mut line = String::new();
                greenroom::io::stdin().read_line(&mut line).unwrap();
                assert_eq!(line, "typed\n");
            }
            _ => terminal.write_all(b"shown").unwrap(),
        }
    });
}

fn standard_input() -> File {
    File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap())
}

#[test]
fn job_in_the_background_is_stopped_until_it_is_in_front() {
    let test = "terminals::job_in_the_background_is_stopped_until_it_is_in_front";
    let _watchdog = watchdog();
    match role() {
        Some(role) => match role.strip_prefix("leads ") {
            None => be_the_job(&role),
            Some(job) if job.starts_with("writes") => lead(test, job, libc::SIGTTOU),
            Some(job) => lead(test, job, libc::SIGTTIN),
        },
        None => {
            for what in ["reads", "stdin", "writes"] {
                for place in PLACES {
                    let role = format!("leads {what} {place}");
                    let mut leader = this_test(test, &role, "");
                    let output = leading_a_session(&mut leader).output().unwrap();
                    let told = [output.stdout, output.stderr].concat();
                    let told = String::from_utf8_lossy(&told);
                    assert!(output.status.success(), "{role}: {told}");
                }
            }
        }
    }
}
