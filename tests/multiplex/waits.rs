//! How waits end: by a time-out that is never short, by a cancel, by an enclosing deadline; and that a wait
//! holds up nobody else on its worker.

use crate::common::{FOREVER, Rng, Rt, SHORT, assert_cancelled, let_others_run, until, watchdog};
use crate::{NOW, at_each_place, on_workers};
use greenroom::multiplex::{EPOLLIN, Epoll, NO_FDS, POLLIN, Poll, select};
use greenroom::selectors::{DefaultSelector, EVENT_READ};
use greenroom::thread::spawn_local;
use std::io::{PipeReader, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Every way of waiting for a pipe; `true`: it was readable.
type Wait = fn(&PipeReader, Option<Duration>) -> bool;

fn by_select(reader: &PipeReader, timeout: Option<Duration>) -> bool {
    let list = [reader.as_raw_fd()];
    !select(&list, &NO_FDS, &NO_FDS, timeout)
        .unwrap()
        .0
        .is_empty()
}

fn by_poll(reader: &PipeReader, timeout: Option<Duration>) -> bool {
    let poll = Poll::new();
    poll.register(reader, POLLIN);
    !poll.poll(timeout).unwrap().is_empty()
}

fn by_epoll(reader: &PipeReader, timeout: Option<Duration>) -> bool {
    let epoll = Epoll::new().unwrap();
    epoll.register(reader, EPOLLIN).unwrap();
    !epoll.poll(timeout, None).unwrap().is_empty()
}

fn by_selector(reader: &PipeReader, timeout: Option<Duration>) -> bool {
    let selector = DefaultSelector::new().unwrap();
    selector.register(reader, EVENT_READ, ()).unwrap();
    !selector.select(timeout).unwrap().is_empty()
}

const WAITS: [Wait; 4] = [by_select, by_poll, by_epoll, by_selector];

/// Every way of waiting for nothing.
const EMPTY: [fn(Option<Duration>); 4] = [
    |timeout| {
        assert!(
            select(&NO_FDS, &NO_FDS, &NO_FDS, timeout)
                .unwrap()
                .0
                .is_empty()
        );
    },
    |timeout| assert!(Poll::new().poll(timeout).unwrap().is_empty()),
    |timeout| {
        assert!(
            Epoll::new()
                .unwrap()
                .poll(timeout, None)
                .unwrap()
                .is_empty()
        );
    },
    |timeout| {
        let selector = DefaultSelector::<()>::new().unwrap();
        assert!(selector.select(timeout).unwrap().is_empty());
    },
];

#[test]
fn timeout_is_never_short_with_or_without_descriptors() {
    at_each_place(|| {
        let (reader, _writer) = std::io::pipe().unwrap();
        for micros in [1, 10, 300, 999, 1001, 2500] {
            let timeout = Duration::from_micros(micros);
            for wait in WAITS {
                let start = Instant::now();
                assert!(!wait(&reader, Some(timeout)));
                assert!(start.elapsed() >= timeout);
            }
            for wait in EMPTY {
                let start = Instant::now();
                wait(Some(timeout));
                assert!(start.elapsed() >= timeout);
            }
        }
    });
}

#[test]
fn timeout_past_the_clock_waits_and_ends_with_the_event() {
    at_each_place(|| {
        for (wait, timeout) in WAITS.iter().flat_map(|wait| {
            [Duration::MAX, Duration::from_secs(u64::MAX / 1_000_000_000)].map(|t| (wait, t))
        }) {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let ringer = std::thread::spawn(move || writer.write_all(b"x").map(|()| writer));
            assert!(wait(&reader, Some(timeout)));
            ringer.join().unwrap().unwrap();
        }
    });
}

#[test]
fn wait_in_vain_is_ended_by_cancel() {
    on_workers(|| {
        for wait in EMPTY {
            let task = spawn_local(move || wait(None));
            let_others_run();
            task.cancel();
            assert_cancelled(task.join());
        }
        for wait in WAITS {
            let (reader, writer) = std::io::pipe().unwrap();
            let task = spawn_local(move || wait(&reader, None));
            let_others_run();
            task.cancel();
            assert_cancelled(task.join());
            drop(writer);
        }
    });
}

#[test]
fn wait_that_is_cancelled_before_has_no_effect() {
    on_workers(|| {
        for wait in WAITS {
            let (reader, _writer) = std::io::pipe().unwrap();
            let task = spawn_local(move || wait(&reader, NOW));
            task.cancel();
            assert_cancelled(task.join());
        }
    });
}

#[test]
fn enclosing_timeout_ends_a_wait_everywhere() {
    at_each_place(|| {
        let (reader, _writer) = std::io::pipe().unwrap();
        for wait in WAITS {
            assert!(greenroom::timeout(SHORT, || wait(&reader, Some(FOREVER))).is_err());
        }
        for wait in EMPTY {
            assert!(greenroom::timeout(SHORT, || wait(None)).is_err());
        }
    });
}

#[test]
fn waiting_does_not_hold_up_the_worker() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        for wait in WAITS {
            let (reader, writer) = std::io::pipe().unwrap();
            let waiter = spawn_local(move || wait(&reader, None));
            let start = Instant::now();
            for _ in 0..5 {
                greenroom::thread::sleep(Duration::from_millis(1));
            }
            assert!(start.elapsed() < Duration::from_secs(20));
            assert!(!waiter.is_finished());
            drop(writer);
            assert!(waiter.join().unwrap());
        }
    });
}

