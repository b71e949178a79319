//! Crowds that wait for room at the other end, on one worker: it stays free, and no thread is added.
//!
//! In child processes, because threads are counted.

use crate::common::{Flag, Rt, is_child, run_as_child, until, watchdog};
use crate::ground::{Dir, full_listener, full_receiver};
use greenroom::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CROWD: usize = 500;

/// How long beats are counted.
const SPELL: Duration = Duration::from_millis(400);

fn os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// How often a sleeper of a millisecond wakes up in a spell.
fn beats() -> usize {
    let start = Instant::now();
    let mut beats = 0;
    while start.elapsed() < SPELL {
        greenroom::thread::sleep(Duration::from_millis(1));
        beats += 1;
    }
    beats
}

/// Lets a crowd wait in `wait` on one worker, beside a ticker; then calls `relieve` on an OS thread.
fn crowd(wait: fn(&Path), path: &Path, relieve: impl FnOnce() + Send + 'static) {
    let rt = Rt::with_workers(1);
    let alone = rt.run(beats);
    let threads = os_threads();
    let (begun, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handles: Vec<_> = (0..CROWD)
        .map(|_| {
            let (begun, done, path) = (Arc::clone(&begun), Arc::clone(&done), path.to_owned());
            rt.spawn(move || {
                begun.fetch_add(1, Ordering::AcqRel);
                wait(&path);
                done.fetch_add(1, Ordering::AcqRel);
            })
        })
        .collect();
    until(|| begun.load(Ordering::Acquire) == CROWD);
    let beside = rt.run(beats);
    println!("beats: {beside} beside {CROWD} that wait, {alone} alone");
    assert_eq!(done.load(Ordering::Acquire), 0, "there is no room");
    assert!(
        os_threads() <= threads,
        "nobody waits on a thread of his own"
    );
    assert!(beside * 4 >= alone, "the worker was kept busy or blocked");
    let helper = std::thread::spawn(relieve);
    let is_over = Flag::default();
    let over = is_over.clone();
    rt.spawn(move || {
        handles
            .into_iter()
            .for_each(|handle| handle.join().unwrap());
        over.raise();
    });
    until(|| is_over.is_up());
    helper.join().unwrap();
}

/// Runs a test in a child process; `true` in the child.
#[track_caller]
fn in_a_child(name: &str) -> bool {
    if is_child() {
        return true;
    }
    let child = run_as_child(name);
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{text}");
    println!("{text}");
    false
}

#[test]
fn crowd_that_connects_to_a_full_listener_leaves_its_worker_free() {
    let _watchdog = watchdog();
    let name = "many::crowd_that_connects_to_a_full_listener_leaves_its_worker_free";
    if !in_a_child(name) {
        return;
    }
    let dir = Dir::new();
    let path = dir.path("socket");
    let (listener, _queued) = full_listener(&path);
    let connect = |path: &Path| drop(UnixStream::connect(path).unwrap());
    crowd(connect, &path, move || {
        (0..=CROWD).for_each(|_| drop(listener.accept().unwrap()));
    });
}

#[test]
fn crowd_that_sends_to_a_full_queue_leaves_its_worker_free() {
    let _watchdog = watchdog();
    if !in_a_child("many::crowd_that_sends_to_a_full_queue_leaves_its_worker_free") {
        return;
    }
    let dir = Dir::new();
    let path = dir.path("socket");
    let (receiver, queued) = full_receiver(&path);
    let send = |path: &Path| {
        UnixDatagram::unbound()
            .unwrap()
            .send_to(b"more", path)
            .unwrap();
    };
    crowd(send, &path, move || {
        (0..queued + CROWD).for_each(|_| assert!(receiver.recv(&mut [0; 8]).unwrap() > 0));
    });
}
