//! The table: operation × how it ends × place of the waiter × place of its peer × queue × capacity.
//!
//! Each cell is one operation that is begun by the waiter and ended by its peer (or its own time). The
//! peer acts once the waiter stands in the queue, as far as the queue shows that; the verdict is the
//! same if it came too early. Afterwards nobody waits, nothing is lost, and the queue still works.

use crate::common::{FOREVER, Flag, Rt, SHORT, until, watchdog};
use crate::kinds::{Line, assert_deserted, kinds, shown};
use greenroom::thread::Builder;
use greenroom::{Cancelled, timeout};
use std::sync::Arc;
use std::time::Duration;

/// What the waiter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Put,
    PutFor,
    SelectSend,
    Get,
    GetFor,
    Next,
    SelectRecv,
    Peek,
    PeekFor,
    Join,
    JoinFor,
}

const OPS: [Op; 11] = [
    Op::Put,
    Op::PutFor,
    Op::SelectSend,
    Op::Get,
    Op::GetFor,
    Op::Next,
    Op::SelectRecv,
    Op::Peek,
    Op::PeekFor,
    Op::Join,
    Op::JoinFor,
];

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Room,
    Item,
    /// An item that stays.
    Sight,
    End,
}

impl Op {
    fn need(self) -> Need {
        match self {
            Op::Put | Op::PutFor | Op::SelectSend => Need::Room,
            Op::Get | Op::GetFor | Op::Next | Op::SelectRecv => Need::Item,
            Op::Peek | Op::PeekFor => Need::Sight,
            Op::Join | Op::JoinFor => Need::End,
        }
    }

    fn is_timed(self) -> bool {
        matches!(self, Op::PutFor | Op::GetFor | Op::PeekFor | Op::JoinFor)
    }
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Ready,
    Waits,
    TimesOut,
    TimesOutAtOnce,
    Cancelled,
    Deadline,
    ShutDown,
    ShutDownNow,
}

const FATES: [Fate; 8] = [
    Fate::Ready,
    Fate::Waits,
    Fate::TimesOut,
    Fate::TimesOutAtOnce,
    Fate::Cancelled,
    Fate::Deadline,
    Fate::ShutDown,
    Fate::ShutDownNow,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Worker(usize),
    Thread,
}

/// What the waiter saw.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Done,
    Item(u64),
    /// With the item, if it was a put.
    Late(Option<u64>),
    Refused(Option<u64>),
    Elapsed,
    Cancelled,
}

/// What the waiter puts; what lies in a full queue is 1, what the peer puts is 2.
const OWN: u64 = 3;

fn run_op(op: Op, line: &dyn Line, limit: Duration) -> Seen {
    use greenroom::queue::{GetError, PutError};
    let put = |result| match result {
        Ok(()) => Seen::Done,
        Err(PutError::Full(item)) => Seen::Late(Some(item)),
        Err(PutError::ShutDown(item)) => Seen::Refused(Some(item)),
    };
    let got = |result| match result {
        Ok(item) => Seen::Item(item),
        Err(GetError::Empty) => Seen::Late(None),
        Err(GetError::ShutDown) => Seen::Refused(None),
    };
    match op {
        Op::Put => put(line
            .put(OWN)
            .map_err(|refused| PutError::ShutDown(refused.0))),
        Op::PutFor => put(line.put_timeout(OWN, limit)),
        Op::SelectSend => {
            let mut place = Some(OWN);
            let sent = line.select_send(&mut place);
            assert_eq!(place, None, "it won, with or without effect");
            put(sent.map_err(|refused| PutError::ShutDown(refused.0)))
        }
        Op::Get => got(line.get().map_err(|_| GetError::ShutDown)),
        Op::GetFor => got(line.get_timeout(limit)),
        Op::Next => line.next().map_or(Seen::Refused(None), Seen::Item),
        Op::SelectRecv => got(line.select_recv().map_err(|_| GetError::ShutDown)),
        Op::Peek => got(line.peek().map_err(|_| GetError::ShutDown)),
        Op::PeekFor => got(line.peek_timeout(limit)),
        Op::Join => {
            line.join();
            Seen::Done
        }
        Op::JoinFor if line.join_timeout(limit) => Seen::Done,
        Op::JoinFor => Seen::Late(None),
    }
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    op: Op,
    fate: Fate,
    waiter: Place,
    peer: Place,
    capacity: Option<usize>,
}

