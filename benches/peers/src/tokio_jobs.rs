//! tokio: the current-thread runtime with one worker, the multi-thread one with two.
//!
//! Queues for many consumers are async-channel's, since tokio has none.

use crate::job::{CROSS_TRIPS, CROWD_YIELDS, FAR, Job, LOCKS, Stream, TRIPS, WAITERS, WARM_TRIPS};
use crate::tokio_select;
use std::future::Future;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex, Notify, RwLock};
use tokio::task::yield_now;
use tokio::time::timeout;

pub(crate) const OPEN: &str = "because nobody closes it";

fn build(workers: usize) -> Runtime {
    let mut builder = match workers {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(workers).enable_time();
    builder.build().expect("because a runtime starts")
}

/// Runs `work` as a task, not as the runtime's root, which is polled in another way.
pub(crate) fn on_task<T: Send + 'static>(
    job: &Job,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| build(job.workers));
    let task = runtime.spawn(work);
    runtime.block_on(task).expect("because no job panics")
}

pub(crate) fn run(job: &Job) -> Option<f64> {
    if job.crowd(1).is_some() {
        return crowd(job);
    }
    match job.row.as_str() {
        "lock" => Some(on_task(job, lock(job.clone()))),
        "read" => Some(on_task(job, read(job.clone()))),
        "write" => Some(on_task(job, write(job.clone()))),
        "pingpong" | "mpsc-pingpong" => Some(on_task(job, pingpong(job.clone()))),
        "pingpong-timeout" => Some(on_task(job, limited(job.clone()))),
        "unbounded" | "mpsc-unbounded" => Some(on_task(job, unbounded(job.clone()))),
        "bounded-1024" | "mpsc-1024" | "bounded-1" => Some(on_task(job, bounded(job.clone()))),
        "mpmc" | "mpmc-1024" | "mpmc-2" | "mpmc-1024-2" => Some(on_task(job, mpmc(job.clone()))),
        "cross" => Some(cross(job)),
        "os-thread" => Some(os_thread(job)),
        "event" | "event-2" => Some(on_task(job, event(job.clone()))),
        _ => tokio_select::run(job),
    }
}

async fn lock(job: Job) -> f64 {
    let (times, lock) = (job.share(LOCKS), Mutex::new(0_u64));
    let clock = job.clock();
    for _ in 0..times {
        *black_box(&lock).lock().await += 1;
    }
    clock.per(times)
}

async fn read(job: Job) -> f64 {
    let (times, lock) = (job.share(LOCKS), RwLock::new(0_u64));
    let clock = job.clock();
    for _ in 0..times {
        black_box(*black_box(&lock).read().await);
    }
    clock.per(times)
}

async fn write(job: Job) -> f64 {
    let (times, lock) = (job.share(LOCKS), RwLock::new(0_u64));
    let clock = job.clock();
    for _ in 0..times {
        *black_box(&lock).write().await += 1;
    }
    clock.per(times)
}

fn crowd(job: &Job) -> Option<f64> {
    let (crowd, timed) = (job.crowd(CROWD_YIELDS)?, job.clone());
    let work = async move {
        let lock = Arc::new(Mutex::new(0_u64));
        let clock = timed.clock();
        let tasks: Vec<_> = (0..crowd.tasks)
            .map(|_| {
                let lock = Arc::clone(&lock);
                tokio::spawn(async move {
                    for _ in 0..crowd.each {
                        let mut value = lock.lock().await;
                        *value += 1;
                        if crowd.is_yielding {
                            yield_now().await;
                        }
                    }
                })
            })
            .collect();
        join_all(tasks).await;
        clock.per(crowd.tasks * crowd.each)
    };
    Some(on_task(job, work))
}

async fn join_all(tasks: Vec<tokio::task::JoinHandle<()>>) {
    for task in tasks {
        task.await.expect("because no task panics");
    }
}

async fn pingpong(job: Job) -> f64 {
    let trips = job.share(TRIPS);
    let (give, mut take) = mpsc::unbounded_channel();
    let (give_back, mut take_back) = mpsc::unbounded_channel();
    let other = tokio::spawn(async move {
        for _ in 0..WARM_TRIPS + trips {
            let ball: u32 = take.recv().await.expect(OPEN);
            give_back.send(ball).expect(OPEN);
        }
    });
    serve(WARM_TRIPS, &give, &mut take_back).await;
    let clock = job.clock();
    serve(trips, &give, &mut take_back).await;
    let each = clock.per(2 * trips);
    other.await.expect("because no task panics");
    each
}

async fn serve(trips: usize, give: &UnboundedSender<u32>, take: &mut UnboundedReceiver<u32>) {
    for _ in 0..trips {
        give.send(1).expect(OPEN);
        take.recv().await.expect(OPEN);
    }
}