#[test]
fn asking_without_a_wait_lets_others_run() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        for wait in WAITS {
            let (reader, _writer) = std::io::pipe().unwrap();
            let other = spawn_local(|| ());
            until_finished(&other, || {
                wait(&reader, NOW);
            });
            // And with an answer every time.
            let (reader, mut writer) = std::io::pipe().unwrap();
            writer.write_all(b"x").unwrap();
            let other = spawn_local(|| ());
            until_finished(&other, || assert!(wait(&reader, None)));
        }
    });
}

fn until_finished(other: &greenroom::thread::LocalJoinHandle<()>, mut step: impl FnMut()) {
    let start = Instant::now();
    while !other.is_finished() {
        step();
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "nobody else runs"
        );
    }
}

#[test]
fn dump_names_the_call() {
    let _watchdog = watchdog();
    let runtime = greenroom::Runtime::builder().workers(1).build().unwrap();
    let waits: [(Wait, &str); 3] = [
        (by_select, "select over 1 fds"),
        (by_poll, "poll over 1 fds"),
        (by_epoll, "epoll fd "),
    ];
    for (wait, name) in waits {
        let (reader, writer) = std::io::pipe().unwrap();
        let task = runtime.spawn(move || wait(&reader, None));
        until(|| {
            let lines = runtime.waiting(Duration::from_secs(20));
            lines.iter().any(|line| line.contains(name))
        });
        drop(writer);
        assert!(task.join().unwrap());
    }
}

#[test]
fn false_alarms_do_not_end_a_wait_nor_spin() {
    at_each_place(|| {
        // A hang-up is no exceptional condition for select(2), though it never goes away.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(writer);
        let list = [reader.as_raw_fd()];
        let start = Instant::now();
        let begun_ns = cpu_time();
        let timeout = Duration::from_millis(100);
        let (_, _, exceptional) = select(&NO_FDS, &NO_FDS, &list, Some(timeout)).unwrap();
        assert!(exceptional.is_empty() && start.elapsed() >= timeout);
        assert!(cpu_time() - begun_ns < Duration::from_millis(80), "it spun");
    });
}

/// Of this OS thread.
#[expect(unsafe_code, reason = "clock_gettime")]
fn cpu_time() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes one structure.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    Duration::new(
        now.tv_sec.cast_unsigned(),
        u32::try_from(now.tv_nsec).unwrap(),
    )
}

#[test]
fn random_timeouts_and_events_agree() {
    let mut rng = Rng::seeded();
    let seeds: Vec<u64> = (0..3).map(|_| rng.next()).collect();
    on_workers(|| {
        for &seed in &seeds {
            let mut tasks = Vec::new();
            for number in 0..40u64 {
                let wait = WAITS[usize::try_from((seed ^ number) % 4).unwrap()];
                let (reader, mut writer) = std::io::pipe().unwrap();
                let timeout = Duration::from_micros((seed >> 8).wrapping_mul(number + 1) % 2000);
                let delay = Duration::from_micros((seed >> 16).wrapping_mul(number + 1) % 2000);
                tasks.push(greenroom::thread::spawn(move || {
                    let start = Instant::now();
                    let is_ready = wait(&reader, Some(timeout));
                    assert!(is_ready || start.elapsed() >= timeout);
                    // The event comes at last, whatever was before.
                    assert!(wait(&reader, None));
                }));
                tasks.push(greenroom::thread::spawn(move || {
                    greenroom::thread::sleep(delay);
                    writer.write_all(b"x").unwrap();
                }));
            }
            tasks.into_iter().for_each(|task| task.join().unwrap());
        }
    });
}