impl Cell {
    fn makes_sense(self) -> bool {
        let Cell {
            op, fate, capacity, ..
        } = self;
        // With no room an item is never seen and nothing is unfinished before two hands have met.
        let has_room = capacity != Some(0);
        let waits = op.need() != Need::Room || capacity.is_some();
        let may_end = waits && (op.need() != Need::End || has_room);
        match fate {
            // With no room that takes a partner who waits, which is the other side's `Waits`.
            Fate::Ready => has_room,
            Fate::Waits => waits && (has_room || matches!(op.need(), Need::Room | Need::Item)),
            Fate::TimesOut | Fate::TimesOutAtOnce => op.is_timed() && may_end,
            Fate::Cancelled => self.waiter != Place::Thread && may_end,
            Fate::Deadline | Fate::ShutDown | Fate::ShutDownNow => may_end,
        }
    }

    /// Brings the queue into the state in which the operation is ready, or is not.
    fn prepare(self, line: &dyn Line) {
        let is_ready = self.fate == Fate::Ready;
        match self.op.need() {
            Need::Room if !is_ready && self.capacity == Some(1) => line.try_put(1).unwrap(),
            Need::Item | Need::Sight if is_ready => line.try_put(1).unwrap(),
            Need::End if !is_ready => line.try_put(1).unwrap(),
            _ => {}
        }
    }

    /// Whether the queue shows that the waiter has come; joiners and peekers are not shown.
    fn has_come(self, line: &dyn Line) -> bool {
        match self.op.need() {
            Need::Room => shown(line, "putters") == Some(1),
            Need::Item => shown(line, "getters") == Some(1),
            Need::Sight | Need::End => true,
        }
    }

    /// Ends the wait. What comes of the peer's own operation is checked here.
    fn help(self, line: &dyn Line) {
        match (self.fate, self.op.need()) {
            (Fate::Waits, Need::Room) => {
                let first = if self.capacity == Some(0) { OWN } else { 1 };
                assert_eq!(line.get(), Ok(first), "{self:?}");
            }
            (Fate::Waits, Need::Item | Need::Sight) => line.put(2).unwrap(),
            (Fate::Waits, Need::End) => {
                assert_eq!(line.get(), Ok(1), "{self:?}");
                line.task_done().unwrap();
            }
            (Fate::ShutDown, Need::End) => {
                line.shutdown();
                assert_eq!(line.get(), Ok(1), "a shut queue is drained, {self:?}");
                line.task_done().unwrap();
            }
            (Fate::ShutDown, _) => line.shutdown(),
            (Fate::ShutDownNow, need) => {
                let lay_there = match need {
                    Need::Room if self.capacity == Some(1) => vec![1],
                    Need::End => vec![1],
                    _ => vec![],
                };
                assert_eq!(line.shutdown_now(), lay_there, "{self:?}");
            }
            _ => {}
        }
    }

    fn expected(self) -> Seen {
        match (self.fate, self.op.need()) {
            (Fate::Ready, Need::Item | Need::Sight) => Seen::Item(1),
            (Fate::Waits, Need::Item | Need::Sight) => Seen::Item(2),
            (Fate::Ready | Fate::Waits, _) => Seen::Done,
            (Fate::TimesOut | Fate::TimesOutAtOnce, Need::Room) => Seen::Late(Some(OWN)),
            (Fate::TimesOut | Fate::TimesOutAtOnce, _) => Seen::Late(None),
            (Fate::Cancelled, _) => Seen::Cancelled,
            (Fate::Deadline, _) => Seen::Elapsed,
            (Fate::ShutDown | Fate::ShutDownNow, Need::Room) => Seen::Refused(Some(OWN)),
            (Fate::ShutDown | Fate::ShutDownNow, Need::End) => Seen::Done,
            (Fate::ShutDown | Fate::ShutDownNow, _) => Seen::Refused(None),
        }
    }

