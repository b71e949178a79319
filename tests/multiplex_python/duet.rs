//! One sequence, done by both, step by step; what they answer is compared.
//!
//! What is not compared as it is, and why:
//! - Events of an epoll and of a selector are sorted: the kernel promises no order. Those of a poll object
//!   and of select have an order, and it is compared.
//! - A part of an epoll's events (`max_events`) is compared by its size, then together with a look at all:
//!   which part it is follows from that order. The same for a selector when a number is watched twice (its
//!   file was closed but kept open by a duplicate): it has room for as many events as it has keys.
//! - A wait is compared together with a look after it: one side may have been woken between two events, as a
//!   terminal's hang-up is two. A one-shot has told its part then and tells no more: where an epoll has had
//!   one, the numbers are compared, not their events.

use crate::ours::{Answer, Event, Ours, Place};
use crate::python::{Python, without_forks};
use crate::slots::{Bell, Slot};
use crate::steps::{Act, Ask, Change, Kind, Look, Object, SLOTS, Step, Verb};
use greenroom::multiplex::EPOLLONESHOT;
use std::os::fd::RawFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The number of the bell.
const BELL: Ask = 9;

const NOW: Option<Duration> = Some(Duration::ZERO);

/// Before a wait that nothing has ended is ended by the bell. Twice as long: as right, slower.
const GRACE: Duration = Duration::from_millis(15);

/// For both to be asleep before something happens; if they are not, the test shows less and is not wrong.
const TO_FALL_ASLEEP: Duration = Duration::from_millis(2);

/// For a wait that must end.
const LATEST: Duration = Duration::from_secs(10);

type Outcome<T = ()> = Result<T, String>;

struct Duet<'a> {
    place: &'a Place,
    ours: Ours,
    python: Python,
    base: RawFd,
    slots: [Option<Slot>; 6],
    kept: Vec<Slot>,
    /// Which epolls have had one.
    has_one_shot: [bool; 2],
    bell: Bell,
}

