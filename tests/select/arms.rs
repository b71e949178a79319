//! The table of arms: each kind × how the select ends × form × place of the select × place of its peer.
//!
//! A select waits at the arm under test and at a queue that only the peer of a losing arm fills.
//! Afterwards nothing of the select is left anywhere, and what did not win was not touched.

use crate::common::{FOREVER, Flag, Rt, SHORT, until, watchdog};
use crate::kinds::{assert_deserted, shown};
use crate::rows::{Form, KINDS, Kind, Row, Seen, row};
use greenroom::queue::Queue;
use greenroom::thread::Builder;
use greenroom::{Cancelled, timeout};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Ready,
    Waits,
    Loses,
    Cancelled,
    Deadline,
    ShutDown,
    Default,
}

const FATES: [Fate; 7] = [
    Fate::Ready,
    Fate::Waits,
    Fate::Loses,
    Fate::Cancelled,
    Fate::Deadline,
    Fate::ShutDown,
    Fate::Default,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Worker(usize),
    Thread,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    kind: Kind,
    fate: Fate,
    form: Form,
    select: Place,
    peer: Place,
}

impl Cell {
    fn makes_sense(self) -> bool {
        let form_fits = match self.form {
            Form::Macro | Form::Built => self.fate != Fate::Default,
            Form::MacroDefault | Form::BuiltTry => matches!(self.fate, Fate::Default | Fate::Ready),
        };
        let has_end = !matches!(
            self.kind,
            Kind::Datagram | Kind::Accept | Kind::After | Kind::At
        );
        let fate_fits = match self.fate {
            Fate::Cancelled => self.select != Place::Thread,
            Fate::ShutDown => has_end,
            _ => true,
        };
        form_fits && fate_fits
    }

    fn happens(self) -> Duration {
        match self.fate {
            Fate::Ready => Duration::ZERO,
            Fate::Waits => SHORT,
            _ => FOREVER,
        }
    }

    /// What the peer does to a select that waits.
    fn act(self, row: &Row, other: &Queue<u64>) {
        match self.fate {
            Fate::Waits => (row.happen)(),
            Fate::Loses => other.put(1).unwrap(),
            Fate::ShutDown => row.shut.as_ref().unwrap()(),
            Fate::Ready | Fate::Cancelled | Fate::Deadline | Fate::Default => {}
        }
    }

    fn expected(self) -> Seen {
        match self.fate {
            Fate::Ready | Fate::Waits => Seen::Arm(Some(7)),
            Fate::Loses => Seen::Other,
            Fate::Cancelled => Seen::Cancelled,
            Fate::Deadline => Seen::Elapsed,
            Fate::ShutDown if matches!(self.kind, Kind::Join | Kind::Writable) => {
                Seen::Arm(Some(7))
            }
            Fate::ShutDown => Seen::Arm(None),
            Fate::Default => Seen::Default,
        }
    }

    fn check(self, rt: &Rt) {
        let row = Arc::new(row(self.kind, self.happens()));
        let other = Arc::new(Queue::unbounded());
        if self.fate == Fate::Ready {
            (row.prepare)();
        }
        let began = Flag::default();
        let select = {
            let (row, other, began) = (row.clone(), other.clone(), began.clone());
            move || {
                began.raise();
                match self.fate {
                    Fate::Deadline => {
                        timeout(SHORT, || (row.choose)(self.form, &other)).unwrap_or(Seen::Elapsed)
                    }
                    _ => (row.choose)(self.form, &other),
                }
            }
        };
        let select = start(rt, self.select, select);
        let peer = {
            let (row, other) = (row.clone(), other.clone());
            move || {
                until(|| began.is_up());
                let waits = matches!(self.fate, Fate::Waits | Fate::Loses | Fate::ShutDown);
                let passes =
                    matches!(self.kind, Kind::After | Kind::At) && self.fate == Fate::Waits;
                if waits && !passes {
                    until(|| shown(&other, "getters") == Some(1));
                }
                self.act(&row, &other);
            }
        };
        let peer = start(rt, self.peer, peer);
        if self.fate == Fate::Cancelled {
            until(|| shown(&other, "getters") == Some(1));
            select.cancel();
        }
        let seen = select.join(|| Seen::Cancelled);
        assert_eq!(seen, self.expected(), "{self:?} {other:?}");
        peer.join(|| panic!("nobody cancels the peer"));
        assert_deserted(&other);
        assert!(other.is_empty());
        if !matches!(self.fate, Fate::Ready | Fate::Waits | Fate::ShutDown) {
            (row.assert_untouched)();
        }
    }
}

/// A running body, on a green thread or an OS thread.
enum Running<T> {
    Green(greenroom::thread::JoinHandle<T>),
    Thread(std::thread::JoinHandle<T>),
}

fn start<T: Send + 'static>(
    rt: &Rt,
    place: Place,
    body: impl FnOnce() -> T + Send + 'static,
) -> Running<T> {
    match place {
        Place::Worker(index) => {
            Running::Green(rt.run(|| Builder::new().worker(index).spawn(body).unwrap()))
        }
        Place::Thread => Running::Thread(std::thread::spawn(body)),
    }
}

impl<T> Running<T> {
    fn cancel(&self) {
        if let Running::Green(handle) = self {
            handle.cancel();
        }
    }

    fn join(self, cancelled: impl FnOnce() -> T) -> T {
        let result = match self {
            Running::Green(handle) => handle.join(),
            Running::Thread(handle) => handle.join(),
        };
        match result {
            Ok(value) => value,
            Err(payload) if payload.is::<Cancelled>() => cancelled(),
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }
}

fn check_column(workers: usize, select: Place, peers: &[Place]) {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(workers);
    let mut cells = 0;
    for kind in KINDS {
        for fate in FATES {
            for form in [Form::Macro, Form::MacroDefault, Form::Built, Form::BuiltTry] {
                for &peer in peers {
                    let cell = Cell {
                        kind,
                        fate,
                        form,
                        select,
                        peer,
                    };
                    if cell.makes_sense() {
                        cell.check(&rt);
                        cells += 1;
                    }
                }
            }
        }
    }
    assert!(cells > 100, "the table has shrunk to {cells} cells");
}

#[test]
fn every_arm_on_the_only_worker_ends_as_it_should() {
    check_column(1, Place::Worker(0), &[Place::Worker(0), Place::Thread]);
}

#[test]
fn every_arm_on_one_of_two_workers_ends_as_it_should() {
    let peers = [Place::Worker(0), Place::Worker(1), Place::Thread];
    check_column(2, Place::Worker(0), &peers);
}

#[test]
fn every_arm_on_an_os_thread_ends_as_it_should() {
    check_column(2, Place::Thread, &[Place::Worker(0), Place::Thread]);
}