async fn limited(job: Job) -> f64 {
    const IN_TIME: &str = "because the other player is quick";
    let trips = job.share(TRIPS);
    let (give, mut take) = mpsc::unbounded_channel();
    let (give_back, mut take_back) = mpsc::unbounded_channel();
    let other = tokio::spawn(async move {
        for _ in 0..trips {
            let ball: Option<u32> = timeout(FAR, take.recv()).await.expect(IN_TIME);
            give_back.send(ball.expect(OPEN)).expect(OPEN);
        }
    });
    let clock = job.clock();
    for _ in 0..trips {
        give.send(1).expect(OPEN);
        let ball = timeout(FAR, take_back.recv()).await.expect(IN_TIME);
        ball.expect(OPEN);
    }
    let each = clock.per(2 * trips);
    other.await.expect("because no task panics");
    each
}

async fn unbounded(job: Job) -> f64 {
    let items = job.stream().map_or(1, |stream| stream.each);
    let (give, mut take) = mpsc::unbounded_channel();
    let clock = job.clock();
    let producer = tokio::spawn(async move {
        for _ in 0..items {
            give.send(1_u64).expect(OPEN);
        }
    });
    let consumer = tokio::spawn(async move {
        for _ in 0..items {
            black_box(take.recv().await.expect(OPEN));
        }
    });
    join_all(vec![producer, consumer]).await;
    clock.per(items)
}

async fn bounded(job: Job) -> f64 {
    let Some(Stream { each, room, .. }) = job.stream() else {
        return f64::NAN;
    };
    let (give, mut take) = mpsc::channel(room.unwrap_or(1));
    let clock = job.clock();
    let producer = tokio::spawn(async move {
        for _ in 0..each {
            give.send(1_u64).await.expect(OPEN);
        }
    });
    let consumer = tokio::spawn(async move {
        for _ in 0..each {
            black_box(take.recv().await.expect(OPEN));
        }
    });
    join_all(vec![producer, consumer]).await;
    clock.per(each)
}

async fn mpmc(job: Job) -> f64 {
    let Some(Stream { pairs, each, room }) = job.stream() else {
        return f64::NAN;
    };
    let (give, take) = match room {
        Some(room) => async_channel::bounded(room),
        None => async_channel::unbounded(),
    };
    let clock = job.clock();
    let mut tasks = Vec::new();
    for _ in 0..pairs {
        let (give, take) = (give.clone(), take.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..each {
                give.send(1_u64).await.expect(OPEN);
            }
        }));
        tasks.push(tokio::spawn(async move {
            for _ in 0..each {
                black_box(take.recv().await.expect(OPEN));
            }
        }));
    }
    join_all(tasks).await;
    clock.per(pairs * each)
}

/// Two current-thread runtimes, so that the players never share a thread.
fn cross(job: &Job) -> f64 {
    between(job, |mut take, give, trips| {
        build(1).block_on(async move {
            for _ in 0..trips {
                let ball = take.recv().await.expect(OPEN);
                give.send(ball).expect(OPEN);
            }
        });
    })
}

fn os_thread(job: &Job) -> f64 {
    between(job, |mut take, give, trips| {
        for _ in 0..trips {
            let ball = take.blocking_recv().expect(OPEN);
            give.send(ball).expect(OPEN);
        }
    })
}

/// A current-thread runtime here, `answer` on an OS thread of its own.
fn between(job: &Job, answer: fn(UnboundedReceiver<u32>, UnboundedSender<u32>, usize)) -> f64 {
    let trips = job.share(CROSS_TRIPS);
    let (give, take) = mpsc::unbounded_channel();
    let (give_back, mut take_back) = mpsc::unbounded_channel();
    let other = std::thread::spawn(move || answer(take, give_back, WARM_TRIPS + trips));
    let each = build(1).block_on(async {
        serve(WARM_TRIPS, &give, &mut take_back).await;
        let clock = job.clock();
        serve(trips, &give, &mut take_back).await;
        clock.per(2 * trips)
    });
    other.join().expect("because no player panics");
    each
}

/// Everybody waits, then one call lets all go; per waiter until all have run.
async fn event(job: Job) -> f64 {
    let waiters = job.share(WAITERS);
    let event = Arc::new(Notify::new());
    let (waiting, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..waiters)
        .map(|_| {
            let event = Arc::clone(&event);
            let (waiting, done) = (Arc::clone(&waiting), Arc::clone(&done));
            tokio::spawn(async move {
                let mut set = std::pin::pin!(event.notified());
                set.as_mut().enable();
                waiting.fetch_add(1, Ordering::Relaxed);
                set.await;
                done.fetch_add(1, Ordering::Relaxed);
            })
        })
        .collect();
    while waiting.load(Ordering::Relaxed) < waiters {
        yield_now().await;
    }
    let clock = job.clock();
    event.notify_waiters();
    while done.load(Ordering::Relaxed) < waiters {
        yield_now().await;
    }
    let each = clock.per(waiters);
    join_all(tasks).await;
    each
}
