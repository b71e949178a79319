//! What changes while somebody waits: registrations, closed and reused numbers, triggers.

use crate::common::{let_others_run, until, watchdog};
use crate::kinds::eventfd;
use crate::{NOW, at_each_place, on_workers};
use greenroom::multiplex::{
    EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT, EPOLLOUT, Epoll, NO_FDS, POLLHUP, POLLIN,
    POLLNVAL, Poll, select,
};
use greenroom::thread::spawn_local;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::sync::Arc;

#[test]
fn epoll_change_counts_for_whoever_waits() {
    on_workers(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let epoll = Arc::new(Epoll::new().unwrap());
        writer.write_all(b"x").unwrap();
        let ask = |epoll: &Arc<Epoll>| {
            let epoll = Arc::clone(epoll);
            let task = spawn_local(move || epoll.poll(None, None).unwrap());
            let_others_run();
            assert!(!task.is_finished());
            task
        };
        let task = ask(&epoll);
        epoll.register(&reader, EPOLLIN).unwrap();
        assert_eq!(task.join().unwrap(), [(reader.as_raw_fd(), EPOLLIN)]);
        epoll.modify(&reader, EPOLLOUT).unwrap();
        let task = ask(&epoll);
        epoll.modify(&reader, EPOLLIN).unwrap();
        assert_eq!(task.join().unwrap(), [(reader.as_raw_fd(), EPOLLIN)]);
        epoll.unregister(&reader).unwrap();
        let task = ask(&epoll);
        epoll.register(&writer, EPOLLOUT).unwrap();
        assert_eq!(task.join().unwrap(), [(writer.as_raw_fd(), EPOLLOUT)]);
    });
}

#[test]
fn poll_change_counts_from_the_next_call_on() {
    on_workers(|| {
        let (quiet, quiet_writer) = std::io::pipe().unwrap();
        let (ready, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let poll = Arc::new(Poll::new());
        poll.register(&quiet, POLLIN);
        let task = spawn_local({
            let poll = Arc::clone(&poll);
            move || poll.poll(None).unwrap()
        });
        let_others_run();
        poll.register(&ready, POLLIN);
        poll.unregister(&quiet).unwrap();
        let_others_run();
        assert!(!task.is_finished());
        drop(quiet_writer);
        assert_eq!(task.join().unwrap(), [(quiet.as_raw_fd(), POLLHUP)]);
        assert_eq!(poll.poll(None).unwrap(), [(ready.as_raw_fd(), POLLIN)]);
    });
}

#[test]
fn edge_is_told_once_per_event() {
    at_each_place(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let epoll = Epoll::new().unwrap();
        epoll.register(&reader, EPOLLIN | EPOLLET).unwrap();
        for _ in 0..3 {
            writer.write_all(b"x").unwrap();
            assert_eq!(epoll.poll(None, None).unwrap().len(), 1);
            assert!(epoll.poll(NOW, None).unwrap().is_empty());
            assert!(
                epoll
                    .poll(Some(crate::common::SHORT), None)
                    .unwrap()
                    .is_empty()
            );
        }
    });
}

#[test]
fn one_shot_is_told_once_until_it_is_armed_again() {
    at_each_place(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let epoll = Epoll::new().unwrap();
        epoll.register(&reader, EPOLLIN | EPOLLONESHOT).unwrap();
        for _ in 0..3 {
            writer.write_all(b"x").unwrap();
            assert_eq!(epoll.poll(None, None).unwrap().len(), 1);
            writer.write_all(b"x").unwrap();
            assert!(
                epoll
                    .poll(Some(crate::common::SHORT), None)
                    .unwrap()
                    .is_empty()
            );
            epoll.modify(&reader, EPOLLIN | EPOLLONESHOT).unwrap();
            assert_eq!(epoll.poll(None, None).unwrap().len(), 1);
            epoll.modify(&reader, EPOLLIN | EPOLLONESHOT).unwrap();
        }
    });
}

#[test]
fn exclusive_wakes_at_least_one_instance() {
    on_workers(|| {
        let event = eventfd(0);
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let epoll = Epoll::new().unwrap();
                epoll.register(&event, EPOLLIN | EPOLLEXCLUSIVE).unwrap();
                let refused = epoll.modify(&event, EPOLLIN).unwrap_err();
                assert_eq!(refused.raw_os_error(), Some(libc::EINVAL));
                spawn_local(move || epoll.poll(None, None).unwrap().len())
            })
            .collect();
        let_others_run();
        (&event).write_all(&1u64.to_ne_bytes()).unwrap();
        until(|| tasks.iter().any(|task| task.is_finished()));
        for task in tasks {
            task.cancel();
            let _ = task.join();
        }
    });
}

#[test]
fn most_events_are_told_in_turns() {
    at_each_place(|| {
        let epoll = Epoll::new().unwrap();
        let events: Vec<_> = (0..5).map(|_| eventfd(1)).collect();
        for event in &events {
            epoll.register(event, EPOLLIN).unwrap();
        }
        let mut seen: Vec<RawFd> = Vec::new();
        for _ in 0..5 {
            let told = epoll.poll(None, Some(2)).unwrap();
            assert!(!told.is_empty() && told.len() <= 2);
            seen.extend(told.iter().map(|event| event.0));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5, "the kernel goes round");
        assert_eq!(epoll.poll(None, Some(usize::MAX)).unwrap().len(), 5);
    });
}

