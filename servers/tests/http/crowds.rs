//! Neighbours: a client that never pauses holds nobody up.

use super::site::{Site, patient};
use super::talk::Talk;
use super::watchdog::watchdog;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Each on one worker: whoever does not pause must be paused. A neighbour that is held up gets no answer, ever;
/// how long it waits on a busy machine says nothing.
#[test]
fn greedy_client_holds_nobody_up() {
    let _watchdog = watchdog();
    let root = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunked = "POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (begin, repeated) in [
        ("", root.to_owned()),
        ("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n", String::new()),
        ("", format!("{chunked}1\r\na\r\n0\r\n\r\n")),
        ("", "GET /sized HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
    ] {
        let site = Site::start(1, patient());
        let mut greedy = Talk::new(site.address);
        greedy.send(begin.as_bytes());
        let (mut writer, mut reader) = (
            greedy.stream.try_clone().unwrap(),
            greedy.stream.try_clone().unwrap(),
        );
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let piece = repeated.repeat(1 + 16_000 / repeated.len().max(1));
                while !stop.load(Ordering::Relaxed) && !piece.is_empty() {
                    if writer.write_all(piece.as_bytes()).is_err() {
                        break;
                    }
                }
            });
            scope.spawn(|| {
                let mut buf = [0; 65_536];
                while matches!(reader.read(&mut buf), Ok(count) if count > 0) {}
            });
            let mut longest = Duration::ZERO;
            for _ in 0..20 {
                let begun = Instant::now();
                assert!(Talk::new(site.address).is_open());
                longest = longest.max(begun.elapsed());
            }
            stop.store(true, Ordering::Relaxed);
            let _ = greedy.stream.shutdown(std::net::Shutdown::Both);
            println!("{begin:?} {repeated:?}: a neighbour waited {longest:?} at most");
        });
    }
}
