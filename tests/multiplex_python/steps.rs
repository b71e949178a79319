//! The vocabulary of a sequence, and random sequences from a seed.
//!
//! A step says everything that it does, and means something in every state (a write to what cannot be
//! written is nothing): so any part of a sequence is a sequence, and can be replayed and shortened.

use crate::common::Rng;

/// Places for files; the number after them is never open.
pub(crate) const SLOTS: u64 = 6;

/// What a step asks for: a slot, the number that is never open ([`SLOTS`]), or a negative one.
pub(crate) type Ask = i32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Unix,
    Datagram,
    PipeReader,
    PipeWriter,
    Event,
    /// A terminal, the program's side.
    Terminal,
    /// A terminal, the side of who types.
    Master,
    Regular,
    /// Takes connections.
    Listener,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stir {
    /// The far end writes (an event counter: this one).
    Write,
    Read,
    /// This end writes until no more goes in.
    Fill,
    /// The far end reads all of it.
    Drain,
    /// `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR` of the far end.
    ShutFar(i32),
    ShutNear(i32),
    CloseFar,
    /// Closes the far end with a reset.
    Reset,
    Urgent,
    ReadUrgent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Poll,
    Epoll(usize),
    Selector,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Register,
    Modify,
    Unregister,
    /// The key of one number, and of all; of selectors only.
    Get,
    Map,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) object: Object,
    pub(crate) verb: Verb,
    pub(crate) ask: Ask,
    pub(crate) bits: u32,
    pub(crate) data: u8,
}

#[derive(Clone, Debug)]
pub(crate) enum Look {
    /// The second: closed numbers are left out, of which one alone makes the call fail.
    Select([Vec<Ask>; 3], bool),
    Of(Object),
    /// An epoll's, at most so many events; none is an error.
    Some(usize, usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Stir(u64, Stir),
    Change(Change),
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// At a slot; what was there is closed before.
    Open(u64, Kind),
    Close(u64),
    /// The number is closed, the open file has another: an epoll goes on watching it.
    CloseButKeepOpen(u64),
    /// Closes those others.
    CloseKept,
    Act(Act),
    /// A new object instead of the old one.
    Renew(Object),
    Look(Look),
    /// Both wait, then it happens.
    Wait(Look, Act),
}

fn one_of<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    let index = usize::try_from(rng.below(list.len() as u64)).unwrap();
    list[index]
}

fn ask(rng: &mut Rng) -> Ask {
    match rng.below(40) {
        0 => -1,
        1 => i32::try_from(SLOTS).unwrap(),
        _ => i32::try_from(rng.below(SLOTS)).unwrap(),
    }
}

fn kind(rng: &mut Rng) -> Kind {
    use Kind::{
        Datagram, Event, Listener, Master, PipeReader, PipeWriter, Regular, Tcp, Terminal, Unix,
    };
    one_of(
        rng,
        &[
            Tcp, Tcp, Tcp, Tcp, Unix, Unix, Unix, Datagram, PipeReader, PipeReader, PipeWriter,
            PipeWriter, Event, Event, Terminal, Master, Regular, Listener,
        ],
    )
}

fn stir(rng: &mut Rng) -> Stir {
    use Stir::{CloseFar, Drain, Fill, Read, ReadUrgent, Reset, ShutFar, ShutNear, Urgent, Write};
    let how = one_of(rng, &[libc::SHUT_RD, libc::SHUT_WR, libc::SHUT_RDWR]);
    one_of(
        rng,
        &[
            Write,
            Write,
            Write,
            Write,
            Read,
            Read,
            Read,
            Fill,
            Fill,
            Drain,
            Drain,
            CloseFar,
            ShutFar(how),
            ShutNear(how),
            CloseFar,
            Reset,
            Urgent,
            ReadUrgent,
        ],
    )
}

/// What can end a wait by itself: one event.
fn ringing_stir(rng: &mut Rng) -> Stir {
    use Stir::{CloseFar, Drain, Reset, ShutFar, Urgent, Write};
    let shut = ShutFar(libc::SHUT_WR);
    one_of(
        rng,
        &[
            Write, Write, Write, Drain, Drain, shut, CloseFar, Reset, Urgent,
        ],
    )
}