#[test]
fn number_closed_before_a_call_is_an_answer() {
    at_each_place(|| {
        // Far above what this process opens, so that no neighbour gets it.
        let closed: RawFd = 1_000_000_000;
        let poll = Poll::new();
        poll.register(&closed, POLLIN);
        assert_eq!(poll.poll(None).unwrap(), [(closed, POLLNVAL)]);
        let error = select(&NO_FDS, &[closed], &NO_FDS, None).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
    });
}

#[expect(unsafe_code, reason = "dup2 and close on numbers that this test owns")]
mod numbers {
    use std::os::fd::RawFd;

    pub(super) fn close(fd: RawFd) {
        // SAFETY: the caller owns the number.
        assert_eq!(unsafe { libc::close(fd) }, 0);
    }

    pub(super) fn replace(fd: RawFd, by: RawFd) {
        // SAFETY: the caller owns both numbers.
        assert_eq!(unsafe { libc::dup2(by, fd) }, fd);
    }
}

#[test]
fn number_that_is_reused_stands_for_its_new_file() {
    at_each_place(|| {
        let (old, _old_writer) = std::io::pipe().unwrap();
        let (new, mut new_writer) = std::io::pipe().unwrap();
        let fd = old.into_raw_fd();
        let poll = Poll::new();
        poll.register(&fd, POLLIN);
        assert!(poll.poll(Some(crate::common::SHORT)).unwrap().is_empty());
        numbers::replace(fd, new.as_raw_fd());
        new_writer.write_all(b"x").unwrap();
        assert_eq!(poll.poll(None).unwrap(), [(fd, POLLIN)]);
        numbers::close(fd);
    });
}

#[test]
fn number_that_is_replaced_during_a_wait_ends_it_with_the_next_event() {
    on_workers(|| {
        let (old, mut old_writer) = std::io::pipe().unwrap();
        let keeper = old.try_clone().unwrap();
        let (new, mut new_writer) = std::io::pipe().unwrap();
        new_writer.write_all(b"x").unwrap();
        let fd = old.into_raw_fd();
        let task = spawn_local(move || {
            let poll = Poll::new();
            poll.register(&fd, POLLIN);
            poll.poll(None).unwrap()
        });
        let_others_run();
        numbers::replace(fd, new.as_raw_fd());
        // As in poll(2): the old file's event makes it look, and it finds the new file.
        old_writer.write_all(b"x").unwrap();
        assert_eq!(task.join().unwrap(), [(fd, POLLIN)]);
        numbers::close(fd);
        drop(keeper);
    });
}

#[test]
fn number_that_is_closed_during_a_wait_is_found_at_the_next_look() {
    on_workers(|| {
        let (one, one_writer) = std::io::pipe().unwrap();
        let (two, mut two_writer) = std::io::pipe().unwrap();
        let (one, other) = (one.into_raw_fd(), two.as_raw_fd());
        // A number in place of the closed one that nobody else can take.
        let task = spawn_local(move || {
            let poll = Poll::new();
            poll.register(&one, POLLIN);
            poll.register(&other, POLLIN);
            poll.poll(None).unwrap()
        });
        let_others_run();
        numbers::replace(one, one_writer.as_raw_fd());
        drop(one_writer);
        two_writer.write_all(b"x").unwrap();
        let answers = task.join().unwrap();
        assert!(answers.contains(&(other, POLLIN)), "{answers:?}");
        numbers::close(one);
    });
}

#[test]
fn epoll_forgets_what_is_closed() {
    at_each_place(|| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let epoll = Epoll::new().unwrap();
        epoll.register(&reader, EPOLLIN).unwrap();
        writer.write_all(b"x").unwrap();
        drop(reader);
        assert!(
            epoll
                .poll(Some(crate::common::SHORT), None)
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn nested_instances_wake_through_all_levels() {
    let _watchdog = watchdog();
    on_workers(|| {
        // Linux nests five; the worker's own is one more, and then looks at intervals.
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let mut chain = vec![Epoll::new().unwrap()];
        chain[0].register(&reader, EPOLLIN).unwrap();
        loop {
            let outer = Epoll::new().unwrap();
            let inner = chain.last().unwrap();
            if outer.register(inner, EPOLLIN).is_err() {
                break;
            }
            chain.push(outer);
        }
        assert!(chain.len() >= 4, "{}", chain.len());
        for epoll in chain {
            let epoll = Arc::new(epoll);
            for wait in 0..2 {
                let watched = Arc::clone(&epoll);
                let task = spawn_local(move || match wait {
                    0 => watched.poll(None, None).unwrap().len(),
                    _ => {
                        let list = [watched.as_raw_fd()];
                        select(&list, &NO_FDS, &NO_FDS, None).unwrap().0.len()
                    }
                });
                let_others_run();
                assert!(!task.is_finished());
                writer.write_all(b"x").unwrap();
                assert_eq!(task.join().unwrap(), 1);
                reader.read_exact(&mut [0]).unwrap();
            }
            std::mem::forget(epoll);
        }
    });
}
