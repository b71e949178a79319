//! Waiting for children: who waits parks, what ends the wait, and that nothing is left behind.
//!
//! What counts descriptors or children of the process runs alone.

use crate::common::{Flag, Rt, assert_cancelled, until, watchdog};
use crate::ground::{everywhere, passes_alone, sh};
use crate::reexec::role;
use greenroom::process::{Child, Command, Stdio};
use greenroom::thread;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_millis(5);

/// Ends when its standard input does.
fn cat() -> Child {
    Command::new("cat").stdin(Stdio::piped()).spawn().unwrap()
}

fn entries(directory: &str) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// Processes whose parent we are, dead or alive.
fn children() -> usize {
    let lists = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let list = |path: std::path::PathBuf| std::fs::read_to_string(path.join("children"));
    let lists = lists.filter_map(|thread| list(thread.path()).ok());
    lists.map(|list| list.split_whitespace().count()).sum()
}

#[test]
fn wait_with_a_limit_ends_at_it_or_with_the_child() {
    everywhere(|| {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let start = Instant::now();
        assert_eq!(child.wait_timeout(SOON).unwrap(), None);
        assert!(start.elapsed() >= SOON);
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), None);
        child.kill().unwrap();
        let status = child.wait_timeout(Duration::MAX).unwrap().unwrap();
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), Some(status));
        assert_eq!(child.wait().unwrap(), status);
    });
}

#[test]
fn timeout_around_a_wait_kills_nothing_and_returns() {
    everywhere(|| {
        let mut child = cat();
        let stdin = child.stdin.take();
        assert!(greenroom::timeout(SOON, || child.wait()).is_err());
        assert_eq!(child.try_wait().unwrap(), None);
        drop(stdin);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn timeout_around_output_kills_nothing_and_returns() {
    everywhere(|| {
        let (mut reader, writer) = greenroom::io::pipe().unwrap();
        let (gate, open) = greenroom::io::pipe().unwrap();
        // Says to us, not to `output`, that it lived on.
        let mut command = sh!(Command, "echo up >&2; read line; echo alive >&2");
        command.stdin(gate).stderr(writer);
        // On a busy machine the time may be up before anything was started.
        let mut first = [0];
        loop {
            assert!(greenroom::timeout(SOON, || command.output()).is_err());
            let seen = greenroom::timeout(SOON, || std::io::Read::read(&mut reader, &mut first));
            if seen.is_ok_and(|read| read.unwrap() == 1) {
                break;
            }
        }
        drop((command, open));
        let mut text = String::from_utf8(first.to_vec()).unwrap();
        std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
        let count = |word| text.lines().filter(|line| *line == word).count();
        assert_eq!(count("up"), count("alive"));
        assert_ne!(count("up"), 0);
    });
}

#[test]
fn cancelled_wait_is_taken_up_by_the_next() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let mut child = cat();
            let stdin = child.stdin.take();
            let child = std::sync::Arc::new(greenroom::sync::Mutex::new(child));
            let waiting = thread::spawn({
                let child = std::sync::Arc::clone(&child);
                move || child.lock().unwrap().wait()
            });
            let is_seen = || {
                let waiting = greenroom::waiting(Duration::from_secs(1));
                waiting
                    .iter()
                    .any(|line| line.contains("waiting for child process"))
            };
            until(is_seen);
            waiting.cancel();
            assert_cancelled(waiting.join());
            drop(stdin);
            let mut child = child
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            assert!(child.wait().unwrap().success());
        });
    }
}

#[test]
fn cancelled_green_thread_starts_nothing() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let place = crate::ground::Scratch::new();
        let trace = place.0.join("trace");
        let path = trace.clone();
        let starting = thread::spawn(move || {
            greenroom::shield(thread::park);
            Command::new("touch").arg(path).status()
        });
        starting.cancel();
        starting.thread().unpark();
        assert_cancelled(starting.join());
        assert!(!trace.exists());
    });
}