fn object(rng: &mut Rng) -> Object {
    use Object::{Epoll, Poll, Selector};
    one_of(
        rng,
        &[Poll, Poll, Epoll(0), Epoll(0), Epoll(1), Selector, Selector],
    )
}

fn poll_bits(rng: &mut Rng) -> u32 {
    const PARTS: [u32; 10] = [0x1, 0x2, 0x4, 0x40, 0x80, 0x100, 0x200, 0x2000, 0x8, 0x10];
    match rng.below(4) {
        0 => PARTS.iter().filter(|_| rng.below(3) == 0).sum(),
        1 => 0x7,
        _ => one_of(rng, &[0, 0x1, 0x4, 0x5, 0x2, 0x2001, 0x2005]),
    }
}

/// `EPOLLEXCLUSIVE` is given only where it is an error: one of several instances gets the event.
fn epoll_bits(rng: &mut Rng, verb: Verb) -> u32 {
    const ET: u32 = 1 << 31;
    const ONESHOT: u32 = 1 << 30;
    const EXCLUSIVE: u32 = 1 << 28;
    let mode = match rng.below(20) {
        0..8 => 0,
        8..13 => ET,
        13..16 => ONESHOT,
        16..19 => ET | ONESHOT,
        _ if verb == Verb::Modify => EXCLUSIVE,
        _ => EXCLUSIVE | ONESHOT,
    };
    poll_bits(rng) | mode
}

fn change(rng: &mut Rng) -> Change {
    use Verb::{Get, Map, Modify, Register, Unregister};
    let object = object(rng);
    let verbs: &[Verb] = match object {
        Object::Selector => &[Register, Register, Modify, Modify, Unregister, Get, Map],
        _ => &[
            Register, Register, Register, Modify, Modify, Modify, Unregister,
        ],
    };
    let verb = one_of(rng, verbs);
    let bits = match object {
        Object::Poll => poll_bits(rng),
        Object::Epoll(_) => epoll_bits(rng, verb),
        Object::Selector => one_of(rng, &[0, 1, 1, 2, 2, 3, 3, 3, 4, 5]),
    };
    Change {
        object,
        verb,
        ask: ask(rng),
        bits,
        data: u8::try_from(rng.below(100)).unwrap(),
    }
}

fn look(rng: &mut Rng) -> Look {
    match rng.below(7) {
        0..2 => {
            let mut list = || (0..rng.below(6)).map(|_| ask(rng)).collect();
            let lists = [list(), list(), list()];
            Look::Select(lists, rng.below(5) > 0)
        }
        2 => Look::Some(one_of(rng, &[0, 1]), one_of(rng, &[0, 1, 1, 2, 3])),
        _ => Look::Of(object(rng)),
    }
}

/// A wait in whatever state all is; mostly something is there already. No number is closed meanwhile: what
/// poll(2) and select(2) do then is what the manual leaves open.
fn wait(rng: &mut Rng) -> Step {
    let look = match look(rng) {
        Look::Some(which, _) => Look::Of(Object::Epoll(which)),
        look => look,
    };
    let act = match rng.below(4) {
        0 => Act::Change(change(rng)),
        _ => Act::Stir(rng.below(SLOTS), ringing_stir(rng)),
    };
    wait_for(look, act)
}

