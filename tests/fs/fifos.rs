//! FIFOs: reads and opens that wait for a partner, by the hundred, without a thread for any.

use super::ground::{Dir, on_green_threads, os_threads, with_runtimes};
use crate::child::Running;
use crate::common::{Flag, Rt, until, watchdog};
use crate::reexec::{role, this_test};
use greenroom::fs::{self, File, OpenOptions};
use greenroom::thread::{self, JoinHandle, yield_now};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const COUNT: usize = 500;

/// The blocking pool's lanes for files: what a disk answers, and what may wait for good.
const POOL_THREADS_MAX: usize = 64 + 64;

/// Two main threads of the test, its watchdog, a worker, whoever reads the child's output.
const OTHER_THREADS_MAX: usize = 6;

/// Counts the beats of a task on this runtime until it is stopped.
struct Ticker {
    beats: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Ticker {
    fn start(rt: &Rt) -> Ticker {
        let beats = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&beats);
        let task = rt.spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(1));
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ticker { beats, task }
    }

    /// Waits until it has beaten `more` times.
    fn let_beat(&self, more: usize) {
        let goal = self.beats.load(Ordering::Relaxed) + more;
        until(|| self.beats.load(Ordering::Relaxed) >= goal);
    }

    fn stop(self) {
        self.task.cancel();
        assert!(self.task.join().is_err());
    }
}

/// Threads are counted for the whole process, so who counts runs alone.
fn alone(test: &str, body: impl FnOnce(&Rt, &Dir)) {
    let _watchdog = watchdog();
    if role().is_none() {
        let ended = Running::start(&mut this_test(test, "alone", "")).end();
        assert!(ended.status.success(), "{ended}");
        return;
    }
    body(&Rt::with_workers(1), &Dir::new());
    assert!(
        os_threads() <= POOL_THREADS_MAX + OTHER_THREADS_MAX,
        "{}",
        os_threads()
    );
}

fn assert_all_wait<T>(ticker: &Ticker, tasks: &[JoinHandle<T>]) {
    ticker.let_beat(100);
    assert!(tasks.iter().all(|task| !task.is_finished()));
    assert!(
        os_threads() <= POOL_THREADS_MAX + OTHER_THREADS_MAX,
        "{}",
        os_threads()
    );
}

#[test]
fn hundreds_of_reads_of_silent_fifos_hold_no_thread() {
    alone(
        "fifos::hundreds_of_reads_of_silent_fifos_hold_no_thread",
        |rt, dir| {
            let ticker = Ticker::start(rt);
            let is_there = Arc::new(AtomicUsize::new(0));
            let fifos: Vec<_> = (0..COUNT).map(|n| dir.fifo(&n.to_string())).collect();
            let readers: Vec<_> = fifos
                .iter()
                .cloned()
                .map(|fifo| {
                    let is_there = Arc::clone(&is_there);
                    rt.spawn(move || {
                        let mut both = OpenOptions::new()
                            .read(true)
                            .write(true)
                            .open(fifo)
                            .unwrap();
                        is_there.fetch_add(1, Ordering::SeqCst);
                        let mut byte = [0];
                        both.read_exact(&mut byte).unwrap();
                        byte[0]
                    })
                })
                .collect();
            until(|| is_there.load(Ordering::SeqCst) == COUNT);
            assert_all_wait(&ticker, &readers);
            for (fifo, reader) in fifos.iter().zip(readers) {
                std::fs::write(fifo, b"!").unwrap();
                assert_eq!(reader.join().unwrap(), b'!');
            }
            ticker.stop();
        },
    );
}

#[test]
fn hundreds_of_opens_of_lonely_fifos_hold_no_thread() {
    alone(
        "fifos::hundreds_of_opens_of_lonely_fifos_hold_no_thread",
        |rt, dir| {
            let ticker = Ticker::start(rt);
            let fifos: Vec<_> = (0..COUNT).map(|n| dir.fifo(&n.to_string())).collect();
            let opens: Vec<_> = fifos
                .iter()
                .enumerate()
                .map(|(n, fifo)| open_end(rt, n, fifo))
                .collect();
            assert_all_wait(&ticker, &opens);
            let partners: Vec<_> = fifos
                .iter()
                .enumerate()
                .map(|(n, fifo)| partner(n, fifo))
                .collect();
            for open in opens {
                open.join().unwrap().unwrap();
            }
            drop(partners);
            ticker.stop();
        },
    );
}

/// Even ones read, odd ones write.
fn open_end(rt: &Rt, n: usize, fifo: &Path) -> JoinHandle<io::Result<File>> {
    let fifo = fifo.to_owned();
    rt.spawn(move || match n % 2 {
        0 => File::open(fifo),
        _ => OpenOptions::new().write(true).open(fifo),
    })
}

