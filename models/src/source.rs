//! A source: a parker is never missed by an event, wherever the source is registered.
//!
//! Readers are tasks on loom threads of their own; the model's main thread is the driver that fetches
//! edges. The loop mirrors `Evented::try_io` and `Evented::park` of `runtime/io/evented.rs`.
#![expect(unsafe_code, reason = "queues nodes, as the mirrored code does")]

use crate::check::{Seen, exhaust_up_to};
use crate::driver::ready::Direction;
use crate::driver::source::Source;
use crate::driver::{Poller, deliver, new_source};
use crate::park::Parker;
use crate::sched::current::run_as;
use crate::sched::{enqueue, finish};
use crate::sys::clock::{self, NEVER_NS};
use crate::sys::epoll::{FD, Interest, Socket};
use crate::task::wait_queue::{WaitNode, Waiter};
use crate::task::{Header, WaitReason};
use loom::thread;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// When the wait that has a deadline times out.
const SOON_NS: u64 = 10;

/// One socket, its source, and the pollers of two workers.
struct Stage {
    socket: Arc<Socket>,
    source: Source,
    pollers: [Immortal<Poller>; 2],
}

impl Stage {
    fn new() -> Arc<Stage> {
        let socket = Socket::new();
        Arc::new(Stage {
            source: new_source(),
            pollers: [0, 1].map(|index| Immortal::new(Poller::new(index, &socket))),
            socket,
        })
    }

    fn transfer<T>(
        &self,
        at: usize,
        direction: Direction,
        attempt: impl Fn(&Socket) -> Option<(T, bool)>,
    ) -> T {
        loop {
            let seen = self.source.ready.snapshot();
            if seen.is_ready(direction) {
                match attempt(&self.socket) {
                    Some((value, is_short)) => {
                        if is_short {
                            self.source.ready.clear_after_short(seen, direction);
                        }
                        return value;
                    }
                    None => self.source.ready.clear_after_would_block(seen, direction),
                }
            }
            self.park(at, direction);
        }
    }

    fn park(&self, at: usize, direction: Direction) {
        let parker = Parker::current();
        let node = WaitNode::new(parker.waiter());
        // SAFETY: the node is withdrawn below, before this frame ends.
        if unsafe { self.queue(at, direction, &node) } {
            parker.park(WaitReason::Readable(FD), NEVER_NS);
            self.source.withdraw(direction, &node);
        }
    }

    /// # Safety
    /// As `Source::enqueue`.
    unsafe fn queue(&self, at: usize, direction: Direction, node: &WaitNode) -> bool {
        let poller = self.pollers[at].forever();
        let mut stranded = Vec::new();
        // SAFETY: the caller's contract.
        let queued = unsafe {
            self.source
                .enqueue(poller, FD, Interest::Stream, direction, node, &mut stranded)
        };
        queued.expect("because the model's epoll takes every socket")
    }

    /// Reads all there is; 0 is the end of the stream.
    fn read(&self, at: usize) -> u32 {
        self.transfer(at, Direction::Read, |socket| {
            socket.receive().map(|bytes| (bytes, true))
        })
    }

    /// Reads with a buffer that one byte fills: never a short read.
    fn read_one(&self, at: usize) -> u32 {
        self.transfer(at, Direction::Read, |socket| {
            socket.receive_one().map(|bytes| (bytes, false))
        })
    }

    fn write(&self, at: usize) {
        self.transfer(at, Direction::Write, |socket| {
            socket.send().map(|()| ((), false))
        });
    }

    /// Leaves no room to send, and no bit that says otherwise.
    fn fill(&self) {
        let seen = self.source.ready.snapshot();
        self.socket.send().expect("because a new socket has room");
        self.source
            .ready
            .clear_after_would_block(seen, Direction::Write);
    }

    /// The drivers of both workers, until nobody waits any more.
    fn drive(&self) {
        while let Some((_, event)) = self.socket.next_edge() {
            deliver(&self.source, event);
        }
    }
}

/// A poller that `&'static` references may point at until the model's execution ends.
struct Immortal<T: 'static>(NonNull<T>);

impl<T: 'static> Immortal<T> {
    fn new(value: T) -> Immortal<T> {
        Immortal(NonNull::from(Box::leak(Box::new(value))))
    }

    fn forever(&self) -> &'static T {
        // SAFETY: freed when the model's stage is, after every thread of the execution.
        unsafe { self.0.as_ref() }
    }
}

impl<T: 'static> Deref for Immortal<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.forever()
    }
}

