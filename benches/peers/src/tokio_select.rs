//! tokio's `select!` over two and eight receivers: one is ready, or the task has to wait.

use crate::job::{Job, SELECTS, TRIPS, WARM_TRIPS};
use crate::tokio_jobs::{OPEN, on_task};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

type Gives = [UnboundedSender<u32>; 8];
type Takes = [UnboundedReceiver<u32>; 8];

pub(crate) fn run(job: &Job) -> Option<f64> {
    match job.row.as_str() {
        "select-2" => Some(on_task(job, ready(job.clone(), 2))),
        "select-8" => Some(on_task(job, ready(job.clone(), 8))),
        "select-2-pingpong" => Some(on_task(job, pingpong(job.clone(), 2))),
        "select-8-pingpong" => Some(on_task(job, pingpong(job.clone(), 8))),
        _ => None,
    }
}

fn channels() -> (Gives, Takes) {
    let mut ends: [_; 8] = std::array::from_fn(|_| {
        let (give, take) = mpsc::unbounded_channel();
        (give, Some(take))
    });
    let takes = std::array::from_fn(|number| ends[number].1.take().expect("because it is there"));
    (ends.map(|(give, _)| give), takes)
}

async fn choose(arms: usize, [a, b, c, d, e, f, g, h]: &mut Takes) -> u32 {
    let item = if arms == 2 {
        tokio::select! { item = a.recv() => item, item = b.recv() => item }
    } else {
        tokio::select! {
            item = a.recv() => item,
            item = b.recv() => item,
            item = c.recv() => item,
            item = d.recv() => item,
            item = e.recv() => item,
            item = f.recv() => item,
            item = g.recv() => item,
            item = h.recv() => item,
        }
    };
    item.expect(OPEN)
}

async fn ready(job: Job, arms: usize) -> f64 {
    let times = job.share(SELECTS);
    let (gives, mut takes) = channels();
    let clock = job.clock();
    for number in 0..times {
        gives[number % arms].send(1).expect(OPEN);
        choose(arms, &mut takes).await;
    }
    clock.per(times)
}

async fn pingpong(job: Job, arms: usize) -> f64 {
    let trips = job.share(TRIPS);
    let (gives, mut their_takes) = channels();
    let (their_gives, mut takes) = channels();
    let other = tokio::spawn(async move {
        for number in 0..WARM_TRIPS + trips {
            let ball = choose(arms, &mut their_takes).await;
            their_gives[number % arms].send(ball).expect(OPEN);
        }
        // Not dropped before the last select is over: a closed channel is ready, too.
        their_gives
    });
    let mut clock = job.clock();
    for number in 0..WARM_TRIPS + trips {
        if number == WARM_TRIPS {
            clock = job.clock();
        }
        gives[number % arms].send(1).expect(OPEN);
        choose(arms, &mut takes).await;
    }
    let each = clock.per(2 * trips);
    drop(other.await.expect("because no task panics"));
    each
}
