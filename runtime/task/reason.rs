//! Why a task waits: every park names its reason.
//!
//! One word, so that a task stores it without a lock and anybody may read it at any time (it may be
//! a moment old). It feeds dumps, the deadlock report and the inspector.

use super::lane::{LANES, Lane, Ticket};
use crate::sys::atomic::{AtomicU64, Ordering};
use std::fmt;

/// What a parked task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitReason {
    /// Not waiting.
    None,
    /// Data, an end of stream, or a connection on this descriptor.
    Readable(i32),
    /// Room in the send buffer of this descriptor, or the end of a connect.
    Writable(i32),
    /// A point in time.
    Sleep,
    /// `Thread::unpark`.
    Unpark,
    /// The end of the task with this id.
    Join(u64),
    /// The children of a scope.
    Scope,
    /// A job of this lane of the blocking pool; its ticket tells whether it has begun.
    Unblock(Lane, Ticket),
    /// A signal.
    Signal,
    /// Connections that are still served.
    Serve,
    /// The workers of a runtime that ends.
    Shutdown,
    /// The end of the child process with this number.
    Child(u32),
    /// The other end of a FIFO that is being opened.
    Fifo,
    /// The lock of the file behind this descriptor, which another open file has.
    FileLock(i32),
    /// One of this many descriptors, by `select`.
    SelectOver(u32),
    /// One of this many descriptors, by `poll`.
    PollOver(u32),
    /// An event of the epoll instance that is this descriptor.
    Epoll(i32),
    /// A lock that this owner holds.
    Lock(LockKind, Owner),
    /// Something that happens at the primitive of this kind and address.
    At(At, Address),
    /// The first of several things: this many arms (at most 511 are told), one of them at this address.
    Select(u32, Address),
}

/// Locks, which have owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockKind {
    Mutex,
    ReentrantLock,
    /// An `RwLock`, to read: a writer holds it, or waits before us.
    Read,
    /// An `RwLock`, to write.
    Write,
    /// A `Once` that somebody runs.
    Once,
}

/// Who holds a lock: a task's id, or 0 for an OS thread, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) u64);

impl Owner {
    /// Of an owner word, see `Header::owner_word`.
    #[inline]
    pub(crate) fn of(word: u64) -> Owner {
        Owner(word & PAYLOAD)
    }

    /// Of an identity, see `current::identity`.
    pub(crate) fn identified(identity: u64) -> Owner {
        Owner(if identity & 1 == 1 { identity >> 1 } else { 0 })
    }
}

/// Where a primitive lies: tells apart queues and events that have no owner. 56 bits are kept, which
/// is more than an address in user space has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) u64);

impl Address {
    pub(crate) fn of<T: ?Sized>(place: &T) -> Address {
        Address(std::ptr::from_ref(place).addr() as u64)
    }
}

/// What is waited for at a primitive without an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Condvar,
    Barrier,
    Semaphore,
    Event,
    WaitGroup,
    AsyncResult,
    /// An item of a queue.
    Get,
    /// Room in a queue.
    Put,
    /// All items of a queue to be done.
    QueueJoin,
    /// A message of an mpsc channel.
    Receive,
    /// Room in an mpsc channel.
    Send,
    /// The members of a group.
    Group,
    /// Room in a pool.
    Room,
    /// The first of several ends.
    Ends,
    /// The waker of a future.
    Future,
}

const PAYLOAD_BITS: u32 = 56;
const PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;

/// Of the payload of a select: the bits of an address in user space; the rest counts the arms.
const ADDRESS_BITS: u32 = 47;
const ADDRESS: u64 = (1 << ADDRESS_BITS) - 1;
const ARMS_MAX: u32 = (1 << (PAYLOAD_BITS - ADDRESS_BITS)) - 1;

/// Of the payload of a job: its ticket; the rest is the lane.
const TICKET_BITS: u32 = 54;
const TICKET: u64 = (1 << TICKET_BITS) - 1;

/// Kinds of locks begin here, in the order of the table.
const LOCK: u64 = 32;
const LOCKS: [LockKind; 5] = [
    LockKind::Mutex,
    LockKind::ReentrantLock,
    LockKind::Read,
    LockKind::Write,
    LockKind::Once,
];

/// Kinds of places begin here, in the order of the table.
const AT: u64 = 64;
const PLACES: [At; 15] = [
    At::Condvar,
    At::Barrier,
    At::Semaphore,
    At::Event,
    At::WaitGroup,
    At::AsyncResult,
    At::Get,
    At::Put,
    At::QueueJoin,
    At::Receive,
    At::Send,
    At::Group,
    At::Room,
    At::Ends,
    At::Future,
];

