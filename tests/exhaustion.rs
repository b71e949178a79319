//! When stacks run out: closures wait for one, spawns that could wait for ever are refused with a reason.
//!
//! In child processes, because a limit is for the whole process.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "support/echo.rs"]
mod echo;
#[path = "support/kill.rs"]
mod kill;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "support/talk.rs"]
mod talk;
#[path = "support/watchdog.rs"]
mod watchdog;

use child::Running;
use greenroom::GuardKind;
use greenroom::thread::{self, Builder};
use reexec::{role, this_test};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use watchdog::watchdog;

/// Kernel maps the process may have; each stack guarded by mprotect takes two.
fn maps_max() -> usize {
    let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    text.trim().parse().unwrap()
}

#[test]
fn exhaustion_of_stacks_lets_further_closures_wait() {
    /// With more maps the test would take gigabytes.
    const MAPS: usize = 70_000;
    let _watchdog = watchdog();
    if role().is_some() {
        return exhaust_maps();
    }
    if maps_max() > MAPS {
        eprintln!("skipped: vm.max_map_count is {}", maps_max());
        return;
    }
    let test = "exhaustion_of_stacks_lets_further_closures_wait";
    let mut command = this_test(test, "maps", "export GREENROOM_STACK_GUARD=mprotect;");
    let ended = Running::start(&mut command).end();
    assert!(ended.status.success(), "{ended}");
}

fn exhaust_maps() {
    let rt = greenroom::Runtime::builder().workers(2).build().unwrap();
    let tasks = maps_max() / 2 + 1_000;
    let begun = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            let begun = Arc::clone(&begun);
            rt.spawn(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                thread::park();
            })
        })
        .collect();
    // All stacks are taken once the started ones stop growing: the rest waits.
    let stats = greenroom::stack_stats;
    while begun.load(Ordering::SeqCst) < maps_max() / 2 - 1_000 {
        std::thread::yield_now();
    }
    assert_eq!(stats().guard, GuardKind::Mprotect);
    let settled = begun.load(Ordering::SeqCst);
    assert!(settled < tasks, "{settled} started: nothing was exhausted");
    // The process has maps to spare: threads, files and memory still work.
    std::thread::spawn(|| vec![1u8; 8 << 20]).join().unwrap();
    let parked = handles.iter().map(|handle| handle.thread().clone());
    parked.for_each(|thread| thread.unpark());
    for handle in handles {
        handle.join().unwrap();
    }
    assert_eq!(begun.load(Ordering::SeqCst), tasks);
    // It ends by itself: spawning is as ever.
    assert_eq!(rt.spawn(|| 7).join().unwrap(), 7);
}

#[test]
fn exhaustion_of_address_space_is_a_clear_error() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "exhaustion_of_address_space_is_a_clear_error";
        // KiB; a gibibyte does not fit, a few small stacks and the threads do.
        let ended = Running::start(&mut this_test(test, "space", "ulimit -v 700000;")).end();
        assert!(ended.status.success(), "{ended}");
        return;
    }
    let rt = greenroom::Runtime::builder().workers(1).build().unwrap();
    rt.run(|| {
        let huge = Builder::new().stack_size(1 << 30).spawn(|| ());
        let error = huge.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        let text = error.to_string();
        assert!(text.contains("no stack of 1048576 KiB"), "{text}");
        assert!(text.contains("ulimit -v"), "{text}");
        let error = greenroom::with_big_stack(1 << 30, || ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        // Small ones are to be had.
        assert_eq!(thread::spawn(|| 7).join().unwrap(), 7);
    });
}

#[test]
fn exhaustion_of_address_space_among_live_stacks_lets_closures_wait() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "exhaustion_of_address_space_among_live_stacks_lets_closures_wait";
        let ended = Running::start(&mut this_test(test, "space", "ulimit -v 900000;")).end();
        assert!(ended.status.success(), "{ended}");
        return;
    }
    let rt = greenroom::Runtime::builder().workers(2).build().unwrap();
    rt.run(|| {
        // 16 MiB each, so some tens of the hundred fit at a time.
        let ran: usize = thread::scope(|s| {
            let big = || Builder::new().stack_size(16 << 20);
            let task = || {
                thread::yield_now();
                thread::sleep(std::time::Duration::from_micros(100));
                1
            };
            let handles: Vec<_> = (0..300)
                .map(|_| big().spawn_scoped(s, task).unwrap())
                .collect();
            handles.into_iter().map(|h| h.join().unwrap()).sum()
        });
        assert_eq!(ran, 300);
    });
}

/// Sends SIGTERM and waits for the end.
fn terminate(server: echo::GeventEcho) -> child::Ended {
    server.running.signal("TERM");
    server.running.end()
}

#[test]
fn both_guard_kinds_run_the_echo() {
    let _watchdog = watchdog();
    for guard in ["auto", "mprotect"] {
        let server = echo::GeventEcho::start(&[], &[("GREENROOM_STACK_GUARD", guard)]);
        let clients: Vec<_> = (0..200u8)
            .map(|n| (n, std::net::TcpStream::connect(server.address).unwrap()))
            .collect();
        for (n, mut client) in clients {
            client.write_all(&[n; 100]).unwrap();
            client.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            assert_eq!(answer, [n; 100]);
        }
        let ended = terminate(server);
        assert!(ended.status.success(), "{ended}");
        let served = "served 200 clients, 20000 bytes\n";
        assert_eq!(ended.stdout, served, "{guard}");
    }
}

/// The first use of the runtime needs descriptors. Without any it is an error, and not for ever.
#[test]
fn runtime_that_cannot_start_is_an_error_and_starts_later() {
    let _watchdog = watchdog();
    if role().is_some() {
        let limit = |count: &str| {
            let limit = format!("prlimit --pid $PPID --nofile={count}");
            let status = std::process::Command::new("sh")
                .args(["-c", &limit])
                .status();
            assert!(status.unwrap().success(), "{limit}");
        };
        // Taken to the last one, and given back.
        limit("64:64");
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        let error = Builder::new().spawn(|| ()).unwrap_err();
        assert_eq!(error.raw_os_error(), None);
        assert!(
            error.to_string().contains("cannot start its workers"),
            "{error}"
        );
        let outcome = thread::scope(|s| Builder::new().spawn_scoped(s, || ()).map(drop));
        assert!(outcome.is_err());
        taken.clear();
        let handle = Builder::new().spawn(|| 7).unwrap();
        assert_eq!(handle.join().unwrap(), 7);
        return;
    }
    let test = "runtime_that_cannot_start_is_an_error_and_starts_later";
    let ended = Running::start(&mut this_test(test, "first use", "")).end();
    assert!(ended.status.success(), "{ended}");
}
