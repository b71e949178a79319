//! Listeners: every kind of signal arrives, in every way of waiting, on the thread that can take it.
//!
//! Signals go to the whole process, so each test runs alone, in a child process.

use crate::child::Running;
use crate::reexec::{role, this_test};
use crate::watchdog::watchdog;
use crate::{passes_alone, raise};
use greenroom::signal::{Signal, Signals, ctrl_c};
use greenroom::{Runtime, select, thread};
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(60);

/// Runs `test` alone: on an OS thread, and as a green thread of runtimes with 1 and 2 workers.
fn alone(name: &str, test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone(name);
    }
    test();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.run(&test);
    }
}

/// Waits until each of these green threads of the global runtime waits for a signal, or has heard one: a
/// signal may arrive long after the `kill` that sent it, on a busy machine.
fn until_waiting<T>(waiters: &[thread::JoinHandle<T>]) {
    let waits = |line: &&String| line.contains("reading fd");
    loop {
        // In this order nobody is counted twice.
        let ended = waiters.iter().filter(|waiter| waiter.is_finished()).count();
        let lines = greenroom::waiting(LONG);
        if ended + lines.iter().filter(waits).count() >= waiters.len() {
            return;
        }
    }
}

#[test]
fn each_kind_arrives() {
    alone("listeners::each_kind_arrives", || {
        let names = [
            (Signal::Hangup, "HUP"),
            (Signal::Quit, "QUIT"),
            (Signal::User1, "USR1"),
            (Signal::User2, "USR2"),
            (Signal::Pipe, "PIPE"),
            (Signal::Alarm, "ALRM"),
            (Signal::WindowChange, "WINCH"),
            (Signal::Io, "IO"),
            (Signal::Continue, "CONT"),
            (Signal::from_raw(libc::SIGRTMIN() + 3).unwrap(), "37"),
        ];
        for (signal, name) in names {
            let signals = Signals::new(&[signal]).unwrap();
            raise(name);
            assert_eq!(signals.wait().unwrap(), signal);
            assert_eq!(signals.try_next(), None);
        }
    });
}

#[test]
fn child_signal_tells_of_ended_children() {
    alone("listeners::child_signal_tells_of_ended_children", || {
        let signals = Signals::new(&[Signal::Child]).unwrap();
        let mut children: Vec<_> = (0..3)
            .map(|_| std::process::Command::new("true").spawn().unwrap())
            .collect();
        while !children.is_empty() {
            // Arrivals count once, so one signal may stand for several.
            assert_eq!(signals.wait().unwrap(), Signal::Child);
            children.retain_mut(|child| child.try_wait().unwrap().is_none());
        }
    });
}

#[test]
fn waits_end_in_time_or_with_a_signal() {
    alone("listeners::waits_end_in_time_or_with_a_signal", || {
        let signals = Signals::new(&[Signal::User1, Signal::User2]).unwrap();
        let start = Instant::now();
        assert_eq!(signals.wait_timeout(SHORT).unwrap(), None);
        assert!(start.elapsed() >= SHORT);
        assert_eq!(signals.wait_timeout(Duration::ZERO).unwrap(), None);
        raise("USR1");
        let none = Duration::ZERO;
        let long = signals.wait_timeout(Duration::MAX).unwrap();
        assert_eq!(long, Some(Signal::User1));
        raise("USR2");
        while !matches!(signals.wait_timeout(none).unwrap(), Some(Signal::User2)) {}
        raise("USR1");
        raise("USR2");
        let heard: Vec<_> = signals.iter().take(2).map(Result::unwrap).collect();
        assert!(heard.contains(&Signal::User1) && heard.contains(&Signal::User2));
        raise("USR2");
        let next = (&signals).into_iter().next().unwrap();
        assert_eq!(next.unwrap(), Signal::User2);
    });
}

#[test]
fn select_waits_for_a_signal_or_for_something_else() {
    alone(
        "listeners::select_waits_for_a_signal_or_for_something_else",
        || {
            let signals = Signals::new(&[Signal::User1]).unwrap();
            select! {
                readable(signals) -> _result => panic!("nothing came"),
                after(SHORT) => {},
            }
            raise("USR1");
            loop {
                select! {
                    readable(signals) -> result => result.unwrap(),
                    after(LONG) => panic!("one came"),
                }
                if let Some(signal) = signals.try_next() {
                    assert_eq!(signal, Signal::User1);
                    break;
                }
            }
        },
    );
}

