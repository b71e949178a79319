//! Many: pollers of one instance, waits for one descriptor, descriptors of one wait; nothing is left open.

use crate::common::{is_child, let_others_run, run_as_child, until, watchdog};
use crate::kinds::eventfd;
use crate::on_workers;
use greenroom::Runtime;
use greenroom::multiplex::{
    EPOLLET, EPOLLIN, EPOLLONESHOT, Epoll, EpollFlags, NO_FDS, POLLIN, Poll, select,
};
use greenroom::selectors::{DefaultSelector, EVENT_READ};
use greenroom::thread::{sleep, spawn, spawn_local};
use std::cell::Cell;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn level_is_told_to_all_who_wait() {
    on_workers(|| {
        let event = eventfd(0);
        let epoll = Arc::new(Epoll::new().unwrap());
        epoll.register(&event, EPOLLIN).unwrap();
        let pollers: Vec<_> = (0..8)
            .map(|_| {
                let epoll = Arc::clone(&epoll);
                spawn(move || epoll.poll(None, Some(1)).unwrap().len())
            })
            .collect();
        let_others_run();
        (&event).write_all(&1u64.to_ne_bytes()).unwrap();
        for poller in pollers {
            assert_eq!(poller.join().unwrap(), 1);
        }
    });
}

/// Several tasks and OS threads take from one instance; every token that is written is taken.
fn all_is_taken(flags: EpollFlags, is_rearmed: bool) {
    // A Unix stream holds some 270 writes of one byte: the writer never waits.
    const TOKENS: usize = 200;
    let (reader, mut writer) = UnixStream::pair().unwrap();
    reader.set_nonblocking(true).unwrap();
    let reader = Arc::new(reader);
    let epoll = Arc::new(Epoll::new().unwrap());
    epoll.register(&*reader, EPOLLIN | flags).unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let take = {
        let (epoll, reader, taken) = (Arc::clone(&epoll), Arc::clone(&reader), Arc::clone(&taken));
        move || {
            while taken.load(Ordering::Relaxed) < TOKENS {
                for _event in epoll.poll(None, None).unwrap() {
                    // A neighbour may have taken it; an edge or a shot is for all there is.
                    while let Ok(1) = (&*reader).read(&mut [0; 1]) {
                        taken.fetch_add(1, Ordering::Relaxed);
                        if flags.is_empty() {
                            break;
                        }
                    }
                    if is_rearmed {
                        epoll.modify(&*reader, EPOLLIN | flags).unwrap();
                    }
                }
            }
        }
    };
    let takers: Vec<_> = (0..4).map(|_| spawn(take.clone())).collect();
    for token in 0..TOKENS {
        writer.write_all(b"x").unwrap();
        if token % 16 == 0 {
            greenroom::thread::yield_now();
        }
    }
    until(|| taken.load(Ordering::Relaxed) == TOKENS);
    // The end is an event for who still waits.
    drop(writer);
    for taker in takers {
        until(|| taker.is_finished() || !flags.is_empty());
        taker.cancel();
        let _ = taker.join();
    }
}

#[test]
fn pollers_of_one_instance_lose_nothing() {
    on_workers(|| {
        all_is_taken(EpollFlags::empty(), false);
        all_is_taken(EPOLLET, false);
        all_is_taken(EPOLLET | EPOLLONESHOT, true);
        all_is_taken(EPOLLONESHOT, true);
    });
}

#[test]
fn pollers_on_two_workers_hear_every_event() {
    on_workers(|| {
        // Ping-pong: each round needs a wake of whoever waits, wherever it waits.
        let (ping, mut to_ping) = std::io::pipe().unwrap();
        let epoll = Arc::new(Epoll::new().unwrap());
        epoll.register(&ping, EPOLLIN | EPOLLET).unwrap();
        let heard = Arc::new(AtomicUsize::new(0));
        let pollers: Vec<_> = (0..3)
            .map(|_| {
                let (epoll, heard) = (Arc::clone(&epoll), Arc::clone(&heard));
                spawn(move || {
                    loop {
                        heard.fetch_add(epoll.poll(None, None).unwrap().len(), Ordering::Release);
                    }
                })
            })
            .collect();
        for round in 1..=500 {
            to_ping.write_all(b"x").unwrap();
            until(|| heard.load(Ordering::Acquire) >= round);
        }
        for poller in pollers {
            poller.cancel();
            assert!(poller.join().is_err());
        }
    });
}