    /// What lies in the queue afterwards.
    fn left(self) -> Vec<u64> {
        let full = if self.capacity == Some(1) {
            vec![1]
        } else {
            vec![]
        };
        match (self.fate, self.op.need()) {
            (Fate::Ready, Need::Room) => vec![OWN],
            (Fate::Waits, Need::Room) if self.capacity == Some(1) => vec![OWN],
            (Fate::Ready, Need::Sight) => vec![1],
            (Fate::Waits, Need::Sight) => vec![2],
            (
                Fate::TimesOut | Fate::TimesOutAtOnce | Fate::Cancelled | Fate::Deadline,
                Need::End,
            ) => {
                vec![1]
            }
            (Fate::ShutDownNow | Fate::Ready | Fate::Waits, _) | (_, Need::End) => vec![],
            (_, Need::Room) => full,
            (_, _) => vec![],
        }
    }

    fn limit(self) -> Duration {
        match self.fate {
            Fate::TimesOut => SHORT,
            Fate::TimesOutAtOnce => Duration::ZERO,
            // Does not fit the clock: the same as no limit.
            Fate::Waits => Duration::MAX,
            _ => FOREVER,
        }
    }

    fn check(self, rt: &Rt, line: &Arc<dyn Line>) {
        self.prepare(line.as_ref());
        let began = Flag::default();
        let waiter = {
            let (line, began) = (line.clone(), began.clone());
            move || {
                began.raise();
                match self.fate {
                    Fate::Deadline => timeout(SHORT, || run_op(self.op, line.as_ref(), FOREVER))
                        .unwrap_or(Seen::Elapsed),
                    _ => run_op(self.op, line.as_ref(), self.limit()),
                }
            }
        };
        let waiter = start(rt, self.waiter, waiter);
        let peer = {
            let line = line.clone();
            move || {
                until(|| began.is_up());
                let helps = matches!(self.fate, Fate::Waits | Fate::ShutDown | Fate::ShutDownNow);
                if helps || self.fate == Fate::Cancelled {
                    until(|| self.has_come(line.as_ref()));
                }
                self.help(line.as_ref());
            }
        };
        start(rt, self.peer, peer).join();
        if self.fate == Fate::Cancelled {
            waiter.cancel();
        }
        assert_eq!(waiter.join(), self.expected(), "{self:?} {line:?}");
        self.check_after(line.as_ref());
    }

    fn check_after(self, line: &dyn Line) {
        assert_deserted(line);
        let mut left = Vec::new();
        while let Ok(item) = line.try_get() {
            left.push(item);
        }
        assert_eq!(left, self.left(), "{self:?}");
        if !matches!(self.fate, Fate::ShutDown | Fate::ShutDownNow) && self.capacity != Some(0) {
            line.put(9).unwrap();
            assert_eq!(line.get(), Ok(9), "{self:?}");
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
        Place::Worker(index) => Running::Green(rt.run(|| {
            let builder = Builder::new().worker(index);
            builder.spawn(body).unwrap()
        })),
        Place::Thread => Running::Thread(std::thread::spawn(body)),
    }
}

impl<T> Running<T> {
    fn cancel(&self) {
        if let Running::Green(handle) = self {
            handle.cancel();
        }
    }
}

impl Running<()> {
    #[track_caller]
    fn join(self) {
        match self {
            Running::Green(handle) => handle.join().unwrap(),
            Running::Thread(handle) => handle.join().unwrap(),
        }
    }
}

impl Running<Seen> {
    fn join(self) -> Seen {
        let result = match self {
            Running::Green(handle) => handle.join(),
            Running::Thread(handle) => handle.join(),
        };
        match result {
            Ok(seen) => seen,
            Err(payload) if payload.is::<Cancelled>() => Seen::Cancelled,
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }
}

fn check_column(waiter: Place) {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(2);
    let mut cells = 0;
    for op in OPS {
        for fate in FATES {
            for peer in [Place::Worker(0), Place::Worker(1), Place::Thread] {
                for capacity in [None, Some(1), Some(0)] {
                    let cell = Cell {
                        op,
                        fate,
                        waiter,
                        peer,
                        capacity,
                    };
                    if cell.makes_sense() {
                        kinds(capacity)
                            .iter()
                            .for_each(|line| cell.check(&rt, line));
                        cells += 1;
                    }
                }
            }
        }
    }
    assert!(cells > 300, "the table has shrunk to {cells} cells");
}

#[test]
fn every_operation_on_a_green_thread_ends_as_it_should() {
    check_column(Place::Worker(0));
}

#[test]
fn every_operation_on_an_os_thread_ends_as_it_should() {
    check_column(Place::Thread);
}
