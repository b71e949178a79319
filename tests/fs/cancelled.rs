//! Cancel and time-outs: what waits for others ends at once, what a disk answers is done or not begun.

use super::ground::{Dir, in_all_places, with_runtimes};
use crate::common::{FOREVER, Flag, Rt, SHORT, assert_cancelled, until};
use greenroom::fs::{File, OpenOptions};
use greenroom::thread::{self, JoinHandle};
use greenroom::timeout;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What waits for somebody else: its name, and what it does in a directory that [`prepare`] made ready.
type Wait = (&'static str, fn(&Path));

/// All there is.
const WAITS: [Wait; 6] = [
    ("open to read", |dir| drop(File::open(dir.join("fifo")))),
    ("open to write", |dir| drop(File::create(dir.join("fifo")))),
    ("read", |dir| drop(both(dir).read(&mut [0; 8]))),
    ("write", |dir| drop(both(dir).write_all(&[0; 1 << 20]))),
    ("lock", |dir| {
        drop(File::open(dir.join("locked")).unwrap().lock());
    }),
    ("lock shared", |dir| {
        drop(File::open(dir.join("locked")).unwrap().lock_shared());
    }),
];

fn both(dir: &Path) -> File {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(dir.join("fifo"))
        .unwrap()
}

/// A lonely FIFO and a locked file.
fn prepare(dir: &Dir) -> std::fs::File {
    let _ = std::fs::remove_file(dir.join("fifo"));
    dir.fifo("fifo");
    dir.file("locked", b"");
    let holder = std::fs::File::open(dir.join("locked")).unwrap();
    holder.lock().unwrap();
    holder
}

/// Nothing that waited has left a trace. Child processes of other tests have all descriptors until they
/// execute their program, hence "until".
#[track_caller]
fn assert_free(dir: &Dir, holder: std::fs::File) {
    holder.unlock().unwrap();
    until(|| holder.try_lock().is_ok());
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).custom_flags(libc::O_NONBLOCK);
    let is_alone = |error: io::Error| error.raw_os_error() == Some(libc::ENXIO);
    until(|| options.open(dir.join("fifo")).is_err_and(is_alone));
}

fn start(rt: &Rt, dir: &Dir, wait: fn(&Path)) -> (Flag, JoinHandle<()>) {
    let is_there = Flag::default();
    let (there, dir) = (is_there.clone(), PathBuf::from(&**dir));
    let task = rt.spawn(move || {
        there.raise();
        wait(&dir);
        // A result would be the call's, an error too: neither is what shall be seen.
        panic!("it did not wait");
    });
    (is_there, task)
}

#[test]
fn cancel_ends_every_wait_for_others() {
    with_runtimes(|rt, dir| {
        for (name, wait) in WAITS {
            let holder = prepare(dir);
            for pause in [Duration::ZERO, Duration::from_millis(30)] {
                let (is_there, task) = start(rt, dir, wait);
                until(|| is_there.is_up());
                std::thread::sleep(pause);
                assert!(!task.is_finished(), "{name}");
                task.cancel();
                assert_cancelled(task.join());
            }
            assert_free(dir, holder);
        }
    });
}

#[test]
fn timeout_ends_every_wait_for_others() {
    in_all_places(|dir| {
        for (name, wait) in WAITS {
            let holder = prepare(dir);
            assert!(timeout(SHORT, || wait(dir)).is_err(), "{name}");
            assert_free(dir, holder);
        }
    });
}

#[test]
fn cancel_of_calls_on_the_disk_leaves_them_done_or_not_begun() {
    const BYTES: usize = 4 << 20;
    with_runtimes(|rt, dir| {
        let path = dir.file("file", vec![3; BYTES]);
        for round in 0..60 {
            let done = Arc::new(AtomicUsize::new(0));
            let (path, count) = (path.clone(), Arc::clone(&done));
            let task = rt.spawn(move || {
                let mut file = File::open(path).unwrap();
                // The buffer dies with the task: a read that went on would write to freed memory.
                let mut bytes = Vec::new();
                let read = file.read_to_end(&mut bytes).unwrap();
                assert!(read == BYTES && bytes.iter().all(|&byte| byte == 3));
                count.store(read, Ordering::SeqCst);
                thread::sleep(FOREVER);
            });
            std::thread::sleep(Duration::from_micros(50 * round));
            task.cancel();
            assert_cancelled(task.join());
            let done = done.load(Ordering::SeqCst);
            assert!(done == 0 || done == BYTES);
        }
    });
}

#[test]
fn deadline_that_has_passed_stops_a_file_before_it_does_anything() {
    in_all_places(|dir| {
        let path = dir.file("file", b"kept");
        let ended = timeout(Duration::ZERO, || std::hint::black_box(File::create(&path)));
        assert!(ended.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
        let mut file = File::open(&path).unwrap();
        assert!(timeout(Duration::ZERO, || file.read(&mut [0; 2])).is_err());
        let mut rest = String::new();
        file.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "kept", "nothing was consumed");
    });
}

#[test]
fn waits_for_others_say_what_they_wait_for() {
    const REASONS: [&str; WAITS.len()] = [
        "waiting for the other end of a FIFO",
        "waiting for the other end of a FIFO",
        "reading fd",
        "writing fd",
        "locking the file of fd",
        "locking the file of fd",
    ];
    with_runtimes(|rt, dir| {
        let _locked = prepare(dir);
        for ((name, wait), reason) in WAITS.into_iter().zip(REASONS) {
            let path = PathBuf::from(&**dir);
            let task = rt.spawn(move || wait(&path));
            let is_told = || {
                let lines = rt.run(|| greenroom::waiting(FOREVER));
                lines.iter().any(|line| line.contains(reason))
            };
            until(is_told);
            task.cancel();
            assert_cancelled(task.join());
            println!("{name}: {reason}");
        }
    });
}