/// The other end; a reader that does not wait for the writer to ask again.
fn partner(n: usize, fifo: &Path) -> std::fs::File {
    let mut options = std::fs::OpenOptions::new();
    match n % 2 {
        0 => options.write(true),
        _ => options.read(true).custom_flags(libc::O_NONBLOCK),
    };
    options.open(fifo).unwrap()
}

/// Flags of the open file behind a descriptor.
fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    let path = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
    let info = std::fs::read_to_string(path).unwrap();
    let flags = info
        .lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_NONBLOCK != 0
}

#[test]
fn open_ends_when_a_silent_writer_comes_and_leaves_no_flag() {
    with_runtimes(|rt, dir| {
        let fifo = dir.fifo("fifo");
        let reader = open_end(rt, 0, &fifo);
        // Blocks until the reader has opened its end, as a reader of std's would make it.
        let mut writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        let mut reader = reader.join().unwrap().unwrap();
        assert!(!is_nonblocking(&reader));
        let text = rt.spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        writer.write_all(b"late").unwrap();
        drop(writer);
        assert_eq!(text.join().unwrap().unwrap(), "late");
        // The other way round.
        let writer = open_end(rt, 1, &fifo);
        let _reader = std::fs::File::open(&fifo).unwrap();
        assert!(!is_nonblocking(&writer.join().unwrap().unwrap()));
    });
}

#[test]
fn open_ends_when_a_writer_has_come_and_gone() {
    with_runtimes(|rt, dir| {
        for text in ["", "left behind"] {
            let fifo = dir.fifo(&format!("fifo{}", text.len()));
            let reader = open_end(rt, 0, &fifo);
            let mut writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
            drop(writer);
            let reader = reader.join().unwrap().unwrap();
            assert_eq!(rt.run(|| io::read_to_string(reader)).unwrap(), text);
        }
    });
}

/// Whether this process has it open, in whatever way.
fn is_open(path: &Path) -> bool {
    let fds = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let mut targets = fds.filter_map(|fd| std::fs::read_link(fd.path()).ok());
    targets.any(|target| target == path)
}

#[test]
fn open_waits_at_the_fifo_it_found() {
    with_runtimes(|rt, dir| {
        for n in [0, 1] {
            let fifo = dir.fifo("fifo");
            let moved = dir.join("moved");
            let open = open_end(rt, n, &fifo);
            until(|| is_open(&fifo));
            std::fs::rename(&fifo, &moved).unwrap();
            let _other = dir.fifo("fifo");
            // Long enough to ask again now and then.
            std::thread::sleep(Duration::from_millis(50));
            assert!(!open.is_finished());
            let _partner = partner(n, &moved);
            open.join().unwrap().unwrap();
            std::fs::remove_file(&fifo).unwrap();
        }
    });
}

#[test]
fn writers_park_while_the_fifo_is_full() {
    on_green_threads(|rt, dir| {
        let fifo = dir.fifo("fifo");
        let mut both = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&fifo)
            .unwrap();
        let is_there = Flag::default();
        let there = is_there.clone();
        let writer = rt.spawn(move || {
            there.raise();
            fs::write(fifo, vec![5; 300_000])
        });
        until(|| is_there.is_up());
        (0..100).for_each(|_| yield_now());
        let mut bytes = vec![0; 300_000];
        both.read_exact(&mut bytes).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 5));
        writer.join().unwrap().unwrap();
    });
}

/// Who closes a standard stream must find it closed: what the opens need for themselves lies elsewhere.
#[test]
#[expect(unsafe_code, reason = "closes standard streams")]
fn opens_that_wait_leave_closed_standard_streams_closed() {
    let is_there = |number: i32| Path::new(&format!("/proc/self/fd/{number}")).exists();
    let test = "fifos::opens_that_wait_leave_closed_standard_streams_closed";
    alone(test, |rt, dir| {
        let fifo = dir.fifo("fifo");
        // Before, since it may open descriptors of its own.
        let ticker = Ticker::start(rt);
        ticker.let_beat(1);
        // SAFETY: the numbers belong to this process, which runs one test; nobody has borrowed them.
        assert_eq!(unsafe { libc::close(0) }, 0);
        let writing = open_end(rt, 1, &fifo);
        // It may be there for an instant, and is moved.
        until(|| is_open(&fifo) && !is_there(0));
        let reader = partner(1, &fifo);
        drop((writing.join().unwrap().unwrap(), reader));
        // The file itself takes the first place that is free, as std's does.
        // SAFETY: as above.
        let stdout = unsafe { libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 10) };
        // SAFETY: as above.
        assert_eq!(unsafe { libc::close(1) }, 0);
        let reading = open_end(rt, 0, &fifo);
        // Looks without a descriptor, which would be in the way.
        until(|| is_there(0));
        ticker.let_beat(20);
        until(|| !is_there(1));
        drop((partner(0, &fifo), reading.join().unwrap().unwrap()));
        // SAFETY: as above.
        assert_eq!(unsafe { libc::dup2(stdout, 1) }, 1);
        ticker.stop();
    });
}
