//! Large files: read and copied in constant memory, and full reads where the page cache has a part only.

use super::ground::{Dir, in_all_places};
use crate::child::Running;
use crate::common::{Rt, watchdog};
use crate::reexec::{role, this_test};
use greenroom::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

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

/// Has the page cache forget a file from `offset` on, where the file system can.
#[expect(unsafe_code, reason = "posix_fadvise")]
fn forget(file: &std::fs::File, offset: i64) {
    file.sync_all().unwrap();
    // SAFETY: an open descriptor and plain numbers.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), offset, 0, libc::POSIX_FADV_DONTNEED) };
}

#[test]
fn reads_are_full_where_the_page_cache_ends() {
    const MIB: usize = 1 << 20;
    const SIZE: usize = 64 << 10;
    in_all_places(|dir| {
        let bytes: Vec<u8> = (0..2048_u32)
            .flat_map(|n| [(n % 251) as u8; 4096])
            .collect();
        let path = dir.file("file", &bytes);
        let std = std::fs::File::open(&path).unwrap();
        let mut buf = vec![0; SIZE];
        for distance in (0..SIZE).step_by(SIZE / 8) {
            let offset = 4 * MIB - distance;
            forget(&std, 4 << 20);
            let mut file = File::open(&path).unwrap();
            file.seek(SeekFrom::Start(offset as u64)).unwrap();
            assert_eq!(file.read(&mut buf).unwrap(), SIZE, "{distance}");
            assert!(buf == bytes[offset..][..SIZE]);
            assert_eq!(file.stream_position().unwrap(), (offset + SIZE) as u64);
            forget(&std, 4 << 20);
            assert_eq!(file.read_at(&mut buf, offset as u64).unwrap(), SIZE);
            assert!(buf == bytes[offset..][..SIZE]);
        }
    });
}
