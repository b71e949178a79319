//! OS threads: std's locks and channels under `std`; crossbeam's channels and parking_lot's locks under
//! `crossbeam`. With one worker all of them share one core.

use crate::job::{CROSS_TRIPS, CROWD_LOCKS, FAR, Job, LOCKS, TRIPS, WARM_TRIPS};
use std::hint::black_box;
use std::sync::{Arc, mpsc};
use std::thread;

const OPEN: &str = "because nobody closes it";
const SOUND: &str = "because nobody panics with it held";
/// A run of OS threads that share a core does a share of the operations: each is a switch of the
/// kernel's, which takes microseconds.
const SLOWER: usize = 10;

type Once = Arc<dyn Fn() + Send + Sync>;

pub(crate) fn std_run(job: &Job) -> Option<f64> {
    match job.row.as_str() {
        "lock" => {
            let lock = std::sync::Mutex::new(0_u64);
            Some(locks(job, || *black_box(&lock).lock().expect(SOUND) += 1))
        }
        "read" => {
            let lock = std::sync::RwLock::new(0_u64);
            let once = || _ = black_box(*black_box(&lock).read().expect(SOUND));
            Some(locks(job, once))
        }
        "write" => {
            let lock = std::sync::RwLock::new(0_u64);
            Some(locks(job, || *black_box(&lock).write().expect(SOUND) += 1))
        }
        "pingpong" | "pingpong-timeout" | "mpsc-pingpong" | "cross" | "os-thread" => {
            Some(std_pingpong(job))
        }
        "unbounded" | "mpsc-unbounded" => {
            let (give, take) = mpsc::channel();
            let put = move || give.send(1_u64).expect(OPEN);
            stream(job, put, Taker(take, |take| _ = take.recv().expect(OPEN)))
        }
        "bounded-1024" | "mpsc-1024" | "bounded-1" => {
            let (give, take) = mpsc::sync_channel(job.stream()?.room?);
            let put = move || give.send(1_u64).expect(OPEN);
            stream(job, put, Taker(take, |take| _ = take.recv().expect(OPEN)))
        }
        _ => {
            let lock = std::sync::Mutex::new(0_u64);
            let is_yielding = job.crowd(1)?.is_yielding;
            crowd(
                job,
                Arc::new(move || {
                    let mut value = lock.lock().expect(SOUND);
                    *value += 1;
                    if is_yielding {
                        thread::yield_now();
                    }
                }),
            )
        }
    }
}

pub(crate) fn crossbeam_run(job: &Job) -> Option<f64> {
    match job.row.as_str() {
        "lock" | "lock-pl" => {
            let lock = parking_lot::Mutex::new(0_u64);
            Some(locks(job, || *black_box(&lock).lock() += 1))
        }
        "read" => {
            let lock = parking_lot::RwLock::new(0_u64);
            Some(locks(job, || _ = black_box(*black_box(&lock).read())))
        }
        "write" => {
            let lock = parking_lot::RwLock::new(0_u64);
            Some(locks(job, || *black_box(&lock).write() += 1))
        }
        "pingpong" | "pingpong-timeout" | "cross" | "os-thread" => Some(crossbeam_pingpong(job)),
        _ if job.stream().is_some() => {
            let (give, take) = match job.stream()?.room {
                Some(room) => crossbeam_channel::bounded(room),
                None => crossbeam_channel::unbounded(),
            };
            let put = move || give.send(1_u64).expect(OPEN);
            stream(job, put, Taker(take, |take| _ = take.recv().expect(OPEN)))
        }
        _ => {
            let lock = parking_lot::Mutex::new(0_u64);
            let is_yielding = job.crowd(1)?.is_yielding;
            crowd(
                job,
                Arc::new(move || {
                    let mut value = lock.lock();
                    *value += 1;
                    if is_yielding {
                        thread::yield_now();
                    }
                }),
            )
        }
    }
}

fn locks(job: &Job, once: impl Fn()) -> f64 {
    let times = job.share(LOCKS);
    let clock = job.clock();
    (0..times).for_each(|_| once());
    clock.per(times)
}

