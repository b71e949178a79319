//! The table: kind of descriptor × events × call × place, each answer compared with the kernel's.
//!
//! A row that is refused is compared by its error. Rows that have nothing to say are asked again with a
//! time-out, which goes through the whole wait.

use crate::common::Flag;
use crate::kinds::{Kind, all};
use crate::{NOW, at_each_place};
use greenroom::multiplex::{
    Epoll, EpollFlags, NO_FDS, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, Poll, PollFlags, select,
};
use greenroom::raw::{self, PollFd};
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

const MASKS: [i16; 8] = [
    0,
    POLLIN.bits(),
    POLLOUT.bits(),
    POLLPRI.bits(),
    POLLIN.bits() | POLLOUT.bits(),
    POLLIN.bits() | POLLPRI.bits(),
    POLLRDHUP.bits(),
    POLLIN.bits() | POLLOUT.bits() | POLLPRI.bits() | POLLRDHUP.bits(),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Select,
    Poll,
    Epoll,
}

const CALLS: [Call; 3] = [Call::Select, Call::Poll, Call::Epoll];

/// Bits of the answer, 0 for none; or the error's number.
type Answer = Result<u32, i32>;

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap()
}

fn bits(flags: PollFlags) -> u32 {
    u32::from(flags.bits().cast_unsigned())
}

/// The lists that a mask asks for.
fn lists(fd: RawFd, mask: i16) -> [Vec<RawFd>; 3] {
    let has = |flag: PollFlags| PollFlags::from_bits(mask).contains(flag);
    [POLLIN, POLLOUT, POLLPRI].map(|flag| if has(flag) { vec![fd] } else { vec![] })
}

fn of_lists(readable: usize, writable: usize, exceptional: usize) -> u32 {
    let counts = [
        (readable, POLLIN),
        (writable, POLLOUT),
        (exceptional, POLLPRI),
    ];
    let set = counts.into_iter().filter(|&(count, _)| count > 0);
    set.fold(0, |answer, (_, flag)| answer | bits(flag))
}

fn greenroom_answers(call: Call, fd: RawFd, mask: i16, timeout: Option<Duration>) -> Answer {
    match call {
        Call::Select => {
            let [r, w, x] = lists(fd, mask);
            let ready = select(&r, &w, &x, timeout).map_err(|error| number(&error))?;
            Ok(of_lists(ready.0.len(), ready.1.len(), ready.2.len()))
        }
        Call::Poll => {
            let poll = Poll::new();
            poll.register(&fd, PollFlags::from_bits(mask));
            let answers = poll.poll(timeout).map_err(|error| number(&error))?;
            Ok(answers.iter().fold(0, |all, answer| all | bits(answer.1)))
        }
        Call::Epoll => {
            let epoll = Epoll::new().unwrap();
            let events = EpollFlags::from_bits(u32::from(mask.cast_unsigned()));
            epoll
                .register(&fd, events)
                .map_err(|error| number(&error))?;
            let answers = epoll.poll(timeout, None).map_err(|error| number(&error))?;
            Ok(answers.iter().fold(0, |all, answer| all | answer.1.bits()))
        }
    }
}

fn kernel_answers(call: Call, fd: RawFd, mask: i16) -> Answer {
    match call {
        Call::Select => {
            let [r, w, x] = lists(fd, mask);
            let ready = raw::select(&r, &w, &x, NOW).map_err(|error| number(&error))?;
            Ok(of_lists(ready.0.len(), ready.1.len(), ready.2.len()))
        }
        Call::Poll => {
            let mut list = [PollFd::new(fd, PollFlags::from_bits(mask))];
            raw::poll(&mut list, NOW).map_err(|error| number(&error))?;
            Ok(bits(list[0].revents()))
        }
        Call::Epoll => {
            let epoll = raw::Epoll::new().unwrap();
            let events = EpollFlags::from_bits(u32::from(mask.cast_unsigned()));
            epoll.add(fd, events).map_err(|error| number(&error))?;
            let answers = epoll.wait(8, NOW).map_err(|error| number(&error))?;
            Ok(answers.iter().fold(0, |all, answer| all | answer.1.bits()))
        }
    }
}

#[test]
fn answers_are_the_kernels_for_every_kind() {
    at_each_place(|| {
        for kind in all().into_iter().filter(|kind| kind.name != "timerfd") {
            for (call, mask) in CALLS
                .iter()
                .flat_map(|&call| MASKS.map(|mask| (call, mask)))
            {
                let expected = kernel_answers(call, kind.fd, mask);
                for timeout in [Duration::ZERO, Duration::from_micros(200)] {
                    let answer = greenroom_answers(call, kind.fd, mask, Some(timeout));
                    assert_eq!(answer, expected, "{}, {mask:#x}, {call:?}", kind.name);
                }
                if expected != Ok(0) {
                    let answer = greenroom_answers(call, kind.fd, mask, None);
                    assert_eq!(answer, expected, "{}, {mask:#x}, {call:?}", kind.name);
                }
            }
        }
    });
}