#[test]
fn two_hundred_children_at_once_leave_the_worker_to_others() {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(1);
    rt.run(|| {
        let done = Flag::default();
        let beats = std::sync::Arc::new(AtomicUsize::new(0));
        let ticker = thread::spawn({
            let (done, beats) = (done.clone(), std::sync::Arc::clone(&beats));
            move || {
                while !done.is_up() {
                    thread::sleep(Duration::from_millis(1));
                    beats.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let mut children = (0..200).map(|_| cat()).collect::<Vec<_>>();
        let inputs = children
            .iter_mut()
            .map(|child| child.stdin.take())
            .collect::<Vec<_>>();
        let waiting = children
            .into_iter()
            .map(|mut child| thread::spawn(move || child.wait().unwrap().success()))
            .collect::<Vec<_>>();
        // All wait, none has ended, and the ticker beats.
        let before = beats.load(Ordering::Relaxed);
        until(|| beats.load(Ordering::Relaxed) >= before + 20);
        assert!(waiting.iter().all(|handle| !handle.is_finished()));
        drop(inputs);
        assert!(waiting.into_iter().all(|handle| handle.join().unwrap()));
        done.raise();
        ticker.join().unwrap();
    });
}

#[test]
fn hundred_children_leave_no_descriptor_and_no_zombie() {
    let test = "waiting::hundred_children_leave_no_descriptor_and_no_zombie";
    if role().is_none() {
        return passes_alone(test, "");
    }
    everywhere(|| {
        let round = || {
            let mut command = sh!(Command, "echo out; echo err >&2");
            command.stdin(Stdio::piped());
            assert!(command.output().unwrap().status.success());
            let mut child = cat();
            assert_eq!(child.stdin.as_ref().map(|_| ()), Some(()));
            let stdin = child.stdin.take();
            assert_eq!(
                child.wait_timeout(Duration::from_micros(100)).unwrap(),
                None
            );
            drop(stdin);
            assert!(child.wait().unwrap().success());
            drop(
                Command::new("/no/such/program")
                    .stdout(Stdio::piped())
                    .spawn(),
            );
        };
        round();
        let before = entries("/proc/self/fd");
        (0..50).for_each(|_| round());
        assert_eq!(entries("/proc/self/fd"), before);
        assert_eq!(children(), 0);
    });
}

#[test]
fn children_that_were_given_up_are_reaped_by_later_starts() {
    let test = "waiting::children_that_were_given_up_are_reaped_by_later_starts";
    if role().is_none() {
        return passes_alone(test, "");
    }
    everywhere(|| {
        let (reader, writer) = greenroom::io::pipe().unwrap();
        let mut command = Command::new("cat");
        command.stdin(reader);
        // On a busy machine the time may be up before anything was started. None is killed.
        while children() < 40 {
            assert!(greenroom::timeout(SOON, || command.status()).is_err());
            assert!(greenroom::timeout(SOON, || command.output()).is_err());
        }
        drop((command, writer));
        until(|| {
            assert!(Command::new("true").status().unwrap().success());
            children() == 0
        });
    });
}

#[test]
#[expect(unsafe_code, reason = "ignores a signal")]
fn child_that_the_kernel_reaps_is_an_error_at_its_end() {
    let test = "waiting::child_that_the_kernel_reaps_is_an_error_at_its_end";
    if role().is_none() {
        return passes_alone(test, "");
    }
    // SAFETY: signal(2) takes no pointers of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let no_child = |error: std::io::Error| error.raw_os_error() == Some(libc::ECHILD);
    let mut std_child = std::process::Command::new("true").spawn().unwrap();
    assert!(no_child(std_child.wait().unwrap_err()));
    everywhere(|| {
        assert!(no_child(cat().wait().unwrap_err()));
        let mut ended = Command::new("true").spawn().unwrap();
        until(|| ended.try_wait().is_err());
        assert!(no_child(ended.wait().unwrap_err()));
        assert!(no_child(ended.wait_timeout(SOON).unwrap_err()));
        assert!(no_child(sh!(Command, "exit 1").output().unwrap_err()));
    });
}

#[test]
fn wait_without_a_descriptor_left_finds_the_end() {
    let test = "waiting::wait_without_a_descriptor_left_finds_the_end";
    if role().is_none() {
        return passes_alone(test, "ulimit -n 200;");
    }
    everywhere(|| {
        let mut child = sh!(Command, "sleep 0.03; exit 6").spawn().unwrap();
        let null = || std::fs::File::open("/dev/null");
        let mut all = Vec::new();
        while let Ok(file) = null() {
            all.push(file);
        }
        assert_eq!(child.wait().unwrap().code(), Some(6));
        let error = Command::new("true")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_err();
        assert_ne!(error.kind(), ErrorKind::NotFound);
        drop(all);
    });
}

#[test]
fn streams_of_a_child_are_arms_of_a_select() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let mut child = sh!(Command, "read line; echo said >&2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        greenroom::select! { writable(stdin) -> result => result.unwrap() };
        let nothing_yet = greenroom::select! {
            readable(stderr) -> _ => false,
            after(SOON) => true,
        };
        assert!(nothing_yet);
        std::io::Write::write_all(&mut &stdin, b"\n").unwrap();
        let _stays_silent = &stdout;
        greenroom::select! { readable(stderr) -> result => result.unwrap() };
        assert!(child.wait().unwrap().success());
    });
}
