//! may: stackful coroutines. No bounded channel; no crowd of 100,000, which its stacks do not allow.

use crate::job::{CROWD_YIELDS, FAR, Job, LOCKS, Stream, TRIPS, WARM_TRIPS};
use may::coroutine::{JoinHandle, yield_now};
use may::go;
use may::sync::{Mutex, RwLock, mpmc, mpsc};
use std::hint::black_box;
use std::sync::{Arc, Once};

const OPEN: &str = "because nobody closes it";
const SOUND: &str = "because nobody panics with it held";

pub(crate) fn run(job: &Job) -> Option<f64> {
    static START: Once = Once::new();
    START.call_once(|| _ = may::config().set_workers(job.workers));
    let work: fn(&Job) -> Option<f64> = match job.row.as_str() {
        "lock" => lock,
        "read" => read,
        "write" => write,
        "pingpong" | "mpsc-pingpong" => |job| pingpong(job, |take| take.recv().expect(OPEN)),
        "pingpong-timeout" => |job| pingpong(job, |take| take.recv_timeout(FAR).expect(OPEN)),
        "unbounded" | "mpsc-unbounded" => unbounded,
        "mpmc" | "mpmc-2" => mpmc,
        _ if job.crowd(1).is_some() => crowd,
        _ => return None,
    };
    let job = job.clone();
    go!(move || work(&job))
        .join()
        .expect("because no job panics")
}

fn lock(job: &Job) -> Option<f64> {
    let (times, lock) = (job.share(LOCKS), Mutex::new(0_u64));
    let clock = job.clock();
    for _ in 0..times {
        *black_box(&lock).lock().expect(SOUND) += 1;
    }
    Some(clock.per(times))
}

fn read(job: &Job) -> Option<f64> {
    let (times, lock) = (job.share(LOCKS), RwLock::new(0_u64));
    let clock = job.clock();
    for _ in 0..times {
        black_box(*black_box(&lock).read().expect(SOUND));
    }
    Some(clock.per(times))
}

fn write(job: &Job) -> Option<f64> {
    let (times, lock) = (job.share(LOCKS), RwLock::new(0_u64));
    let clock = job.clock();
    for _ in 0..times {
        *black_box(&lock).write().expect(SOUND) += 1;
    }
    Some(clock.per(times))
}

fn crowd(job: &Job) -> Option<f64> {
    let crowd = job.crowd(CROWD_YIELDS)?;
    let lock = Arc::new(Mutex::new(0_u64));
    let clock = job.clock();
    let tasks = (0..crowd.tasks).map(|_| {
        let lock = Arc::clone(&lock);
        go!(move || for _ in 0..crowd.each {
            let mut value = lock.lock().expect(SOUND);
            *value += 1;
            if crowd.is_yielding {
                yield_now();
            }
        })
    });
    join_all(tasks.collect());
    Some(clock.per(crowd.tasks * crowd.each))
}

fn join_all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.join().expect("because no task panics");
    }
}

fn pingpong(job: &Job, wait: fn(&mpsc::Receiver<u32>) -> u32) -> Option<f64> {
    let trips = job.share(TRIPS);
    let (give, take) = mpsc::channel();
    let (give_back, take_back) = mpsc::channel();
    let other = go!(move || for _ in 0..WARM_TRIPS + trips {
        give_back.send(wait(&take)).expect(OPEN);
    });
    let play = |trips| {
        for _ in 0..trips {
            give.send(1).expect(OPEN);
            wait(&take_back);
        }
    };
    play(WARM_TRIPS);
    let clock = job.clock();
    play(trips);
    let each = clock.per(2 * trips);
    join_all(vec![other]);
    Some(each)
}

fn unbounded(job: &Job) -> Option<f64> {
    let Stream { each, .. } = job.stream()?;
    let (give, take) = mpsc::channel();
    let clock = job.clock();
    let producer = go!(move || for _ in 0..each {
        give.send(1_u64).expect(OPEN);
    });
    let consumer = go!(move || for _ in 0..each {
        black_box(take.recv().expect(OPEN));
    });
    join_all(vec![producer, consumer]);
    Some(clock.per(each))
}

fn mpmc(job: &Job) -> Option<f64> {
    let Stream { pairs, each, .. } = job.stream()?;
    let (give, take) = mpmc::channel();
    let clock = job.clock();
    let mut tasks = Vec::new();
    for _ in 0..pairs {
        let (give, take) = (give.clone(), take.clone());
        tasks.push(go!(move || for _ in 0..each {
            give.send(1_u64).expect(OPEN);
        }));
        tasks.push(go!(move || for _ in 0..each {
            black_box(take.recv().expect(OPEN));
        }));
    }
    join_all(tasks);
    Some(clock.per(pairs * each))
}
