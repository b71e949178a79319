//! Cancelled or late at the very instant of hand-over: the item is the sender's or the receiver's, and
//! never lost between them.
//!
//! Receivers and senders try with limits of a few microseconds, by every kind of limit, while somebody
//! cancels them at random. Each item is a number; what counts is which sends said that they had
//! happened, and which numbers were received: the same, each once.

use crate::common::{FOREVER, Rng, Rt, watchdog};
use greenroom::queue::Channel;
use greenroom::sync::Mutex;
use greenroom::sync::mpsc::{Receiver, SyncSender, sync_channel};
use greenroom::thread::{JoinHandle, yield_now};
use greenroom::timeout;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Tries of receivers, over all kinds of channels, for each placement.
const TRIES: usize = if cfg!(debug_assertions) {
    60_000
} else {
    1_000_000
};

/// A machine that is too slow for all the tries does fewer.
const TIME: Duration = Duration::from_secs(18);

/// Tasks at each end.
const CROWD: usize = 16;

const SENT: u8 = 1;
const RECEIVED: u8 = 2;

/// A channel of numbers. `None`: none, in time.
trait Pipe: Send + Sync + 'static {
    fn put(&self, item: usize, limit: Duration) -> bool;
    fn get(&self, limit: Duration) -> Option<usize>;
    fn try_get(&self) -> Option<usize>;
}

impl Pipe for Channel<usize> {
    fn put(&self, item: usize, limit: Duration) -> bool {
        self.put_timeout(item, limit).is_ok()
    }

    fn get(&self, limit: Duration) -> Option<usize> {
        self.get_timeout(limit).ok()
    }

    fn try_get(&self) -> Option<usize> {
        Channel::try_get(self).ok()
    }
}

/// The receivers wait for their turn at the lock by the same limits.
struct Mpsc(SyncSender<usize>, Mutex<Receiver<usize>>);

impl Mpsc {
    fn new(bound: usize) -> Mpsc {
        let (sender, receiver) = sync_channel(bound);
        Mpsc(sender, Mutex::new(receiver))
    }
}

impl Pipe for Mpsc {
    fn put(&self, item: usize, limit: Duration) -> bool {
        self.0.send_timeout(item, limit).is_ok()
    }

    fn get(&self, limit: Duration) -> Option<usize> {
        let receiver = self.1.lock_timeout(limit).ok()?;
        receiver.recv_timeout(limit).ok()
    }

    fn try_get(&self) -> Option<usize> {
        self.1.lock().unwrap().try_recv().ok()
    }
}

/// What all who take part share.
struct Trial {
    pipe: Box<dyn Pipe>,
    marks: Vec<AtomicU8>,
    next_item: AtomicUsize,
    tries: AtomicUsize,
    tries_max: usize,
    is_over: AtomicBool,
}

impl Trial {
    fn new(pipe: Box<dyn Pipe>, tries_max: usize) -> Trial {
        Trial {
            pipe,
            // An item is made for each try to send: there are not many more than tries to receive.
            marks: (0..4 * tries_max).map(|_| AtomicU8::new(0)).collect(),
            next_item: AtomicUsize::new(0),
            tries: AtomicUsize::new(0),
            tries_max,
            is_over: AtomicBool::new(false),
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) || self.tries.load(Ordering::Relaxed) >= self.tries_max
    }

    fn mark(&self, item: usize, mark: u8) {
        let before = self.marks[item].fetch_or(mark, Ordering::Relaxed);
        assert_eq!(before & mark, 0, "item {item} twice");
    }

    fn receive_once(&self, rng: &mut Rng, may_wait: bool) {
        self.tries.fetch_add(1, Ordering::Relaxed);
        let limit = short(rng);
        let got = match rng.below(4) {
            0 => self.pipe.get(limit),
            1 => timeout(limit, || self.pipe.get(FOREVER)).ok().flatten(),
            2 if may_wait => self.pipe.get(FOREVER),
            _ => self.pipe.get(Duration::ZERO),
        };
        if let Some(item) = got {
            self.mark(item, RECEIVED);
        }
    }

    fn send_once(&self, rng: &mut Rng) {
        let item = self.next_item.fetch_add(1, Ordering::Relaxed);
        if item >= self.marks.len() {
            self.is_over.store(true, Ordering::Relaxed);
            return;
        }
        let limit = short(rng);
        let is_sent = if rng.below(2) == 0 {
            self.pipe.put(item, limit)
        } else {
            timeout(limit, || self.pipe.put(item, FOREVER)).unwrap_or(false)
        };
        if is_sent {
            self.mark(item, SENT);
        }
    }

    fn receive(&self, mut rng: Rng, may_wait: bool) {
        while !self.is_over() {
            self.receive_once(&mut rng, may_wait);
            dawdle(&mut rng);
        }
    }

    fn send(&self, mut rng: Rng) {
        while !self.is_over() {
            self.send_once(&mut rng);
            dawdle(&mut rng);
        }
    }

