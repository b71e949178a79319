//! The same bytes in other pieces: the same answers.

use super::site::{Site, patient};
use super::table::{Row, check, rows};
use super::talk::Talk;
use super::watchdog::watchdog;
use std::time::{Duration, Instant};

/// Rows with more bytes are cut at some places only.
const CUT_EVERYWHERE: usize = 200;

/// Sends in two pieces, the second when the server has read the first, or has given its answer.
fn run(row: &Row, cut: usize, site: &Site) {
    let mut talk = Talk::new(site.address);
    let before = site.totals();
    talk.send(&row.bytes[..cut]);
    // Not needed for a right outcome, only to make sure that there are two reads.
    let patience = Instant::now() + Duration::from_millis(50);
    while site.totals().bytes_in < before.bytes_in + cut as u64 && Instant::now() < patience {
        std::thread::yield_now();
    }
    talk.send(&row.bytes[cut..]);
    if row.ends {
        talk.end();
    }
    check(row, &mut talk);
}

#[test]
fn row_cut_anywhere_gets_the_same() {
    let _watchdog = watchdog();
    let site = Site::start(1, patient());
    for row in rows("## What bad input gets") {
        let step = 1 + row.bytes.len() / CUT_EVERYWHERE;
        for cut in (1..row.bytes.len()).step_by(step) {
            run(&row, cut, &site);
        }
    }
}

#[test]
fn row_byte_by_byte_gets_the_same() {
    let _watchdog = watchdog();
    let site = Site::start(2, patient());
    for row in rows("## What bad input gets") {
        let mut talk = Talk::new(site.address);
        for byte in row.bytes.iter().take(2_000) {
            talk.send(&[*byte]);
        }
        talk.send(&row.bytes[row.bytes.len().min(2_000)..]);
        if row.ends {
            talk.end();
        }
        check(&row, &mut talk);
    }
}