/// A wait that has something to wait for: one file, quiet, watched by a new object.
fn scene(rng: &mut Rng) -> Vec<Step> {
    let slot = rng.below(SLOTS);
    let ask = i32::try_from(slot).unwrap();
    let object = object(rng);
    let is_for_data = rng.below(3) > 0;
    let (kind, hush, ring) = if is_for_data {
        data_to_come(rng)
    } else {
        room_to_come(rng)
    };
    let mode = one_of(rng, &[0, 0, 1 << 31, 1 << 30, 3 << 30]);
    let bits = match (object, is_for_data) {
        (Object::Selector, _) => {
            if is_for_data {
                1
            } else {
                2
            }
        }
        (Object::Poll, true) => one_of(rng, &[0x1, 0x3, 0x2001]),
        (Object::Epoll(_), true) => mode | one_of(rng, &[0x1, 0x3, 0x2001]),
        (Object::Poll, false) => 0x4,
        (Object::Epoll(_), false) => mode | 0x4,
    };
    let (verb, data) = (Verb::Register, 1);
    let register = Change {
        object,
        verb,
        ask,
        bits,
        data,
    };
    let look = match rng.below(4) {
        0 if is_for_data => Look::Select([vec![ask], vec![], vec![ask]], true),
        0 => Look::Select([vec![], vec![ask], vec![]], true),
        _ => Look::Of(object),
    };
    let modify = Change {
        verb: Verb::Modify,
        bits: bits | 3,
        ..register
    };
    let act = match rng.below(6) {
        0 => Act::Change(modify),
        _ => Act::Stir(slot, ring),
    };
    let steps = [
        Step::Open(slot, kind),
        Step::Act(Act::Stir(slot, hush)),
        Step::Renew(object),
        Step::Act(Act::Change(register)),
        wait_for(look, act),
    ];
    steps.into()
}

/// A kind, what makes it quiet, and what ends that.
fn data_to_come(rng: &mut Rng) -> (Kind, Stir, Stir) {
    use Kind::{Datagram, Event, Listener, Master, PipeReader, Tcp, Terminal, Unix};
    use Stir::{CloseFar, Read, Reset, ShutFar, Urgent, Write};
    let end = ShutFar(libc::SHUT_WR);
    let kinds = [
        Tcp, Tcp, Unix, Unix, PipeReader, Datagram, Event, Terminal, Master, Listener,
    ];
    let kind = one_of(rng, &kinds);
    let rings: &[Stir] = match kind {
        Tcp => &[Write, Write, end, CloseFar, Reset, Urgent],
        Unix => &[Write, Write, end, CloseFar],
        PipeReader | Terminal | Master => &[Write, Write, CloseFar],
        _ => &[Write],
    };
    (kind, Read, one_of(rng, rings))
}

/// As [`data_to_come`], for what can be written.
fn room_to_come(rng: &mut Rng) -> (Kind, Stir, Stir) {
    use Kind::{Datagram, Event, PipeWriter, Tcp, Unix};
    use Stir::{CloseFar, Drain, Fill, Read, Reset};
    let kind = one_of(rng, &[Tcp, Unix, Datagram, PipeWriter, Event]);
    let rings: &[Stir] = match kind {
        Event => &[Read],
        Tcp => &[Drain, Drain, CloseFar, Reset],
        _ => &[Drain, Drain, CloseFar],
    };
    (kind, Fill, one_of(rng, rings))
}

/// What is changed in a poll object while somebody polls counts from the next call on: who has not begun
/// yet sees it, so the change comes alone.
fn wait_for(look: Look, act: Act) -> Step {
    match (&look, act) {
        (Look::Of(Object::Poll), Act::Change(change)) if change.object == Object::Poll => {
            Step::Act(act)
        }
        _ => Step::Wait(look, act),
    }
}

/// The sequence of a seed: some files first, then everything.
pub(crate) fn sequence(seed: u64, length: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed);
    let opens = (0..SLOTS).map(|slot| Step::Open(slot, kind(&mut rng)));
    let mut steps: Vec<Step> = opens.collect();
    while steps.len() < length {
        let slot = rng.below(SLOTS);
        steps.push(match rng.below(82) {
            0..7 => Step::Open(slot, kind(&mut rng)),
            7..9 => Step::Close(slot),
            9..11 => one_of_two(&mut rng, Step::CloseButKeepOpen(slot), Step::CloseKept),
            11..33 => Step::Act(Act::Stir(slot, stir(&mut rng))),
            33..55 => Step::Act(Act::Change(change(&mut rng))),
            55..77 => Step::Look(look(&mut rng)),
            77 => Step::Renew(object(&mut rng)),
            78 => wait(&mut rng),
            _ => {
                steps.extend(scene(&mut rng));
                continue;
            }
        });
    }
    steps
}

fn one_of_two<T>(rng: &mut Rng, first: T, second: T) -> T {
    if rng.below(2) == 0 { first } else { second }
}