impl WaitReason {
    #[inline]
    fn pack(self) -> u64 {
        let (kind, payload) = match self {
            WaitReason::None => (0u64, 0u64),
            WaitReason::Readable(fd) => (1, u64::from(fd.cast_unsigned())),
            WaitReason::Writable(fd) => (2, u64::from(fd.cast_unsigned())),
            WaitReason::Sleep => (3, 0),
            WaitReason::Unpark => (4, 0),
            WaitReason::Join(id) => (5, id),
            WaitReason::Scope => (6, 0),
            WaitReason::Unblock(lane, Ticket(ticket)) => {
                (7, (lane as u64) << TICKET_BITS | ticket & TICKET)
            }
            WaitReason::Signal => (8, 0),
            WaitReason::Serve => (9, 0),
            WaitReason::Shutdown => (10, 0),
            WaitReason::Select(arms, Address(address)) => {
                let arms = u64::from(arms.min(ARMS_MAX));
                (11, arms << ADDRESS_BITS | address & ADDRESS)
            }
            WaitReason::Child(pid) => (12, u64::from(pid)),
            WaitReason::Fifo => (13, 0),
            WaitReason::FileLock(fd) => (14, u64::from(fd.cast_unsigned())),
            WaitReason::SelectOver(fds) => (15, u64::from(fds)),
            WaitReason::PollOver(fds) => (16, u64::from(fds)),
            WaitReason::Epoll(fd) => (17, u64::from(fd.cast_unsigned())),
            WaitReason::Lock(lock, Owner(owner)) => (LOCK + lock as u64, owner),
            WaitReason::At(at, Address(address)) => (AT + at as u64, address),
        };
        (kind << PAYLOAD_BITS) | (payload & PAYLOAD)
    }

    fn unpack(word: u64) -> WaitReason {
        let payload = word & PAYLOAD;
        let fd = || u32::try_from(payload).map_or(-1, u32::cast_signed);
        let entry = |first: u64, kind: u64| usize::try_from(kind - first).unwrap_or(usize::MAX);
        match word >> PAYLOAD_BITS {
            1 => WaitReason::Readable(fd()),
            2 => WaitReason::Writable(fd()),
            3 => WaitReason::Sleep,
            4 => WaitReason::Unpark,
            5 => WaitReason::Join(payload),
            6 => WaitReason::Scope,
            7 => LANES
                .get(entry(0, payload >> TICKET_BITS))
                .map_or(WaitReason::None, |&lane| {
                    WaitReason::Unblock(lane, Ticket(payload & TICKET))
                }),
            8 => WaitReason::Signal,
            9 => WaitReason::Serve,
            10 => WaitReason::Shutdown,
            11 => {
                let arms = u32::try_from(payload >> ADDRESS_BITS).unwrap_or(ARMS_MAX);
                WaitReason::Select(arms, Address(payload & ADDRESS))
            }
            12 => WaitReason::Child(u32::try_from(payload).unwrap_or(0)),
            13 => WaitReason::Fifo,
            14 => WaitReason::FileLock(fd()),
            15 => WaitReason::SelectOver(u32::try_from(payload).unwrap_or(0)),
            16 => WaitReason::PollOver(u32::try_from(payload).unwrap_or(0)),
            17 => WaitReason::Epoll(fd()),
            kind @ LOCK..AT => LOCKS
                .get(entry(LOCK, kind))
                .map_or(WaitReason::None, |&lock| {
                    WaitReason::Lock(lock, Owner(payload))
                }),
            kind @ AT.. => PLACES
                .get(entry(AT, kind))
                .map_or(WaitReason::None, |&at| WaitReason::At(at, Address(payload))),
            _ => WaitReason::None,
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::None => f.write_str("not waiting"),
            WaitReason::Readable(fd) => write!(f, "reading fd {fd}"),
            WaitReason::Writable(fd) => write!(f, "writing fd {fd}"),
            WaitReason::Sleep => f.write_str("sleeping"),
            WaitReason::Unpark => f.write_str("parked until unpark"),
            WaitReason::Join(id) => write!(f, "joining green thread #{id}"),
            WaitReason::Scope => f.write_str("waiting for the children of a scope"),
            WaitReason::Unblock(lane, ticket) => {
                let stage = if lane.is_queued(*ticket) {
                    "queued for"
                } else {
                    "running on"
                };
                write!(f, "{stage} the blocking pool: {}", lane.name())
            }
            WaitReason::Signal => f.write_str("waiting for a signal"),
            WaitReason::Serve => f.write_str("waiting for open connections"),
            WaitReason::Shutdown => f.write_str("waiting for the workers of a runtime"),
            WaitReason::Select(arms, Address(0)) => write!(f, "selecting from {arms} arms"),
            WaitReason::Select(arms, Address(address)) => {
                write!(f, "selecting from {arms} arms, one of them at {address:#x}")
            }
            WaitReason::Child(pid) => write!(f, "waiting for child process {pid}"),
            WaitReason::Fifo => f.write_str("waiting for the other end of a FIFO"),
            WaitReason::FileLock(fd) => write!(f, "locking the file of fd {fd}"),
            WaitReason::SelectOver(fds) => write!(f, "select over {fds} fds"),
            WaitReason::PollOver(fds) => write!(f, "poll over {fds} fds"),
            WaitReason::Epoll(fd) => write!(f, "epoll fd {fd}"),
            WaitReason::Lock(lock, owner) => write!(f, "{lock}{owner}"),
            WaitReason::At(at, Address(address)) => write!(f, "{at} at {address:#x}"),
        }
    }
}

