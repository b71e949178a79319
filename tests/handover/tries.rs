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

/// Longer than the pauses of the partner, but not by much.
const TIME_NS_MAX: u64 = 20_000;
const TURNS_MAX: u64 = 4_000;

impl Case {
    pub(crate) fn random(rng: &mut Rng, deeds: &[Deed], shares_worker: bool) -> Case {
        let time = Duration::from_nanos(rng.below(TIME_NS_MAX));
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
            serves_first: rng.below(2) == 0,
            pause: rng.below(if shares_worker { 3 } else { TURNS_MAX }),
            shares_worker,
            item: rng.next() | 1,
        }
    }

    /// For an OS thread, which cannot be cancelled.
    pub(crate) fn timed(mut self) -> Case {
        if self.end == End::Cancel {
            self.end = End::Own(Duration::from_nanos(self.item % TIME_NS_MAX));
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