#[test]
fn os_threads_and_green_threads_share_an_instance() {
    on_workers(|| {
        let event = eventfd(0);
        let epoll = Arc::new(Epoll::new().unwrap());
        epoll.register(&event, EPOLLIN).unwrap();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let epoll = Arc::clone(&epoll);
                std::thread::spawn(move || epoll.poll(None, None).unwrap().len())
            })
            .collect();
        let epoll = Arc::clone(&epoll);
        let task = spawn(move || epoll.poll(None, None).unwrap().len());
        let_others_run();
        (&event).write_all(&1u64.to_ne_bytes()).unwrap();
        assert_eq!(task.join().unwrap(), 1);
        for thread in threads {
            assert_eq!(thread.join().unwrap(), 1);
        }
    });
}

/// Runs `body` in a process of its own, as a green thread of one worker.
fn in_a_process(test: &str, body: impl FnOnce() + Send) {
    let _watchdog = watchdog();
    if is_child() {
        crate::common::Rt::with_workers(1).run(body);
        return;
    }
    let output = run_as_child(test);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn pipes(count: usize) -> Vec<(PipeReader, PipeWriter)> {
    (0..count).map(|_| std::io::pipe().unwrap()).collect()
}

#[test]
fn three_thousand_descriptors_are_no_limit() {
    in_a_process("crowds::three_thousand_descriptors_are_no_limit", || {
        let mut pipes = pipes(3000);
        let readers: Vec<_> = pipes.iter().map(|pipe| pipe.0.as_raw_fd()).collect();
        let last = *readers.last().unwrap();
        assert!(last >= 6000);
        let poll = Arc::new(Poll::new());
        let epoll = Arc::new(Epoll::new().unwrap());
        let selector = Arc::new(DefaultSelector::new().unwrap());
        for reader in &readers {
            poll.register(reader, POLLIN);
            epoll.register(reader, EPOLLIN).unwrap();
            selector.register(reader, EVENT_READ, ()).unwrap();
        }
        let tasks = [
            spawn_local(move || select(&readers, &NO_FDS, &NO_FDS, None).unwrap().0.len()),
            spawn_local({
                let poll = Arc::clone(&poll);
                move || poll.poll(None).unwrap().len()
            }),
            spawn_local({
                let epoll = Arc::clone(&epoll);
                move || epoll.poll(None, None).unwrap().len()
            }),
            spawn_local({
                let selector = Arc::clone(&selector);
                move || selector.select(None).unwrap().len()
            }),
        ];
        let_others_run();
        let (_, writer) = pipes.last_mut().unwrap();
        writer.write_all(b"x").unwrap();
        for task in tasks {
            assert_eq!(task.join().unwrap(), 1);
        }
        for (_, writer) in &mut pipes[..2999] {
            writer.write_all(b"x").unwrap();
        }
        assert_eq!(poll.poll(None).unwrap().len(), 3000);
        assert_eq!(epoll.poll(None, None).unwrap().len(), 1023, "as Python");
        assert_eq!(epoll.poll(None, Some(5000)).unwrap().len(), 3000);
        assert_eq!(selector.select(None).unwrap().len(), 3000);
    });
}

#[test]
fn thousand_waits_for_one_descriptor_all_end() {
    in_a_process("crowds::thousand_waits_for_one_descriptor_all_end", || {
        // The kernel lets 500 nested instances watch one file: the others look at intervals.
        let (reader, writer) = std::io::pipe().unwrap();
        let fd = reader.as_raw_fd();
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let list = [fd];
                spawn_local(move || select(&list, &NO_FDS, &NO_FDS, None).unwrap().0.len())
            })
            .collect();
        let_others_run();
        drop(writer);
        for task in tasks {
            assert_eq!(task.join().unwrap(), 1);
        }
    });
}

