//! What a closure on the pool may do: everything that an OS thread may.

use crate::watchdog::watchdog;
use greenroom::net::{TcpListener, TcpStream};
use greenroom::sync::Mutex;
use greenroom::{Runtime, thread, unblock};
use std::cell::Cell;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// As a green thread of runtimes with 1 and 2 workers.
fn on_both(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.run(&test);
    }
}

#[test]
fn unblock_inside_unblock_runs_right_there() {
    on_both(|| {
        let (outer, inner) = unblock(|| {
            let here = std::thread::current().id();
            (here, unblock(|| std::thread::current().id()))
        });
        assert_eq!(outer, inner);
    });
}

#[test]
fn queues_and_locks_are_shared_with_green_threads() {
    on_both(|| {
        let (send, receive) = greenroom::sync::mpsc::channel();
        let total = Arc::new(Mutex::new(0));
        let theirs = Arc::clone(&total);
        let sender = thread::spawn(move || {
            for n in 1..=10 {
                send.send(n).unwrap();
                thread::yield_now();
            }
        });
        unblock(move || {
            receive
                .iter()
                .for_each(|n: u32| *theirs.lock().unwrap() += n);
        });
        sender.join().unwrap();
        assert_eq!(*total.lock().unwrap(), 55);
    });
}

#[test]
fn sockets_wait_there_for_green_peers() {
    on_both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut word = [0; 4];
            stream.read_exact(&mut word).unwrap();
            stream.write_all(&word).unwrap();
        });
        let answer = unblock(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"ping").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        server.join().unwrap();
        assert_eq!(answer, "ping");
    });
}

#[test]
fn spawns_sleeps_and_deadlines_work_there() {
    on_both(|| {
        let value = unblock(|| {
            thread::sleep(Duration::from_millis(1));
            let late = greenroom::timeout(Duration::from_millis(1), thread::park);
            assert!(late.is_err());
            thread::spawn(|| unblock(|| 5)).join().unwrap()
        });
        assert_eq!(value, 5);
    });
}

#[test]
fn locals_are_the_pool_threads() {
    greenroom::thread_local! {
        static GREEN: Cell<u32> = const { Cell::new(0) };
    }
    on_both(|| {
        GREEN.set(7);
        assert_eq!(unblock(|| GREEN.get()), 0);
        assert_eq!(GREEN.get(), 7);
    });
}

#[test]
fn pool_threads_have_a_name_and_the_users_signal_mask() {
    on_both(|| {
        let (name, status) = unblock(|| {
            let name = std::thread::current().name().map(str::to_owned);
            (
                name,
                std::fs::read_to_string("/proc/thread-self/status").unwrap(),
            )
        });
        assert_eq!(name.as_deref(), Some("greenroom-unblock"));
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = u64::from_str_radix(blocked.unwrap().trim(), 16).unwrap();
        // SIGHUP, SIGINT and SIGTERM are open: what the closure starts inherits that.
        let bit = |signal: u32| 1u64 << (signal - 1);
        assert_eq!(blocked & (bit(1) | bit(2) | bit(15)), 0);
    });
}

/// A child that std starts inherits the mask of its thread, and a pool thread's is the user's.
#[test]
fn child_that_std_starts_in_a_closure_ends_by_a_signal() {
    use std::os::unix::process::ExitStatusExt;
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let status = runtime.run(|| {
            unblock(|| {
                let mut child = std::process::Command::new("sleep")
                    .arg("1000")
                    .spawn()
                    .unwrap();
                let kill = format!("kill -TERM {}", child.id());
                let killed = std::process::Command::new("sh")
                    .args(["-c", &kill])
                    .status();
                assert!(killed.unwrap().success());
                child.wait().unwrap()
            })
        });
        assert_eq!(status.signal(), Some(15));
    }
}
