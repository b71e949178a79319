//! Handlers that bound their own waits, and handlers that take their time.

use super::site::{Site, patient, router};
use super::talk::Talk;
use super::watchdog::watchdog;
use greenroom_servers::http::{Http, HttpLimits, Request, Response};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longer than the kernel has buffers for.
const LONG: usize = 32 << 20;

const SHORT: Duration = Duration::from_millis(100);

/// What was written in part cannot be taken back: whatever came after it would look like the rest.
#[test]
fn write_that_the_handlers_timeout_interrupts_is_the_last() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let interrupted = Arc::new(AtomicBool::new(false));
        let is_interrupted = Arc::clone(&interrupted);
        let router = router().get("/long", move |_: &mut Request<'_>| {
            let interrupted = Arc::clone(&interrupted);
            Response::writer(move |out| {
                let long = vec![b'x'; LONG];
                let outcome = greenroom::timeout(SHORT, || out.write_all(&long));
                assert!(outcome.is_err(), "there is room for everything");
                interrupted.store(true, Ordering::SeqCst);
                let error = out.write_all(&long).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                Ok(())
            })
        });
        let site = Site::with(workers, patient().0, Http::new(router));
        for version in ["1.0", "1.1"] {
            is_interrupted.store(false, Ordering::SeqCst);
            let mut talk = Talk::new(site.address);
            let request = format!("GET /long HTTP/{version}\r\nHost: x\r\n\r\n");
            talk.send(request.as_bytes());
            talk.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            while !is_interrupted.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let mut all = Vec::new();
            let end = talk.stream.read_to_end(&mut all);
            let text = String::from_utf8(all).unwrap();
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            if version == "1.0" {
                let kind = end.map_err(|error| error.kind());
                assert_eq!(kind, Err(ErrorKind::ConnectionReset), "looks whole");
                assert!(body.bytes().all(|byte| byte == b'x'));
                continue;
            }
            let size = 8 << 10;
            let chunk = format!("{size:X}\r\n{}\r\n", "x".repeat(size));
            let torn = body.trim_start_matches(&chunk);
            assert!(
                torn.len() < chunk.len() && chunk.starts_with(torn),
                "{torn}"
            );
        }
    }
}

#[test]
fn body_read_that_the_handlers_timeout_interrupts_goes_on() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let timeouts = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&timeouts);
        let router = router().post("/patient", move |request: &mut Request<'_>| {
            let mut all = Vec::new();
            loop {
                let mut piece = [0; 100];
                let count = greenroom::timeout(SHORT, || request.body().read(&mut piece));
                match count {
                    Ok(Ok(0)) => return Ok::<_, io::Error>(Response::bytes(all)),
                    Ok(count) => all.extend_from_slice(&piece[..count?]),
                    Err(_) => drop(seen.fetch_add(1, Ordering::SeqCst)),
                }
            }
        });
        let site = Site::with(workers, patient().0, Http::new(router));
        let head = "POST /patient HTTP/1.1\r\nHost: x\r\n";
        for (field, parts) in [
            ("Content-Length: 3", ["a", "b", "c"]),
            (
                "Transfer-Encoding: chunked",
                ["1\r\na\r\n", "1\r\nb\r\n", "1\r\nc\r\n0\r\n\r\n"],
            ),
        ] {
            let mut talk = Talk::new(site.address);
            talk.send(format!("{head}{field}\r\n\r\n").as_bytes());
            for part in parts {
                let before = timeouts.load(Ordering::SeqCst);
                while timeouts.load(Ordering::SeqCst) < before + 2 {
                    std::thread::yield_now();
                }
                talk.send(part.as_bytes());
            }
            assert_eq!(talk.answer(false).unwrap().text(), "abc", "{field}");
            assert!(talk.is_open());
        }
    }
}

#[test]
fn date_is_that_of_the_answer_not_of_the_request() {
    let _watchdog = watchdog();
    let seconds = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.unwrap().as_secs()
    };
    let router = router().get("/slow", |_: &mut Request<'_>| {
        greenroom::thread::sleep(Duration::from_millis(2_500));
        Response::text("slow")
    });
    let site = Site::with(1, patient().0, Http::new(router));
    let mut talk = Talk::new(site.address);
    let begun = seconds();
    talk.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = talk.answer(false).unwrap();
    let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
    let date = date.duration_since(UNIX_EPOCH).unwrap().as_secs();
    // The coarse clock may be some milliseconds behind.
    assert!(date > begun + 1, "{date} after {begun}");
}

#[test]
fn body_that_is_coming_already_needs_no_permission() {
    let _watchdog = watchdog();
    let part = |request: &mut Request<'_>| {
        request.body().read_exact(&mut [0; 2])?;
        Ok::<_, io::Error>(Response::text("part"))
    };
    let site = Site::with(1, patient().0, Http::new(router().post("/part", part)));
    for (path, expected) in [("/echo", "hello"), ("/part", "part")] {
        let mut talk = Talk::new(site.address);
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n");
        talk.send(format!("{head}Content-Length: 5\r\n\r\nhe").as_bytes());
        while site.totals().bytes_in < head.len() as u64 {
            std::thread::yield_now();
        }
        talk.send(b"lloGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut all = String::new();
        talk.stream.read_to_string(&mut all).unwrap();
        assert!(all.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
        assert!(
            all.contains(&format!("\r\n\r\n{expected}HTTP/1.1 200 OK\r\n")),
            "{all}"
        );
        assert!(all.ends_with("\r\n\r\nroot"), "{all}");
    }
}

#[test]
fn connection_of_no_requests_serves_one() {
    let _watchdog = watchdog();
    let (limits, http) = patient();
    let http = HttpLimits {
        keep_alive_requests_max: Some(0),
        ..http
    };
    let site = Site::start(1, (limits, http));
    let mut talk = Talk::new(site.address);
    talk.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = talk.answer(false).unwrap();
    assert_eq!(answer.header("connection"), Some("close"));
}