#[test]
fn waits_need_no_descriptor_when_none_is_left() {
    in_a_process("crowds::waits_need_no_descriptor_when_none_is_left", || {
        let (reader, writer) = std::io::pipe().unwrap();
        let fd = reader.as_raw_fd();
        let null = std::fs::File::open("/dev/null").unwrap();
        let mut hoard = Vec::new();
        while let Ok(file) = null.try_clone() {
            hoard.push(file);
        }
        assert!(Epoll::new().is_err());
        let list = [fd];
        let task = spawn_local(move || select(&list, &NO_FDS, &NO_FDS, None).unwrap().0.len());
        let_others_run();
        assert!(!task.is_finished());
        drop(writer);
        assert_eq!(task.join().unwrap(), 1);
    });
}

#[test]
fn nothing_is_left_open() {
    in_a_process("crowds::nothing_is_left_open", || {
        let (reader, writer) = std::io::pipe().unwrap();
        let fd = reader.as_raw_fd();
        let round = || {
            let short = Some(crate::common::SHORT);
            let list = [fd];
            assert!(select(&list, &NO_FDS, &NO_FDS, short).unwrap().0.is_empty());
            let poll = Poll::new();
            poll.register(&fd, POLLIN);
            assert!(poll.poll(short).unwrap().is_empty());
            let selector = DefaultSelector::new().unwrap();
            selector.register(&fd, EVENT_READ, ()).unwrap();
            assert!(selector.select(short).unwrap().is_empty());
            selector.close();
            let tasks = [
                spawn_local(move || select(&[fd], &NO_FDS, &NO_FDS, None).map(|_| ())),
                spawn_local(move || poll.poll(None).map(|_| ())),
                spawn_local(move || {
                    let epoll = Epoll::new()?;
                    epoll.register(&fd, EPOLLIN)?;
                    epoll.poll(None, None).map(|_| epoll.close())
                }),
            ];
            let_others_run();
            for task in tasks {
                task.cancel();
                assert!(task.join().is_err());
            }
        };
        round();
        let before = open_files();
        for _ in 0..10 {
            round();
        }
        assert_eq!(open_files(), before);
        drop(writer);
    });
}

/// Work is counted, not time: between two of a neighbour's wakes there are few looks, though each finds
/// something at once.
#[test]
fn looks_at_many_descriptors_let_neighbours_run() {
    const WAKES: usize = 20;
    let _watchdog = watchdog();
    // Alone: the tests beside this one need numbers that fit into a set of select(2).
    if !is_child() {
        let output = run_as_child("crowds::looks_at_many_descriptors_let_neighbours_run");
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let looks_of = |look: &dyn Fn()| {
        let is_done = Rc::new(Cell::new(false));
        let theirs = Rc::clone(&is_done);
        let neighbour = spawn_local(move || {
            for _ in 0..WAKES {
                sleep(Duration::from_millis(1));
            }
            theirs.set(true);
        });
        let mut looks = 0;
        while !is_done.get() {
            look();
            looks += 1;
        }
        neighbour.join().unwrap();
        looks
    };
    let runtime = Runtime::builder().workers(1).build().unwrap();
    runtime.run(|| {
        let pipes: Vec<_> = (0..1000).map(|_| greenroom::io::pipe().unwrap()).collect();
        (&pipes[999].1).write_all(b"x").unwrap();
        let readers: Vec<_> = pipes.iter().map(|(reader, _)| reader.as_raw_fd()).collect();
        let looks = looks_of(&|| {
            let (ready, _, _) = select(&readers, &NO_FDS, &NO_FDS, None).unwrap();
            assert_eq!(ready.len(), 1);
        });
        assert!(looks < WAKES * 1000, "{looks} selects");
        let poll = Poll::new();
        for fd in &readers {
            poll.register(fd, POLLIN);
        }
        let looks = looks_of(&|| assert_eq!(poll.poll(None).unwrap().len(), 1));
        assert!(looks < WAKES * 1000, "{looks} polls");
    });
}
