//! The real calls: their limits, their time-outs, and that they agree with each other.

use crate::NOW;
use crate::common::watchdog;
use crate::kinds::closed;
use greenroom::multiplex::{EPOLLIN, EPOLLOUT, POLLHUP, POLLIN};
use greenroom::raw::{self, PollFd};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

#[test]
fn raw_select_has_the_limit_of_its_sets() {
    let _watchdog = watchdog();
    for fd in [1024, 5000, i32::MAX] {
        let error = raw::select(&[fd], &[], &[], NOW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "filedescriptor out of range in select()");
    }
    let error = raw::select(&[], &[-1], &[], NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = raw::select(&[], &[], &[closed()], NOW).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
}

#[test]
fn raw_timeouts_are_never_short() {
    let _watchdog = watchdog();
    let (reader, _writer) = std::io::pipe().unwrap();
    let fd = reader.as_raw_fd();
    let epoll = raw::Epoll::new().unwrap();
    epoll.add(fd, EPOLLIN).unwrap();
    for micros in [0, 1, 400, 1500] {
        let timeout = Duration::from_micros(micros);
        let start = Instant::now();
        assert!(
            raw::select(&[fd], &[], &[], Some(timeout))
                .unwrap()
                .0
                .is_empty()
        );
        assert!(start.elapsed() >= timeout);
        let start = Instant::now();
        let mut list = [PollFd::new(fd, POLLIN), PollFd::new(-1, POLLIN)];
        assert_eq!(raw::poll(&mut list, Some(timeout)).unwrap(), 0);
        assert!(start.elapsed() >= timeout);
        let start = Instant::now();
        assert!(epoll.wait(1, Some(timeout)).unwrap().is_empty());
        assert!(start.elapsed() >= timeout);
    }
}

#[test]
fn raw_waits_end_with_the_event() {
    let _watchdog = watchdog();
    for timeout in [
        None,
        Some(Duration::MAX),
        Some(Duration::from_secs(1 << 33)),
    ] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let fd = reader.as_raw_fd();
        let ringer = std::thread::spawn(move || writer.write_all(b"x").map(|()| writer));
        assert_eq!(raw::select(&[fd], &[], &[], timeout).unwrap().0, [fd]);
        let mut list = [PollFd::new(fd, POLLIN)];
        assert_eq!(raw::poll(&mut list, timeout).unwrap(), 1);
        let epoll = raw::Epoll::new().unwrap();
        epoll.add(fd, EPOLLIN | EPOLLOUT).unwrap();
        assert_eq!(epoll.wait(64, timeout).unwrap(), [(fd, EPOLLIN)]);
        drop(ringer.join().unwrap().unwrap());
        raw::poll(&mut list, timeout).unwrap();
        assert_eq!(list[0].revents(), POLLIN | POLLHUP);
        assert_eq!(
            format!("{:?}", list[0]),
            format!("PollFd {{ fd: {fd}, events: POLLIN, revents: POLLIN | POLLHUP }}")
        );
    }
}

#[test]
fn raw_wait_for_no_events_is_refused() {
    let error = raw::Epoll::new().unwrap().wait(0, NOW).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