#[test]
fn signals_that_come_at_once_are_shared_by_the_waiters_of_one_listener() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone(
            "listeners::signals_that_come_at_once_are_shared_by_the_waiters_of_one_listener",
        );
    }
    let kinds = [Signal::User1, Signal::User2, Signal::Hangup, Signal::Alarm];
    for _ in 0..20 {
        let signals = Arc::new(Signals::new(&kinds).unwrap());
        let wait = |signals: &Arc<Signals>| {
            let signals = Arc::clone(signals);
            move || signals.wait().unwrap()
        };
        let green = [(); 2].map(|()| thread::spawn(wait(&signals)));
        let os = [(); 2].map(|()| std::thread::spawn(wait(&signals)));
        // All at once, by one shell: nobody may sleep while one is left.
        let pid = std::process::id();
        let kills = ["USR1", "USR2", "HUP", "ALRM"].map(|name| format!("kill -{name} {pid}; "));
        let status = std::process::Command::new("sh")
            .args(["-c", &kills.concat()])
            .status();
        assert!(status.unwrap().success());
        let green = green.map(|waiter| waiter.join().unwrap());
        let os = os.map(|waiter| waiter.join().unwrap());
        let heard: std::collections::HashSet<_> = green.into_iter().chain(os).collect();
        assert_eq!(heard.len(), kinds.len());
    }
}

#[test]
fn ctrl_c_is_heard_by_all_and_kills_no_more() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("listeners::ctrl_c_is_heard_by_all_and_kills_no_more");
    }
    let cut = greenroom::run(|| greenroom::timeout(SHORT, ctrl_c));
    assert!(cut.is_err());
    for _ in 0..3 {
        let waiters: Vec<_> = (0..10).map(|_| thread::spawn(ctrl_c)).collect();
        until_waiting(&waiters);
        raise("INT");
        waiters
            .into_iter()
            .for_each(|waiter| waiter.join().unwrap().unwrap());
        // Nobody waits: it does nothing.
        raise("INT");
    }
}

/// Sends a signal to one thread.
fn raise_at(thread: libc::pthread_t, signal: i32) {
    #[expect(unsafe_code, reason = "sends a signal to a thread")]
    // SAFETY: the thread runs this, or waits for what does.
    let failed = unsafe { libc::pthread_kill(thread, signal) };
    assert_eq!(failed, 0);
}

/// Blocks or unblocks SIGTERM on this thread.
#[expect(unsafe_code, reason = "masks a signal")]
fn set_blocked(how: i32) {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: it initialises the set that it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised above.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM) };
    // SAFETY: as above; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut()) };
}

fn this_thread() -> libc::pthread_t {
    #[expect(unsafe_code, reason = "asks who runs this")]
    // SAFETY: always succeeds.
    unsafe {
        libc::pthread_self()
    }
}

#[test]
fn thread_that_is_blocked_in_run_takes_the_signal_and_waits_on() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "listeners::thread_that_is_blocked_in_run_takes_the_signal_and_waits_on";
        return passes_alone(test);
    }
    let (blocked, signal) = (this_thread(), Signal::Terminate);
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        for _ in 0..100 {
            let heard = runtime.run(|| {
                let signals = Signals::new(&[signal]).unwrap();
                raise_at(blocked, signal.as_raw());
                signals.wait().unwrap()
            });
            assert_eq!(heard, signal);
        }
    }
}

#[test]
fn signal_that_its_thread_blocks_stays_pending_until_it_does_not() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "listeners::signal_that_its_thread_blocks_stays_pending_until_it_does_not";
        return passes_alone(test);
    }
    set_blocked(libc::SIG_BLOCK);
    let signals = Signals::new(&[Signal::Terminate]).unwrap();
    raise_at(this_thread(), libc::SIGTERM);
    assert_eq!(
        greenroom::run(|| signals.wait_timeout(SHORT)).unwrap(),
        None
    );
    set_blocked(libc::SIG_UNBLOCK);
    assert_eq!(
        greenroom::run(|| signals.wait()).unwrap(),
        Signal::Terminate
    );
}

#[test]
fn child_of_a_listener_dies_of_signals_as_ever() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("listeners::child_of_a_listener_dies_of_signals_as_ever");
    }
    let both = [Signal::Terminate, Signal::Interrupt];
    let _signals = Signals::new(&both).unwrap();
    for signal in both {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let kill = format!("kill -{} {}", signal.as_raw(), child.id());
        let status = std::process::Command::new("sh")
            .args(["-c", &kill])
            .status();
        assert!(status.unwrap().success());
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
    }
}

#[test]
fn ctrl_c_before_its_first_call_kills() {
    let test = "listeners::ctrl_c_before_its_first_call_kills";
    if role().is_some() {
        println!("not yet");
        greenroom::run(thread::park);
    }
    let _watchdog = watchdog();
    let mut child = Running::start(&mut this_test(test, "alone", ""));
    child.line("not yet");
    child.signal("INT");
    assert_eq!(child.end().status.signal(), Some(libc::SIGINT));
}