/// Asks while `kind` is stirred, and compares with what is so at the end.
fn ask_and_stir(mut kind: Kind, call: Call, mask: i16) {
    let Some(stir) = kind.stir.take() else {
        return;
    };
    if kernel_answers(call, kind.fd, mask) != Ok(0) {
        return;
    }
    let (name, fd) = (kind.name, kind.fd);
    let is_asking = Flag::default();
    let asking = is_asking.clone();
    let asker = greenroom::thread::spawn_local(move || {
        asking.raise();
        greenroom_answers(call, fd, mask, None)
    });
    crate::common::until(|| is_asking.is_up());
    let _open = stir();
    crate::common::until(|| {
        name != "timerfd" || kernel_answers(Call::Poll, fd, POLLIN.bits()) != Ok(0)
    });
    let expected = kernel_answers(call, fd, mask);
    if expected == Ok(0) {
        // What has changed is not what was asked for.
        crate::common::let_others_run();
        assert!(!asker.is_finished(), "{name}, {mask:#x}, {call:?}");
        asker.cancel();
        crate::common::assert_cancelled(asker.join());
    } else {
        let answer = asker.join().unwrap();
        // The first change of several may have ended the wait.
        let is_part = matches!((answer, expected), (Ok(a), Ok(b)) if a != 0 && a & b == a);
        assert!(
            is_part,
            "{name}, {mask:#x}, {call:?}: {answer:?} of {expected:?}"
        );
    }
}

#[test]
fn wait_ends_when_a_descriptor_of_any_kind_becomes_ready() {
    crate::on_workers(|| {
        for (call, mask) in CALLS
            .iter()
            .flat_map(|&call| MASKS.map(|mask| (call, mask)))
        {
            for kind in all() {
                ask_and_stir(kind, call, mask);
            }
        }
    });
}

#[test]
fn os_thread_wait_ends_when_a_descriptor_of_any_kind_becomes_ready() {
    let _watchdog = crate::common::watchdog();
    let masks = [POLLIN.bits(), POLLOUT.bits(), POLLPRI.bits(), MASKS[7]];
    for (call, mask) in CALLS
        .iter()
        .flat_map(|&call| masks.map(|mask| (call, mask)))
    {
        for mut kind in all() {
            let (name, fd) = (kind.name, kind.fd);
            let Some(stir) = kind.stir.take() else {
                continue;
            };
            if kernel_answers(call, fd, mask) != Ok(0) {
                continue;
            }
            let limit = Some(Duration::from_millis(40));
            let asker = std::thread::spawn(move || greenroom_answers(call, fd, mask, limit));
            let _open = stir();
            let answer = asker.join().unwrap();
            let expected = kernel_answers(call, fd, mask);
            let is_part = matches!((answer, expected), (Ok(a), Ok(b)) if a & b == a);
            let both_or_none = answer == Ok(0) && expected == Ok(0) || answer != Ok(0);
            assert!(
                is_part && both_or_none,
                "{name}, {mask:#x}: {answer:?} of {expected:?}"
            );
        }
    }
}

#[test]
fn lists_keep_their_order_and_their_duplicates() {
    at_each_place(|| {
        let (_reader, one) = std::io::pipe().unwrap();
        let (_other_reader, two) = std::io::pipe().unwrap();
        let (quiet, _writer) = std::io::pipe().unwrap();
        use std::os::fd::AsRawFd;
        let (one, two, quiet) = (one.as_raw_fd(), two.as_raw_fd(), quiet.as_raw_fd());
        let list = [two, quiet, one, two];
        let (none, ready, _) = select(&[quiet, quiet], &list, &list, None).map_or_else(
            |error| panic!("{error}"),
            |(none, ready, rest)| {
                let copy = |list: Vec<&RawFd>| list.into_iter().copied().collect::<Vec<_>>();
                (copy(none), copy(ready), copy(rest))
            },
        );
        assert_eq!((none, ready), (vec![], vec![two, one, two]));
        let poll = Poll::new();
        for fd in [two, quiet, one] {
            poll.register(&fd, POLLOUT);
        }
        let order = |poll: &Poll| -> Vec<RawFd> {
            poll.poll(None)
                .unwrap()
                .into_iter()
                .map(|answer| answer.0)
                .collect()
        };
        assert_eq!(order(&poll)[0], two);
        poll.register(&two, POLLOUT | POLLIN);
        assert_eq!(
            order(&poll)[0],
            two,
            "a number that is asked again keeps its place"
        );
        poll.unregister(&two).unwrap();
        poll.register(&two, POLLOUT);
        assert_eq!(order(&poll).last(), Some(&two));
    });
}

#[test]
fn misuse_is_told_as_python_tells_it() {
    at_each_place(|| {
        let negative = select(&[-1], &NO_FDS, &NO_FDS, None).unwrap_err();
        assert_eq!(negative.kind(), io::ErrorKind::InvalidInput);
        let poll = Poll::new();
        let panic = std::panic::catch_unwind(|| Poll::new().register(&-1, POLLIN)).unwrap_err();
        assert!(crate::common::text(&*panic).contains("negative"));
        assert_eq!(number(&poll.modify(&5, POLLIN).unwrap_err()), libc::ENOENT);
        assert_eq!(
            poll.unregister(&5).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        let epoll = Epoll::new().unwrap();
        assert_eq!(
            epoll.poll(NOW, Some(0)).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(
            epoll.register(&-1, EpollFlags::empty()).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(
            number(&epoll.register(&epoll, EpollFlags::empty()).unwrap_err()),
            libc::EINVAL
        );
        assert_eq!(
            number(&epoll.unregister(&crate::kinds::eventfd(0)).unwrap_err()),
            libc::ENOENT
        );
        assert_eq!(format!("{epoll:?}").find("Epoll { fd: "), Some(0));
    });
}
