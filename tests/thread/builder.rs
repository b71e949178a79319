//! `Builder`: names, stack sizes, workers, and what it refuses.

use crate::common::{everywhere, for_each_runtime};
use greenroom::thread::{self, Builder};
use std::io::ErrorKind;

#[test]
fn name_is_seen_from_both_sides() {
    everywhere(|| {
        let named = Builder::new().name("conn-17".into());
        let handle = named
            .spawn(|| thread::current().name().map(str::to_owned))
            .unwrap();
        assert_eq!(handle.thread().name(), Some("conn-17"));
        assert!(format!("{:?}", handle.thread()).contains("conn-17"));
        assert_eq!(handle.join().unwrap().as_deref(), Some("conn-17"));
        let unnamed = thread::spawn(|| thread::current().name().is_none());
        assert!(unnamed.join().unwrap());
    });
}

#[test]
fn stack_size_out_of_bounds_is_invalid_input() {
    everywhere(|| {
        for bytes in [(1 << 30) + 1, usize::MAX] {
            let error = Builder::new().stack_size(bytes).spawn(|| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bytes}: {error}");
        }
        let error = greenroom::Runtime::builder()
            .stack_size(usize::MAX)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

/// Touches `kib` KiB of stack, a KiB and something per call.
#[inline(never)]
fn deep(kib: usize) -> usize {
    let frame = std::hint::black_box([1u8; 1024]);
    match kib {
        0 => 0,
        _ => deep(kib - 1) + usize::from(frame[kib % frame.len()]),
    }
}

#[test]
fn stack_size_asked_for_is_there() {
    everywhere(|| {
        for kib in [0, 1, 16, 64, 100, 192, 256, 1024, 8192] {
            let handle = Builder::new()
                .stack_size(kib * 1024)
                .spawn(move || deep(kib / 4))
                .unwrap();
            assert_eq!(handle.join().unwrap(), kib / 4);
        }
    });
}

#[test]
fn unknown_worker_is_invalid_input() {
    for_each_runtime(|rt| {
        rt.run(|| {
            for worker in [1024, usize::MAX] {
                let error = Builder::new().worker(worker).spawn(|| ()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                assert!(error.to_string().contains("no worker"), "{error}");
            }
        });
    });
}

#[test]
fn worker_asked_for_is_the_one() {
    let rt = crate::common::Rt::with_workers(4);
    rt.run(|| {
        let on = |worker| {
            let builder = Builder::new().worker(worker);
            let handle = builder.spawn(|| {
                thread::yield_now();
                std::thread::current().name().map(str::to_owned)
            });
            handle.unwrap().join().unwrap().unwrap()
        };
        for worker in 0..4 {
            assert_eq!(on(worker), format!("greenroom-{worker}"));
        }
    });
}