impl<T: 'static> Drop for Immortal<T> {
    fn drop(&mut self) {
        // SAFETY: leaked by `new`; see `forever` for the references.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Runs `body` as a task on a loom thread.
fn task(stage: &Arc<Stage>, body: impl FnOnce(&Stage) + 'static) -> thread::JoinHandle<()> {
    let stage = Arc::clone(stage);
    thread::spawn(move || {
        let header = Header::new();
        run_as(&header, || {
            body(&stage);
            finish(&header);
        });
    })
}

/// Bytes and the end of the stream against a reader that parks: it reads to the end.
pub fn event_against_park() {
    exhaust_up_to(3, || {
        let stage = Stage::new();
        let reader = task(&stage, |stage| {
            while stage.read(0) != 0 {}
            stage.socket.end_edges();
        });
        stage.socket.arrive(1, true);
        stage.drive();
        reader.join().expect("a reader does not panic");
    });
}

/// A reader whose time is up takes its node back without the lock and ends, at the moment that an
/// event claims it: the event does not touch what is gone.
pub fn event_against_withdraw() {
    let seen = Seen::default();
    let lock_free = seen.clone();
    exhaust_up_to(2, move || {
        let stage = Stage::new();
        let lock_free = lock_free.clone();
        let reader = task(&stage, move |stage| {
            let bits = stage.source.ready.snapshot();
            stage
                .source
                .ready
                .clear_after_would_block(bits, Direction::Read);
            let parker = Parker::current();
            let node = WaitNode::new(parker.waiter());
            // SAFETY: the node is withdrawn below, before this frame ends.
            if unsafe { stage.queue(0, Direction::Read, &node) } {
                parker.park(WaitReason::Readable(FD), SOON_NS);
                lock_free.note(u32::from(node.is_queued()));
                stage.source.withdraw(Direction::Read, &node);
            }
            stage.socket.end_edges();
        });
        let time = thread::spawn(|| clock::advance(SOON_NS));
        stage.socket.arrive(1, false);
        stage.drive();
        reader.join().expect("a reader does not panic");
        time.join().expect("time does not panic");
    });
    seen.assert_all(2);
}

/// Two readers of one socket, on two workers: each gets a byte, whoever holds the registration.
pub fn two_readers_on_two_workers() {
    exhaust_up_to(2, || {
        let stage = Stage::new();
        let peer = Arc::clone(&stage);
        let readers = [0, 1].map(|at| task(&stage, move |stage| assert_eq!(stage.read_one(at), 1)));
        let driver = thread::spawn(move || peer.drive());
        stage.socket.arrive(2, false);
        for reader in readers {
            reader.join().expect("a reader does not panic");
        }
        stage.socket.end_edges();
        driver.join().expect("a driver does not panic");
    });
}

/// One task reads, another writes, on one worker: an edge for one direction is none for the other.
pub fn reader_and_writer_on_one_socket() {
    exhaust_up_to(2, || {
        let stage = Stage::new();
        stage.fill();
        let left = Arc::new(AtomicUsize::new(2));
        let end = move |stage: &Stage, left: &AtomicUsize| {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                stage.socket.end_edges();
            }
        };
        let (readers, writers) = (Arc::clone(&left), left);
        let reader = task(&stage, move |stage| {
            assert_eq!(stage.read(0), 1);
            end(stage, &readers);
        });
        let writer = task(&stage, move |stage| {
            stage.write(0);
            end(stage, &writers);
        });
        stage.socket.arrive(1, false);
        stage.socket.drain();
        stage.drive();
        reader.join().expect("a reader does not panic");
        writer.join().expect("a writer does not panic");
    });
}

/// A registration moves to the worker that parks, while edges of the old one are still on their way.
pub fn registration_moves_between_events() {
    exhaust_up_to(3, || {
        let stage = Stage::new();
        let reader = task(&stage, |stage| {
            assert_eq!(stage.read_one(0), 1);
            assert_eq!(stage.read_one(1), 1);
            stage.socket.end_edges();
        });
        stage.socket.arrive(1, false);
        stage.socket.arrive(1, false);
        stage.drive();
        reader.join().expect("a reader does not panic");
    });
}

/// A reader waits through another worker's poller, because somebody else waits there; that worker
/// leaves, and delivers nothing any more. The reader registers with its own.
pub fn poller_closes_under_a_waiter() {
    exhaust_up_to(3, || {
        let stage = Stage::new();
        let neighbour = Header::new();
        let node = WaitNode::new(Waiter::Task(NonNull::from(&neighbour)));
        stage.fill();
        // SAFETY: the node is withdrawn below, before this frame ends.
        assert!(unsafe { stage.queue(0, Direction::Write, &node) });
        let reader = task(&stage, |stage| {
            assert_eq!(stage.read(1), 1);
            stage.socket.end_edges();
        });
        let mut woken = Vec::new();
        stage.pollers[0].forever().close(&stage.source, &mut woken);
        woken.into_iter().for_each(enqueue);
        stage.source.withdraw(Direction::Write, &node);
        stage.socket.arrive(1, false);
        while let Some((at, event)) = stage.socket.next_edge() {
            // Nobody fetches what the closed one reports.
            if at == 1 {
                deliver(&stage.source, event);
            }
        }
        reader.join().expect("a reader does not panic");
    });
}
