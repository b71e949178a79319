//! One try: an operation, how it may end, how it is served, and where its item must be afterwards.

use crate::common::Rng;
use greenroom::queue::Queue;
use greenroom::{select, timeout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Get,
    Put,
    SelectRecv,
    SelectSend,
    /// Receives from either of two queues, which are both served.
    SelectEither,
    /// Receives from one queue or sends to the other, which are both served.
    SelectBothWays,
}

pub(crate) const PLAIN: &[Deed] = &[Deed::Get, Deed::Put];
pub(crate) const SELECTS: &[Deed] = &[
    Deed::SelectRecv,
    Deed::SelectSend,
    Deed::SelectEither,
    Deed::SelectBothWays,
];

/// How it ends if nobody serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By its partner.
    Cancel,
    /// By the call's own time: `_timeout`, or an `after` arm.
    Own(Duration),
    /// By `greenroom::timeout`.
    Deadline(Duration),
}

/// What the partner does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Serve,
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    deed: Deed,
    end: End,
    capacity: usize,
    serves_first: bool,
    /// Yields if both sides share a worker, else turns of a loop.
    pause: u64,
    shares_worker: bool,
    /// Unlike that of any other try.
    item: u64,
}

const TIME_NS_MAX: u64 = 20_000;

/// Finds the pause after which serving and ending come at the same time: longer after each try in which
/// the partner was early enough, shorter after the others. On two threads the instant is some tens of
/// nanoseconds wide, and blind guesses over the tens of microseconds that a wake takes miss it.
#[derive(Debug)]
pub(crate) struct Aim([u64; 64]);

/// Marks are kept in parts of a turn, so that small ones can move by a thirty-second.
const PARTS: u64 = 1_024;

impl Aim {
    pub(crate) fn new() -> Aim {
        Aim([100 * PARTS; 64])
    }

    fn of(&mut self, case: &Case) -> &mut u64 {
        let way = match case.end {
            End::Cancel => 0,
            End::Own(_) => 1,
            End::Deadline(_) => 2,
        };
        &mut self.0[case.deed as usize * 8 + case.capacity * 4 + way]
    }

    /// Sets the pause near the mark.
    pub(crate) fn take(&mut self, case: &mut Case, rng: &mut Rng) {
        if !case.shares_worker {
            let around = PARTS * 4 / 5 + rng.below(PARTS * 2 / 5);
            case.pause = *self.of(case) * around / PARTS / PARTS;
        }
    }

    /// Learns from a try.
    pub(crate) fn learn(&mut self, case: &Case, outcome: &Outcome) {
        if !(case.end == End::Cancel && case.serves_first) {
            let mark = self.of(case);
            let step = *mark / 32;
            let next = match outcome {
                Outcome::Nothing => *mark - step,
                Outcome::Got(_) | Outcome::Sent => *mark + step,
            };
            *mark = next.clamp(PARTS, 20_000 * PARTS);
        }
    }
}

impl Case {
    pub(crate) fn random(rng: &mut Rng, deeds: &[Deed], shares_worker: bool) -> Case {
        // Across threads the time is a constant, at which the partner can aim.
        let time_ns = if shares_worker {
            rng.below(TIME_NS_MAX)
        } else {
            1_000
        };
        let time = Duration::from_nanos(time_ns);
        let end = match rng.below(4) {
            0 => End::Own(time),
            1 => End::Deadline(time),
            _ => End::Cancel,
        };
        let index = usize::try_from(rng.next() % 64).unwrap() % deeds.len();
        Case {
            deed: deeds[index],
            end,
            capacity: usize::from(rng.below(2) == 0),
            serves_first: rng.below(if shares_worker { 2 } else { 8 }) == 0,
            pause: rng.below(3),
            shares_worker,
            item: rng.next() | 1,
        }
    }

    /// For an OS thread, which cannot be cancelled.
    pub(crate) fn timed(mut self) -> Case {
        if self.end == End::Cancel {
            self.end = End::Own(Duration::from_nanos(1_000));
        }
        self
    }

    pub(crate) fn scene(&self) -> usize {
        self.capacity
    }

    pub(crate) fn ways(&self) -> Vec<Way> {
        match (self.end, self.serves_first) {
            (End::Cancel, true) => vec![Way::Serve, Way::End],
            (End::Cancel, false) => vec![Way::End, Way::Serve],
            _ => vec![Way::Serve],
        }
    }

    /// Until the operation has begun, if it can be while its partner looks on.
    pub(crate) fn await_begin(&self, scene: &Scene) {
        let mut looks = 0_u32;
        while !self.shares_worker && scene.begun.load(Ordering::Acquire) != self.item {
            looks += 1;
            match looks % 1_000 {
                0 => std::thread::yield_now(),
                _ => std::hint::spin_loop(),
            }
        }
    }

    pub(crate) fn has_two_ways(&self) -> bool {
        self.end == End::Cancel
    }

    /// Before the first of two ways: mostly long enough that the operation waits by then.
    pub(crate) fn let_it_wait(&self) {
        if self.shares_worker {
            return self.pause();
        }
        (0..self.item % 4_096).for_each(|_| std::hint::spin_loop());
    }