impl fmt::Display for LockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockKind::Mutex => "locking a mutex",
            LockKind::ReentrantLock => "locking a re-entrant lock",
            LockKind::Read => "locking an rwlock to read",
            LockKind::Write => "locking an rwlock to write",
            LockKind::Once => "waiting for a once",
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str(" held by others"),
            id => write!(f, " held by green thread #{id}"),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            At::Condvar => "waiting for a condvar",
            At::Barrier => "waiting for a barrier",
            At::Semaphore => "acquiring a semaphore",
            At::Event => "waiting for an event",
            At::WaitGroup => "waiting for a wait group",
            At::AsyncResult => "waiting for an async result",
            At::Get => "getting from a queue",
            At::Put => "putting into a queue",
            At::QueueJoin => "joining a queue",
            At::Receive => "receiving from a channel",
            At::Send => "sending into a channel",
            At::Group => "waiting for a group",
            At::Room => "waiting for room in a pool",
            At::Ends => "waiting for the first of several ends",
            At::Future => "polling a future",
        })
    }
}

/// A [`WaitReason`] that one task writes and anybody reads.
#[derive(Debug)]
pub(crate) struct ReasonCell(AtomicU64);

impl ReasonCell {
    pub(crate) fn new() -> ReasonCell {
        ReasonCell(AtomicU64::new(0))
    }

    // Relaxed both ways: a diagnostic that may be a moment old and orders nothing.
    #[inline]
    pub(crate) fn set(&self, reason: WaitReason) {
        self.0.store(reason.pack(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> WaitReason {
        WaitReason::unpack(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_survives_packing() {
        let locks = LOCKS.map(|lock| WaitReason::Lock(lock, Owner(7)));
        let places = PLACES.map(|at| WaitReason::At(at, Address::of(&LOCKS)));
        let others = [
            WaitReason::None,
            WaitReason::Readable(0),
            WaitReason::Writable(i32::MAX),
            WaitReason::Sleep,
            WaitReason::Unpark,
            WaitReason::Join(PAYLOAD),
            WaitReason::Scope,
            WaitReason::Unblock(Lane::Closures, Ticket(0)),
            WaitReason::Unblock(Lane::Long, Ticket(TICKET)),
            WaitReason::Signal,
            WaitReason::Serve,
            WaitReason::Shutdown,
            WaitReason::Child(u32::MAX),
            WaitReason::Fifo,
            WaitReason::FileLock(3),
            WaitReason::SelectOver(3),
            WaitReason::PollOver(u32::MAX),
            WaitReason::Epoll(3),
            WaitReason::Select(3, Address(0)),
            WaitReason::Select(ARMS_MAX, Address::of(&LOCKS)),
        ];
        for reason in others.into_iter().chain(locks).chain(places) {
            let cell = ReasonCell::new();
            cell.set(reason);
            assert_eq!(cell.get(), reason);
        }
    }

    #[test]
    fn reason_names_primitive_and_owner() {
        let held = WaitReason::Lock(LockKind::Mutex, Owner(7));
        assert_eq!(held.to_string(), "locking a mutex held by green thread #7");
        let unknown = WaitReason::Lock(LockKind::Write, Owner(0));
        assert_eq!(
            unknown.to_string(),
            "locking an rwlock to write held by others"
        );
        let queue = WaitReason::At(At::Get, Address(0x10));
        assert_eq!(queue.to_string(), "getting from a queue at 0x10");
    }
}
