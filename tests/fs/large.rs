//! Large files: read and copied in constant memory.

use super::ground::Dir;
use crate::child::Running;
use crate::common::{Rt, watchdog};
use crate::reexec::{role, this_test};
use greenroom::fs::{self, File};
use std::io::{self, Read};

const GIBIBYTE: u64 = 1 << 30;

/// What the test itself, its buffers, stacks and pool threads may take.
const GROWTH_KIB_MAX: usize = 32 * 1024;

/// The most memory that this process ever had.
fn peak_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn files_of_a_gibibyte_take_constant_memory() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "large::files_of_a_gibibyte_take_constant_memory";
        let ended = Running::start(&mut this_test(test, "alone", "")).end();
        assert!(ended.status.success(), "{ended}");
        return;
    }
    let dir = Dir::new();
    let rt = Rt::with_workers(1);
    let before_kib = peak_kib();
    rt.run(|| {
        let path = dir.join("sparse");
        File::create(&path).unwrap().set_len(GIBIBYTE).unwrap();
        let mut file = File::open(&path).unwrap();
        let mut buf = vec![0; 1 << 20];
        let mut total = 0;
        loop {
            match file.read(&mut buf).unwrap() {
                0 => break,
                count => total += count as u64,
            }
        }
        assert_eq!(total, GIBIBYTE);
        // By paths, and by streams with their small buffer.
        File::create(&path).unwrap().set_len(GIBIBYTE / 16).unwrap();
        assert_eq!(fs::copy(&path, dir.join("copy")).unwrap(), GIBIBYTE / 16);
        let (mut from, mut to) = (
            File::open(&path).unwrap(),
            File::create("/dev/null").unwrap(),
        );
        assert_eq!(io::copy(&mut from, &mut to).unwrap(), GIBIBYTE / 16);
    });
    let growth_kib = peak_kib() - before_kib;
    println!("grew by {growth_kib} KiB");
    assert!(growth_kib < GROWTH_KIB_MAX, "{growth_kib} KiB");
}
