//! `DefaultSelector` as CPython's `EpollSelector`: keys, errors, what is ready.

use crate::common::{Census, let_others_run};
use crate::descriptors::file;
use crate::{NOW, at_each_place, on_workers};
use greenroom::selectors::{DefaultSelector, EVENT_READ, EVENT_WRITE, Events};
use greenroom::thread::spawn_local;
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

#[test]
fn selector_maps_what_is_registered() {
    at_each_place(|| {
        let (one, two) = UnixStream::pair().unwrap();
        let selector = DefaultSelector::new().unwrap();
        let key = selector.register(&one, EVENT_READ, "one").unwrap();
        selector
            .register(&two, EVENT_READ | EVENT_WRITE, "two")
            .unwrap();
        assert!(Arc::ptr_eq(&key, &selector.get_key(&one).unwrap()));
        assert_eq!(selector.get_map().len(), 2);
        assert_eq!(selector.get_map()[&two.as_raw_fd()].data, "two");
        let ready = selector.select(NOW).unwrap();
        assert_eq!(
            (ready.len(), ready[0].0.data, ready[0].1),
            (1, "two", EVENT_WRITE)
        );
        (&one).write_all(b"x").unwrap();
        let ready = selector.select(None).unwrap();
        assert_eq!(
            (ready[0].0.data, ready[0].1),
            ("two", EVENT_READ | EVENT_WRITE)
        );
        assert_eq!(selector.unregister(&two).unwrap().data, "two");
        assert!(selector.select(NOW).unwrap().is_empty());
        drop(two);
        let ready = selector.select(None).unwrap();
        assert_eq!(
            (ready[0].0.data, ready[0].1),
            ("one", EVENT_READ),
            "a hang-up, masked"
        );
    });
}

#[test]
fn selector_refuses_what_python_refuses() {
    at_each_place(|| {
        let (one, two) = UnixStream::pair().unwrap();
        let selector = DefaultSelector::new().unwrap();
        let kind = |result: std::io::Result<Arc<_>>| result.unwrap_err().kind();
        for events in [Events::empty(), Events::from_bits(4), Events::from_bits(7)] {
            assert_eq!(
                kind(selector.register(&one, events, 0)),
                ErrorKind::InvalidInput
            );
        }
        assert_eq!(
            kind(selector.register(&-1, EVENT_READ, 0)),
            ErrorKind::InvalidInput
        );
        selector.register(&one, EVENT_READ, 0).unwrap();
        assert_eq!(
            kind(selector.register(&one, EVENT_READ, 0)),
            ErrorKind::AlreadyExists
        );
        assert_eq!(kind(selector.unregister(&two)), ErrorKind::NotFound);
        assert_eq!(
            kind(selector.modify(&two, EVENT_READ, 0)),
            ErrorKind::NotFound
        );
        assert_eq!(kind(selector.get_key(&two)), ErrorKind::NotFound);
        let regular = file(b"");
        assert_eq!(
            kind(selector.register(&regular, EVENT_READ, 0)),
            ErrorKind::PermissionDenied
        );
        assert_eq!(
            selector.get_map().len(),
            1,
            "what was refused is not in the map"
        );
    });
}

#[test]
fn selector_key_of_a_closed_descriptor_can_be_taken_out() {
    at_each_place(|| {
        let selector = DefaultSelector::new().unwrap();
        let (one, _two) = UnixStream::pair().unwrap();
        let fd = one.as_raw_fd();
        selector.register(&one, EVENT_READ, "gone").unwrap();
        drop(one);
        assert!(selector.select(NOW).unwrap().is_empty());
        assert_eq!(selector.unregister(&fd).unwrap().data, "gone");
    });
}

#[test]
fn selector_data_is_dropped_when_its_key_goes() {
    at_each_place(|| {
        let census = Census::default();
        let selector = DefaultSelector::new().unwrap();
        let (one, _two) = UnixStream::pair().unwrap();
        selector.register(&one, EVENT_READ, census.make()).unwrap();
        assert!(selector.register(&one, EVENT_READ, census.make()).is_err());
        assert_eq!(census.dropped(), 1);
        selector.modify(&one, EVENT_READ, census.make()).unwrap();
        assert_eq!(census.dropped(), 2);
        drop(selector.unregister(&one).unwrap());
        assert!(selector.modify(&one, EVENT_READ, census.make()).is_err());
        assert_eq!(census.dropped(), 4);
        selector.register(&one, EVENT_READ, census.make()).unwrap();
        selector.close();
        assert_eq!((census.made(), census.dropped()), (5, 5));
    });
}

/// Locks the selector again when it is dropped, which a lock held by the selector would not survive.
struct Nosy(Arc<DefaultSelector<Option<Nosy>>>);

impl Drop for Nosy {
    fn drop(&mut self) {
        let _ = self.0.get_map();
    }
}

#[test]
fn selector_data_that_uses_the_selector_in_its_drop_does_not_hang() {
    at_each_place(|| {
        let selector = Arc::new(DefaultSelector::new().unwrap());
        let (one, _two) = UnixStream::pair().unwrap();
        let nosy = || Some(Nosy(Arc::clone(&selector)));
        selector.register(&one, EVENT_READ, nosy()).unwrap();
        assert!(selector.register(&one, EVENT_READ, nosy()).is_err());
        selector.modify(&one, EVENT_WRITE, nosy()).unwrap();
        selector.modify(&one, EVENT_WRITE, None).unwrap();
        selector.modify(&one, EVENT_READ, nosy()).unwrap();
        assert!(selector.modify(&-1, EVENT_READ, nosy()).is_err());
        drop(selector.unregister(&one).unwrap());
        assert!(selector.modify(&one, EVENT_READ, nosy()).is_err());
    });
}

#[test]
fn selector_change_counts_for_whoever_waits() {
    on_workers(|| {
        let (one, two) = UnixStream::pair().unwrap();
        let selector = Arc::new(DefaultSelector::new().unwrap());
        selector.register(&one, EVENT_READ, "before").unwrap();
        let task = spawn_local({
            let selector = Arc::clone(&selector);
            move || selector.select(None).unwrap()
        });
        let_others_run();
        assert!(!task.is_finished());
        selector.modify(&one, EVENT_WRITE, "after").unwrap();
        let ready = task.join().unwrap();
        assert_eq!((ready[0].0.data, ready[0].1), ("after", EVENT_WRITE));
        drop(two);
    });
}