    fn check(&self) {
        while let Some(item) = self.pipe.try_get() {
            self.mark(item, RECEIVED);
        }
        for (item, mark) in self.marks.iter().enumerate() {
            match mark.load(Ordering::Relaxed) {
                0 => {}
                SENT => panic!("item {item} was sent and swallowed"),
                RECEIVED => panic!("item {item} was received and not sent"),
                _ => {}
            }
        }
        let count = self
            .marks
            .iter()
            .filter(|mark| mark.load(Ordering::Relaxed) != 0);
        assert!(count.count() > 100, "hardly any item came over");
    }
}

/// About as long as the others take to come round.
fn short(rng: &mut Rng) -> Duration {
    Duration::from_nanos(rng.below(60_000))
}

fn dawdle(rng: &mut Rng) {
    match rng.below(8) {
        0 => yield_now(),
        1 => (0..rng.below(50)).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

/// Tasks of one kind, of which some are cancelled and replaced.
struct Herd<'a> {
    rt: &'a Rt,
    trial: Arc<Trial>,
    body: fn(&Trial, Rng),
    tasks: Vec<JoinHandle<()>>,
}

impl Herd<'_> {
    fn grow(&mut self, rng: &mut Rng) {
        let (trial, body, rng) = (Arc::clone(&self.trial), self.body, rng.split());
        self.tasks.push(self.rt.spawn(move || body(&trial, rng)));
    }

    /// Cancels a few, and puts others in their places.
    fn thin_out(&mut self, rng: &mut Rng) {
        for _ in 0..=rng.below(4) {
            let index = usize::try_from(rng.below(self.tasks.len() as u64)).unwrap();
            let unlucky = self.tasks.swap_remove(index);
            unlucky.cancel();
            assert_no_panic(unlucky.join());
            self.grow(rng);
        }
    }

    fn end(self) {
        for task in self.tasks {
            task.cancel();
            assert_no_panic(task.join());
        }
    }
}

fn assert_no_panic(outcome: greenroom::thread::Result<()>) {
    if let Err(payload) = outcome {
        assert!(payload.is::<greenroom::Cancelled>(), "it panicked");
    }
}

/// Both ends green.
fn green_trial(trial: &Arc<Trial>, receivers: &Rt, senders: &Rt, rng: &mut Rng) {
    let herd = |rt, body| Herd {
        rt,
        trial: Arc::clone(trial),
        body,
        tasks: Vec::new(),
    };
    let mut receivers = herd(receivers, |trial, rng| trial.receive(rng, true));
    let mut senders = herd(senders, |trial, rng| trial.send(rng));
    for _ in 0..CROWD {
        receivers.grow(rng);
        senders.grow(rng);
    }
    let start = Instant::now();
    while !trial.is_over() && start.elapsed() < TIME / 3 {
        receivers.thin_out(rng);
        senders.thin_out(rng);
    }
    trial.is_over.store(true, Ordering::Relaxed);
    receivers.end();
    senders.end();
}

/// One end green, the other of OS threads, which nobody can cancel.
fn mixed_trial(trial: &Arc<Trial>, rt: &Rt, rng: &mut Rng, os_body: fn(&Trial, Rng)) {
    let body: fn(&Trial, Rng) = |trial, mut rng| {
        while !trial.is_over() {
            trial.receive_once(&mut rng, false);
            trial.send_once(&mut rng);
            dawdle(&mut rng);
        }
    };
    let mut herd = Herd {
        rt,
        trial: Arc::clone(trial),
        body,
        tasks: Vec::new(),
    };
    (0..CROWD).for_each(|_| herd.grow(rng));
    std::thread::scope(|s| {
        for _ in 0..2 {
            let rng = rng.split();
            s.spawn(move || os_body(trial, rng));
        }
        let start = Instant::now();
        while !trial.is_over() && start.elapsed() < TIME / 3 {
            herd.thin_out(rng);
        }
        trial.is_over.store(true, Ordering::Relaxed);
    });
    herd.end();
}

/// Runs a trial for each kind of channel.
#[track_caller]
fn for_each_pipe(mut run: impl FnMut(&Arc<Trial>, &mut Rng)) {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    let pipes: [Box<dyn Pipe>; 3] = [
        Box::new(Channel::new()),
        Box::new(Mpsc::new(0)),
        Box::new(Mpsc::new(2)),
    ];
    for pipe in pipes {
        let trial = Arc::new(Trial::new(pipe, TRIES / 3));
        run(&trial, &mut rng);
        trial.check();
        println!("{} tries", trial.tries.load(Ordering::Relaxed));
    }
}

#[test]
fn handover_on_one_worker_swallows_nothing() {
    let rt = Rt::with_workers(1);
    for_each_pipe(|trial, rng| green_trial(trial, &rt, &rt, rng));
}

#[test]
fn handover_between_two_workers_swallows_nothing() {
    let (receivers, senders) = (Rt::with_workers(1), Rt::with_workers(1));
    for_each_pipe(|trial, rng| green_trial(trial, &receivers, &senders, rng));
}

#[test]
fn handover_with_os_threads_swallows_nothing() {
    let rt = Rt::with_workers(1);
    for_each_pipe(|trial, rng| {
        mixed_trial(trial, &rt, rng, |trial, mut rng| {
            while !trial.is_over() {
                trial.receive_once(&mut rng, false);
                trial.send_once(&mut rng);
            }
        });
    });
}
