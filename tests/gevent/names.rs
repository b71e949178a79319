//! Time-outs, `idle`, pools, and the names that are re-exports.

use crate::common::Flag;
use crate::{LONG, SHORT, everywhere};
use greenroom::gevent::pool::{Group, Members, Pool};
use greenroom::gevent::{self, Timeout};
use greenroom::thread::{park, spawn_local, yield_now};
use std::io;

#[test]
fn timeout_belongs_to_the_run_that_set_it() {
    everywhere(|| {
        let outer = Timeout::new(SHORT);
        let seen = outer.run(|| Timeout::new(LONG).run(|| gevent::sleep(LONG)));
        assert_eq!(seen, Err(outer));
        let inner = Timeout::new(LONG).run(|| Timeout::new(SHORT).run(|| gevent::sleep(LONG)));
        assert_eq!(inner, Ok(Err(Timeout::new(SHORT))));
        assert_eq!(io::Error::from(outer).kind(), io::ErrorKind::TimedOut);
        assert!(!gevent::with_timeout(
            SHORT,
            || gevent::spawn(park).join(None),
            false
        ));
        assert_eq!(gevent::with_timeout(None, || 1, 2), 1);
    });
}

#[test]
fn idle_returns_when_the_others_of_its_worker_have_run() {
    let _watchdog = crate::common::watchdog();
    for workers in [1, 2] {
        crate::Rt::with_workers(workers).run(|| {
            let busy = spawn_local(|| (0..1000).for_each(|_| yield_now()));
            let waiting = spawn_local(park);
            gevent::idle();
            assert!(busy.is_finished() && !waiting.is_finished());
            waiting.thread().unpark();
            // Two that idle do not wait for each other for ever.
            let other = spawn_local(gevent::idle);
            gevent::idle();
            other.join().unwrap();
        });
    }
    gevent::idle();
}

#[test]
fn pools_are_killed_by_gevents_name() {
    everywhere(|| {
        let (group, pool) = (Group::new(), Pool::new(2));
        for _ in 0..2 {
            group.spawn(park);
            pool.spawn(park);
        }
        assert!(pool.full() && !group.full());
        assert!(pool.kill(true, None) && group.kill(true, LONG));
        assert!(!pool.full() && pool.is_empty() && group.is_empty());

        let shielded = Flag::default();
        let theirs = shielded.clone();
        let member = group.spawn(move || {
            greenroom::shield(|| {
                theirs.raise();
                park();
            });
        });
        crate::common::until(|| shielded.is_up());
        assert!(!group.kill(false, None) && !group.kill(true, SHORT));
        member.thread().unpark();
        group.join();
    });
}

#[test]
fn select_has_its_flags() {
    use greenroom::gevent::select::{EPOLLIN, EPOLLOUT, Epoll, POLLIN, POLLOUT, Poll};
    use std::io::Write;
    everywhere(|| {
        let (reader, mut writer) = greenroom::io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let poll = Poll::new();
        poll.register(&reader, POLLIN | POLLOUT);
        let ready = poll.poll(Some(LONG)).unwrap();
        assert!(ready.len() == 1 && ready[0].1 == POLLIN);
        let epoll = Epoll::new().unwrap();
        epoll.register(&reader, EPOLLIN | EPOLLOUT).unwrap();
        let ready = epoll.poll(Some(LONG), None).unwrap();
        assert!(ready.len() == 1 && ready[0].1 == EPOLLIN);
    });
}

#[test]
fn names_are_the_native_ones() {
    everywhere(|| {
        let id = gevent::getcurrent().id();
        assert_eq!(id, greenroom::thread::current().id());
        let raw = gevent::spawn_raw(|| 7);
        assert_eq!(raw.join().unwrap(), 7);
        let named = gevent::Greenlet::with_name("reader", || {
            gevent::getcurrent().name().map(str::to_owned)
        });
        named.start();
        assert_eq!(named.get(true, None).unwrap().as_deref(), Some("reader"));
    });
}
