//! Starting, using and counting runtimes.

use crate::child::Running;
use crate::reexec::{role, this_test};
use crate::runtime;
use crate::watchdog::watchdog;
use greenroom::Runtime;
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread;
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn settings_out_of_range_are_refused() {
    let _watchdog = watchdog();
    let kind = |builder: greenroom::RuntimeBuilder| builder.build().unwrap_err().kind();
    let invalid = ErrorKind::InvalidInput;
    assert_eq!(kind(Runtime::builder().workers(0)), invalid);
    assert_eq!(kind(Runtime::builder().workers(1025)), invalid);
    assert_eq!(kind(Runtime::builder().name("a\0b")), invalid);
    assert_eq!(kind(Runtime::builder().stack_size(usize::MAX)), invalid);
    assert_eq!(runtime(3).workers(), 3);
}

#[test]
fn run_borrows_returns_the_value_and_raises_the_panic() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    let text = String::from("borrowed");
    assert_eq!(rt.run(|| text.len()), 8);
    assert_eq!(greenroom::run(|| text.len()), 8);
    let panicked = std::panic::catch_unwind(|| greenroom::run(|| std::panic::panic_any(17)));
    assert_eq!(panicked.unwrap_err().downcast_ref::<i32>(), Some(&17));
    assert_eq!(rt.run(|| text.len()), 8);
}

#[test]
fn run_within_a_green_thread_just_calls() {
    let _watchdog = watchdog();
    let (outer, inner) = greenroom::run(|| {
        let outer = thread::current().id();
        (outer, greenroom::run(|| thread::current().id()))
    });
    assert_eq!(outer, inner);
}

#[test]
fn run_by_many_os_threads_at_once() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    let sum = AtomicUsize::new(0);
    std::thread::scope(|s| {
        for n in 0..16 {
            let (rt, sum) = (&rt, &sum);
            s.spawn(move || {
                for _ in 0..50 {
                    rt.run(|| {
                        thread::yield_now();
                        sum.fetch_add(n, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), 50 * (0..16).sum::<usize>());
}

#[test]
fn two_runtimes_at_once_share_sockets_and_handles() {
    let _watchdog = watchdog();
    let (left, right) = (runtime(2), runtime(1));
    let listener = left.run(|| TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let server = left.spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut word = [0; 4];
        stream.read_exact(&mut word).unwrap();
        // The connection goes on in the other runtime, still registered here.
        (stream, word)
    });
    let client = right.spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"left").unwrap();
        let (mut far, word) = server.join().unwrap();
        assert_eq!(&word, b"left");
        let echo = thread::spawn(move || {
            let mut some = [0; 5];
            far.read_exact(&mut some).unwrap();
            far.write_all(&some).unwrap();
        });
        stream.write_all(b"right").unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        echo.join().unwrap();
        answer
    });
    // A handle of one runtime joined in another, and by an OS thread.
    let answer = left.run(|| client.join().unwrap());
    assert_eq!(&answer, b"right");
    let from_os = right.spawn(|| 1).join().unwrap();
    assert_eq!(left.run(|| right.run(|| from_os + 1)), 2);
}

#[test]
fn two_runtimes_at_once_wake_each_other() {
    const ROUNDS: usize = 2_000;
    let _watchdog = watchdog();
    let (left, right) = (runtime(1), runtime(1));
    let pong = right.spawn(|| {
        for _ in 0..ROUNDS {
            thread::park();
        }
    });
    let target = pong.thread().clone();
    left.run(move || {
        while !pong.is_finished() {
            target.unpark();
            thread::yield_now();
        }
        pong.join().unwrap();
    });
}

fn count(directory: &str) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// One runtime's whole life, with a socket, a timer, an unfinished task and a join across.
fn one_life(workers: usize) {
    let rt = runtime(workers);
    rt.run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = thread::spawn(move || listener.accept().unwrap());
        let _client = TcpStream::connect(address).unwrap();
        accepting.join().unwrap();
        thread::sleep(Duration::from_micros(50));
        thread::spawn(thread::park);
    });
    assert!(rt.shutdown(Duration::from_secs(10)).abandoned.is_empty());
}

#[test]
fn hundreds_of_runtimes_leak_neither_threads_nor_descriptors() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "several::hundreds_of_runtimes_leak_neither_threads_nor_descriptors";
        let ended = Running::start(&mut this_test(test, "alone", "")).end();
        assert!(ended.status.success(), "{ended}");
        return;
    }
    (0..4).for_each(|_| one_life(4));
    let (threads, fds) = (count("/proc/self/task"), count("/proc/self/fd"));
    (0..300).for_each(|n| one_life(1 + n % 4));
    // Joined threads are gone from /proc a moment after the join.
    let mut looks = 0;
    while count("/proc/self/task") > threads && looks < 100 {
        std::thread::sleep(Duration::from_millis(10));
        looks += 1;
    }
    assert_eq!(count("/proc/self/task"), threads);
    assert_eq!(count("/proc/self/fd"), fds);
}
