//! File and DNS work does not delay a neighbour: the beat of a ping-pong pair on one worker while 64
//! tasks of the same worker read large files and look up names, against the same work on OS threads.
//!
//! A beat is a short sleep and a round trip: a worker that must first get its processor back from
//! somebody shows that in the sleep, and one that has others to run in the trip. The ratio is printed.
//! What is asserted is so wide that a busy machine does not matter.

mod common;

use common::{Rt, watchdog};
use greenroom::net::ToSocketAddrs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const BUSY: usize = 64;
const MEASURED: Duration = Duration::from_millis(500);

/// Odd, for a middle.
const PAIRS: usize = 3;

/// The middle and the slowest hundredth of a sleep of 100 µs with a round trip.
#[derive(Debug)]
#[expect(dead_code, reason = "printed as a whole")]
struct Beat {
    beats: usize,
    p50: Duration,
    p99: Duration,
}

/// Two tasks of the calling one's worker that hand a value to and fro.
fn ping_pong() -> Beat {
    use greenroom::sync::mpsc::channel;
    let (ping, pinged) = channel();
    let (pong, ponged) = channel();
    let partner = greenroom::thread::spawn_local(move || {
        while let Ok(value) = pinged.recv() {
            pong.send(value).unwrap();
        }
    });
    let mut beats = Vec::new();
    let start = Instant::now();
    while start.elapsed() < MEASURED {
        let beat = Instant::now();
        greenroom::thread::sleep(Duration::from_micros(100));
        ping.send(beats.len()).unwrap();
        assert_eq!(ponged.recv().unwrap(), beats.len());
        beats.push(beat.elapsed());
    }
    drop(ping);
    partner.join().unwrap();
    beats.sort_unstable();
    Beat {
        beats: beats.len(),
        p50: beats[beats.len() / 2],
        p99: beats[beats.len() * 99 / 100],
    }
}

/// Until told to stop: reads the file by 64 KiB and 1 MiB, and looks up a name.
macro_rules! work {
    ($path:expr, $stop:expr, $done:expr, $file:path, $names:path) => {{
        use $file as File;
        use $names as Names;
        let mut buf = vec![0; 1 << 20];
        for size in [64 << 10, 1 << 20].into_iter().cycle() {
            if $stop.load(Ordering::Relaxed) {
                break;
            }
            let mut file = File::open($path).unwrap();
            while file.read(&mut buf[..size]).unwrap() != 0 {}
            assert!(
                Names::to_socket_addrs("localhost:80")
                    .unwrap()
                    .next()
                    .is_some()
            );
            $done.fetch_add(1, Ordering::Relaxed);
        }
    }};
}

struct Work {
    path: PathBuf,
    stop: AtomicBool,
    done: AtomicUsize,
}

impl Work {
    fn start(path: &Path) -> Arc<Work> {
        Arc::new(Work {
            path: path.to_owned(),
            stop: AtomicBool::new(false),
            done: AtomicUsize::new(0),
        })
    }

    /// How much was done until now; it ends soon.
    fn stop(&self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.done.load(Ordering::Relaxed)
    }
}

fn beat_with_green_work(path: &Path) -> (Beat, usize) {
    let (rt, work) = (Rt::with_workers(1), Work::start(path));
    let busy: Vec<_> = (0..BUSY)
        .map(|_| {
            let work = Arc::clone(&work);
            rt.spawn(move || {
                work!(
                    &work.path,
                    work.stop,
                    work.done,
                    greenroom::fs::File,
                    ToSocketAddrs
                );
            })
        })
        .collect();
    let beat = rt.run(ping_pong);
    let done = work.stop();
    busy.into_iter().for_each(|task| task.join().unwrap());
    (beat, done)
}

fn beat_with_os_work(path: &Path) -> (Beat, usize) {
    let (rt, work) = (Rt::with_workers(1), Work::start(path));
    let busy: Vec<_> = (0..BUSY)
        .map(|_| {
            let work = Arc::clone(&work);
            std::thread::spawn(move || {
                work!(
                    &work.path,
                    work.stop,
                    work.done,
                    std::fs::File,
                    std::net::ToSocketAddrs
                );
            })
        })
        .collect();
    let beat = rt.run(ping_pong);
    let done = work.stop();
    busy.into_iter().for_each(|thread| thread.join().unwrap());
    (beat, done)
}

#[test]
fn files_and_names_do_not_delay_a_neighbour() {
    let _watchdog = watchdog();
    let name = format!("greenroom-neighbours-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, vec![7; 8 << 20]).unwrap();
    let alone = Rt::with_workers(1).run(ping_pong);
    println!("alone: {alone:?}");
    let mut ratios: Vec<f64> = (0..PAIRS).map(|_| green_to_control(&path)).collect();
    std::fs::remove_file(&path).unwrap();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[PAIRS / 2];
    println!("p99, green to control: {ratio:.2}");
    assert!(ratio < 20.0, "the neighbour is starved");
}

/// Of the slowest hundredth, in one pair of runs.
fn green_to_control(path: &Path) -> f64 {
    let (control, control_done) = beat_with_os_work(path);
    let (green, green_done) = beat_with_green_work(path);
    println!("control: {control:?}, {control_done} files read by OS threads");
    println!("green:   {green:?}, {green_done} files read by green threads");
    assert!(green_done > 0, "the work went on");
    // With processors to spare the control may be as fast as alone: a floor keeps the ratio honest.
    green.p99.as_secs_f64() / control.p99.as_secs_f64().max(0.005)
}