    pub(crate) fn pause(&self) {
        for _ in 0..self.pause {
            if self.shares_worker {
                greenroom::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// What the operation says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Got(u64),
    Sent,
    Nothing,
}

/// The queues, used again and again so that a stale waiter would be met.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    source: Arc<Queue<u64>>,
    second: Arc<Queue<u64>>,
    sink: Arc<Queue<u64>>,
    /// Where the item of a send is after it: 0 if it was sent.
    place: Arc<AtomicU64>,
    /// The item of the operation that has begun.
    begun: Arc<AtomicU64>,
}

/// The item of a send, noted in the scene when it goes, also by unwinding.
struct Loan<'a>(Option<u64>, &'a AtomicU64);

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.1.store(self.0.unwrap_or(0), Ordering::Release);
    }
}

impl Scene {
    /// One for each capacity.
    pub(crate) fn all() -> [Scene; 2] {
        [0, 1].map(|capacity| Scene {
            source: Arc::new(Queue::unbounded()),
            second: Arc::new(Queue::unbounded()),
            sink: Arc::new(Queue::bounded(capacity)),
            place: Arc::default(),
            begun: Arc::default(),
        })
    }

    /// What lies in a full queue; no try has it.
    const FILLER: u64 = 0;

    pub(crate) fn prepare(&self, case: &Case) {
        if case.capacity == 1 {
            self.sink.try_put(Self::FILLER).unwrap();
        }
        self.place.store(case.item, Ordering::Release);
    }

    /// Serves every arm of the operation, without waiting.
    pub(crate) fn serve(&self, case: &Case) {
        if matches!(
            case.deed,
            Deed::Get | Deed::SelectRecv | Deed::SelectEither | Deed::SelectBothWays
        ) {
            self.source.try_put(case.item).unwrap();
        }
        if case.deed == Deed::SelectEither {
            self.second.try_put(case.item).unwrap();
        }
        if matches!(
            case.deed,
            Deed::Put | Deed::SelectSend | Deed::SelectBothWays
        ) {
            // What is taken here by mistake is missed below.
            if let Ok(item) = self.sink.try_get() {
                self.second.try_put(item).unwrap();
            }
        }
    }

    /// Where everything is now that both sides are through.
    pub(crate) fn settle(&self, case: &Case, outcome: &Outcome) {
        let count = |queue: &Queue<u64>| queue.try_iter().filter(|&item| item == case.item).count();
        let in_source = count(&self.source);
        // What the partner took of a send was put aside in `second`.
        let in_second = count(&self.second);
        let in_sink = count(&self.sink);
        let got = usize::from(*outcome == Outcome::Got(case.item));
        let sent = usize::from(*outcome == Outcome::Sent);
        let in_place = usize::from(self.place.load(Ordering::Acquire) == case.item);
        let holds = match case.deed {
            Deed::Get | Deed::SelectRecv => in_source + got == 1 && sent + in_second == 0,
            Deed::SelectEither => in_source + in_second + got == 2 && in_source < 2 && sent == 0,
            Deed::Put => in_second + in_sink == sent && in_source + got == 0,
            Deed::SelectSend => {
                in_second + in_sink == sent && in_place + sent == 1 && in_source + got == 0
            }
            Deed::SelectBothWays => {
                in_second + in_sink == sent
                    && in_place + sent == 1
                    && in_source + got == 1
                    && got + sent < 2
            }
        };
        assert!(
            holds,
            "{case:?}: {outcome:?}, {in_source} {in_second} {in_sink} {in_place}"
        );
        for queue in [&self.source, &self.second, &self.sink] {
            let text = format!("{queue:?}");
            assert!(text.contains("len: 0"), "{case:?}: {text}");
            assert!(text.contains("getters: 0, putters: 0"), "{case:?}: {text}");
        }
    }
}

/// Runs the operation of a try.
pub(crate) fn perform(scene: &Scene, case: &Case) -> Outcome {
    scene.begun.store(case.item, Ordering::Release);
    match case.end {
        End::Cancel => act(scene, case, Duration::MAX),
        End::Own(time) => act(scene, case, time),
        End::Deadline(time) => {
            timeout(time, || act(scene, case, Duration::MAX)).unwrap_or(Outcome::Nothing)
        }
    }
}

fn act(scene: &Scene, case: &Case, time: Duration) -> Outcome {
    let Scene {
        source,
        second,
        sink,
        place,
        ..
    } = scene;
    let got = |item: Result<u64, _>| item.map_or(Outcome::Nothing, Outcome::Got);
    match case.deed {
        Deed::Get => source
            .get_timeout(time)
            .map_or(Outcome::Nothing, Outcome::Got),
        Deed::Put => sink
            .put_timeout(case.item, time)
            .map_or(Outcome::Nothing, |()| Outcome::Sent),
        Deed::SelectRecv => select! {
            recv(source) -> item => got(item),
            after(time) => Outcome::Nothing,
        },
        Deed::SelectEither => select! {
            recv(source) -> item => got(item),
            recv(second) -> item => got(item),
            after(time) => Outcome::Nothing,
        },
        Deed::SelectSend => {
            let mut loan = Loan(Some(case.item), place);
            select! {
                send(sink, loan.0) -> sent => { sent.unwrap(); Outcome::Sent }
                after(time) => Outcome::Nothing,
            }
        }
        Deed::SelectBothWays => {
            let mut loan = Loan(Some(case.item), place);
            select! {
                send(sink, loan.0) -> sent => { sent.unwrap(); Outcome::Sent }
                recv(source) -> item => got(item),
                after(time) => Outcome::Nothing,
            }
        }
    }
}