fn crowd(job: &Job, once: Once) -> Option<f64> {
    let crowd = job.crowd(CROWD_LOCKS / 200)?;
    let clock = job.clock();
    let threads: Vec<_> = (0..crowd.tasks)
        .map(|_| {
            let once = Arc::clone(&once);
            let body = move || (0..crowd.each).for_each(|_| once());
            let builder = thread::Builder::new().stack_size(64 * 1024);
            builder
                .spawn(body)
                .expect("because there is room for a thread")
        })
        .collect();
    for thread in threads {
        thread.join().expect("because no thread panics");
    }
    Some(clock.per(crowd.tasks * crowd.each))
}

fn trips(job: &Job) -> usize {
    match job.workers {
        1 => job.share(TRIPS / SLOWER),
        _ => job.share(CROSS_TRIPS),
    }
}

fn pingpong(job: &Job, mut serve: impl FnMut(), answer: impl Fn() + Send + 'static) -> f64 {
    let trips = trips(job);
    let other = thread::spawn(move || (0..WARM_TRIPS + trips).for_each(|_| answer()));
    (0..WARM_TRIPS).for_each(|_| serve());
    let clock = job.clock();
    (0..trips).for_each(|_| serve());
    let each = clock.per(2 * trips);
    other.join().expect("because no player panics");
    each
}

fn std_pingpong(job: &Job) -> f64 {
    let is_limited = job.row == "pingpong-timeout";
    let wait = move |take: &mpsc::Receiver<u32>| match is_limited {
        true => take.recv_timeout(FAR).expect(OPEN),
        false => take.recv().expect(OPEN),
    };
    let (give, take) = mpsc::channel();
    let (give_back, take_back) = mpsc::channel();
    let serve = || {
        give.send(1).expect(OPEN);
        wait(&take_back);
    };
    pingpong(job, serve, move || give_back.send(wait(&take)).expect(OPEN))
}

fn crossbeam_pingpong(job: &Job) -> f64 {
    let is_limited = job.row == "pingpong-timeout";
    let wait = move |take: &crossbeam_channel::Receiver<u32>| match is_limited {
        true => take.recv_timeout(FAR).expect(OPEN),
        false => take.recv().expect(OPEN),
    };
    let (give, take) = crossbeam_channel::unbounded();
    let (give_back, take_back) = crossbeam_channel::unbounded();
    let serve = || {
        give.send(1).expect(OPEN);
        wait(&take_back);
    };
    pingpong(job, serve, move || give_back.send(wait(&take)).expect(OPEN))
}

/// A receiver and how to take from it; cloned if there are several consumers.
struct Taker<R>(R, fn(&R));

trait Consumers: Sized {
    fn split(self, consumers: usize) -> Vec<Self>;
}

impl<T> Consumers for mpsc::Receiver<T> {
    fn split(self, _consumers: usize) -> Vec<Self> {
        vec![self]
    }
}

impl<T> Consumers for crossbeam_channel::Receiver<T> {
    fn split(self, consumers: usize) -> Vec<Self> {
        vec![self; consumers]
    }
}

fn stream<R: Consumers + Send + 'static>(
    job: &Job,
    put: impl Fn() + Clone + Send + 'static,
    taker: Taker<R>,
) -> Option<f64> {
    let stream = job.stream()?;
    // With room for one every item is a switch.
    let each = match stream.room {
        Some(1) => (stream.each / SLOWER).max(1),
        _ => stream.each,
    };
    let Taker(take, get) = taker;
    let takes = take.split(stream.pairs);
    let clock = job.clock();
    let mut threads = Vec::new();
    for take in takes {
        let put = put.clone();
        threads.push(thread::spawn(move || (0..each).for_each(|_| put())));
        threads.push(thread::spawn(move || (0..each).for_each(|_| get(&take))));
    }
    for thread in threads {
        thread.join().expect("because no thread panics");
    }
    Some(clock.per(stream.pairs * each))
}