/// Does it all; the error says at which step they differed, and how.
pub(crate) fn play(place: &Place, base: RawFd, steps: &[Step]) -> Outcome {
    let mut duet = Duet::start(place, base)?;
    for (index, step) in steps.iter().enumerate() {
        let _guard = without_forks();
        duet.step(step)
            .map_err(|text| format!("step {index}, {step:?}: {text}"))?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, python: &T) -> Outcome {
    match ours == python {
        true => Ok(()),
        false => Err(format!("{what}: greenroom {ours:x?}, Python {python:x?}")),
    }
}

/// Sorted, and one event per number and data: all that was told of it.
fn merged<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Vec<Event> {
    let mut all = std::collections::BTreeMap::new();
    for answer in answers {
        if let Answer::Events(events) = answer {
            for &(fd, bits, data) in events {
                *all.entry((fd, data)).or_insert(0) |= bits;
            }
        }
    }
    all.into_iter()
        .map(|((fd, data), bits)| (fd, bits, data))
        .collect()
}

/// As `peer.py` calls it.
fn named(object: Object) -> (&'static str, usize) {
    match object {
        Object::Poll => ("poll", 0),
        Object::Epoll(which) => ("epoll", which),
        Object::Selector => ("selector", 0),
    }
}

/// As `Look` stands in a command.
fn words(look: &Look, timeout: &str) -> String {
    let list = |list: &Vec<Ask>| {
        let items: Vec<String> = list.iter().map(ToString::to_string).collect();
        items.join(",")
    };
    let what = match look {
        Look::Select(lists, _) => format!("select {}", lists.each_ref().map(list).join(";")),
        Look::Of(Object::Poll) => "poll".to_owned(),
        Look::Of(Object::Selector) => "selector".to_owned(),
        Look::Of(Object::Epoll(which)) => format!("epoll {which} -1"),
        Look::Some(which, most) => format!("epoll {which} {most}"),
    };
    format!("{what} {timeout}")
}

fn parsed(text: &str, is_select: bool) -> Answer {
    let Some(result) = text.strip_prefix("ok ") else {
        return Answer::Refused(text.to_owned());
    };
    if is_select {
        let list = |text: &str| {
            let items = text.split(',').filter(|item| !item.is_empty());
            items.map(|item| item.parse().unwrap()).collect()
        };
        let mut lists = result.split(';').map(list);
        return Answer::Lists(std::array::from_fn(|_| lists.next().unwrap()));
    }
    let event = |text: &str| {
        let mut parts = text.split(':');
        let mut part = || parts.next().unwrap();
        (
            part().parse().unwrap(),
            part().parse().unwrap(),
            part().parse().unwrap(),
        )
    };
    Answer::Events(result.split_whitespace().map(event).collect())
}

fn is_select(look: &Look) -> bool {
    matches!(look, Look::Select(..))
}

fn is_empty(answer: &Answer) -> bool {
    match answer {
        Answer::Refused(_) => false,
        Answer::Lists(lists) => lists.iter().all(Vec::is_empty),
        Answer::Events(events) => events.is_empty(),
    }
}

fn count(answer: &Answer) -> Option<usize> {
    match answer {
        Answer::Events(events) => Some(events.len()),
        _ => None,
    }
}

impl<'a> Duet<'a> {
    fn start(place: &'a Place, base: RawFd) -> Outcome<Duet<'a>> {
        let python = Python::start();
        let bell = Bell::at(base + BELL);
        python.give(&bell.near)?;
        let mut duet = Duet {
            place,
            ours: place.run(Ours::new),
            python,
            base,
            slots: Default::default(),
            kept: Vec::new(),
            has_one_shot: [false; 2],
            bell,
        };
        for object in [
            Object::Poll,
            Object::Epoll(0),
            Object::Epoll(1),
            Object::Selector,
        ] {
            duet.hear_bell(object)?;
        }
        Ok(duet)
    }

    /// Has `object` watch the bell.
    fn hear_bell(&mut self, object: Object) -> Outcome {
        let verb = Verb::Register;
        self.change(Change {
            object,
            verb,
            ask: BELL,
            bits: 1,
            data: 0,
        })
    }

    fn renew(&mut self, object: Object) -> Outcome {
        self.place.run(|| self.ours.renew(object));
        if let Object::Epoll(which) = object {
            self.has_one_shot[which] = false;
        }
        let (what, which) = named(object);
        self.python.tell(&format!("renew {what} {which}"))?;
        self.hear_bell(object)
    }

    fn number(&self, ask: Ask) -> RawFd {
        if ask < 0 { ask } else { self.base + ask }
    }

    fn is_open(&self, ask: Ask) -> bool {
        let slot = usize::try_from(ask).map(|index| self.slots.get(index));
        ask == BELL || matches!(slot, Ok(Some(Some(_))))
    }

    fn numbered(&self, look: &Look) -> Look {
        match look {
            Look::Select(lists, is_open_only) => {
                let is_asked = |ask: Ask| !is_open_only || self.is_open(ask);
                let list = |list: &Vec<Ask>| {
                    let asked = list.iter().filter(|&&ask| is_asked(ask));
                    asked.map(|&ask| self.number(ask)).collect()
                };
                Look::Select(lists.each_ref().map(list), *is_open_only)
            }
            look => look.clone(),
        }
    }

    fn step(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Open(slot, kind) => self.open(*slot, *kind),
            Step::Close(slot) => self.close(*slot),
            Step::CloseButKeepOpen(slot) => self.close_but_keep(*slot),
            Step::CloseKept => {
                self.kept.drain(..).for_each(|slot| drop(slot.close()));
                Ok(())
            }
            Step::Act(act) => self.act(*act),
            Step::Renew(object) => self.renew(*object),
            Step::Look(look) => self.look(look),
            Step::Wait(look, act) => self.wait(look, *act),
        }
    }

    fn open(&mut self, slot: u64, kind: Kind) -> Outcome {
        self.close(slot)?;
        let number = self.base + RawFd::try_from(slot).unwrap();
        let made = Slot::open(number, kind);
        self.python.give(&made)?;
        *self.at(slot) = Some(made);
        Ok(())
    }

    fn at(&mut self, slot: u64) -> &mut Option<Slot> {
        debug_assert!(slot < SLOTS);
        &mut self.slots[usize::try_from(slot).unwrap()]
    }

    fn close(&mut self, slot: u64) -> Outcome {
        if let Some(slot_open) = self.at(slot).take() {
            let _far = slot_open.close();
            self.close_theirs(slot)?;
        }
        Ok(())
    }

    fn close_but_keep(&mut self, slot: u64) -> Outcome {
        if let Some(slot_open) = self.at(slot).take() {
            self.kept.push(slot_open.without_number());
            self.close_theirs(slot)?;
        }
        Ok(())
    }

    fn close_theirs(&self, slot: u64) -> Outcome {
        let number = self.base + RawFd::try_from(slot).unwrap();
        self.python.tell(&format!("close {number}")).map(drop)
    }

    /// Whether a number may be watched for two files.
    fn has_kept(&self) -> bool {
        !self.kept.is_empty()
    }

    fn act(&mut self, act: Act) -> Outcome {
        match act {
            Act::Change(change) => self.change(change),
            Act::Stir(slot, stir) => {
                if let Some(slot) = self.at(slot) {
                    slot.stir(stir);
                }
                Ok(())
            }
        }
    }

    fn change(&mut self, mut change: Change) -> Outcome {
        change.ask = self.number(change.ask);
        let ours = self.place.run(|| self.ours.change(change));
        let (what, which) = named(change.object);
        if let Object::Epoll(which) = change.object {
            self.has_one_shot[which] |= change.bits & EPOLLONESHOT.bits() != 0;
        }
        let verb = format!("{:?}", change.verb).to_lowercase();
        let Change {
            ask, bits, data, ..
        } = change;
        let command = format!("change {what} {which} {verb} {ask} {bits} {data}");
        let python = parsed(&self.python.tell(&command)?, false);
        same("the change", &ours, &python)
    }

    /// What both answer now.
    fn glance(&self, look: &Look) -> Outcome<[Answer; 2]> {
        let look = self.numbered(look);
        let ours = self.place.run(|| self.ours.look(&look, NOW));
        let python = self.python.tell(&format!("look {}", words(&look, "0")))?;
        Ok([ours, parsed(&python, is_select(&look))])
    }

    fn look(&self, look: &Look) -> Outcome {
        let first = self.glance(look)?;
        self.compare(look, first).map(drop)
    }

    /// Compares what both have answered to `look`, and returns all that Python knows.
    fn compare(&self, look: &Look, [ours, python]: [Answer; 2]) -> Outcome {
        let is_part = match look {
            Look::Some(..) => true,
            Look::Of(Object::Selector) => self.has_kept(),
            _ => false,
        };
        if !is_part || count(&ours).is_none() || count(&python).is_none() {
            return match look {
                Look::Of(Object::Epoll(_) | Object::Selector) => {
                    same("sorted", &sorted(ours), &sorted(python))
                }
                _ => same("the look", &ours, &python),
            };
        }
        if let Look::Some(..) = look {
            same("how many", &count(&ours), &count(&python))?;
        }
        let mut answers = [vec![ours], vec![python]];
        self.look_on(look, &mut answers)?;
        same("all together", &merged(&answers[0]), &merged(&answers[1]))
    }

    /// So often that all events have been told, however few are told at once.
    fn look_on(&self, look: &Look, answers: &mut [Vec<Answer>; 2]) -> Outcome {
        let (look, looks) = match look {
            Look::Some(which, _) => (&Look::Of(Object::Epoll(*which)), 1),
            Look::Of(Object::Selector) if self.has_kept() => (look, 8),
            look => (look, 1),
        };
        for _ in 0..looks {
            let [ours, python] = self.glance(look)?;
            answers[0].push(ours);
            answers[1].push(python);
        }
        Ok(())
    }

    fn wait(&mut self, look: &Look, act: Act) -> Outcome {
        let mut look = look.clone();
        if let Look::Select([readers, ..], _) = &mut look {
            readers.push(BELL);
        }
        let [ours, python] = self.glance(&look)?;
        let has_answer = !is_empty(&ours) || !is_empty(&python);
        self.compare(&look, [ours, python])?;
        if has_answer {
            return self.act(act);
        }
        let [ours, python] = self.wait_for(&look, act)?;
        if let (Answer::Lists(_), _) | (Answer::Refused(_), _) = (&ours, &python) {
            if is_empty(&ours) || is_empty(&python) {
                return Err(format!(
                    "woken without a reason: {ours:?}, Python {python:?}"
                ));
            }
            return self.look(&look);
        }
        let mut answers = [vec![ours], vec![python]];
        self.look_on(&look, &mut answers)?;
        let bell = self.bell.number();
        let is_of_numbers =
            matches!(look, Look::Of(Object::Epoll(which)) if self.has_one_shot[which]);
        let [ours, python] = answers.map(|list| {
            let mut events = merged(&list);
            events.retain(|event| event.0 != bell);
            if is_of_numbers {
                events.iter_mut().for_each(|event| event.1 = 0);
            }
            events
        });
        same("wait and look together", &ours, &python)
    }

    /// Both wait, it happens, both wake; if it wakes nobody, the bell does.
    fn wait_for(&mut self, look: &Look, act: Act) -> Outcome<[Answer; 2]> {
        let numbered = self.numbered(look);
        self.python
            .tell(&format!("start {}", words(&numbered, "-")))?;
        let objects = self.ours.clone();
        let ours = self.place.start(move || objects.look(&numbered, None));
        std::thread::sleep(TO_FALL_ASLEEP);
        let acted = self.act(act);
        let (answer, is_python_done) = self.until_one_is_done(&ours)?;
        if answer.is_none() && !is_python_done {
            self.bell.ring();
        }
        let ours = match answer {
            Some(answer) => answer,
            None => ours.recv_timeout(LATEST).map_err(|_| {
                let by = if is_python_done {
                    "the event, as Python was"
                } else {
                    "the bell"
                };
                format!("greenroom was not woken by {by}")
            })?,
        };
        let start = Instant::now();
        while self.python.tell("done")? == "ok True" {
            if start.elapsed() > LATEST {
                return Err(format!("Python was not woken, but greenroom: {ours:x?}"));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let python = parsed(&self.python.tell("join")?, is_select(look));
        self.bell.silence();
        acted.map(|()| [ours, python])
    }

    /// Greenroom's answer, if it has one, and whether Python has. (`done` tells whether it still waits.)
    fn until_one_is_done(&self, ours: &Receiver<Answer>) -> Outcome<(Option<Answer>, bool)> {
        let start = Instant::now();
        loop {
            let is_python_done = self.python.tell("done")? == "ok False";
            match ours.recv_timeout(Duration::from_micros(200)) {
                Ok(answer) => return Ok((Some(answer), is_python_done)),
                Err(RecvTimeoutError::Disconnected) => return Err("greenroom panicked".to_owned()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if is_python_done || start.elapsed() > GRACE {
                return Ok((None, is_python_done));
            }
        }
    }
}

fn sorted(answer: Answer) -> Answer {
    match answer {
        Answer::Events(mut events) => {
            events.sort_unstable();
            Answer::Events(events)
        }
        answer => answer,
    }
}
