//! What is about time and order: pipelines, bodies that wait, clients that leave, panics, shutdowns.

use super::logs;
use super::site::{Site, impatient, patient, router};
use super::talk::Talk;
use super::watchdog::watchdog;
use greenroom_servers::http::{Http, HttpLimits, Request, Response, Router};
use greenroom_servers::{Limits, Totals};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const ROOT: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Waits for the server, which is another thread's business.
fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

fn on_one_and_two_workers(test: impl Fn(Site)) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        test(Site::start(workers, patient()));
    }
}

#[test]
fn continue_is_sent_when_the_handler_reads() {
    on_one_and_two_workers(|site| {
        let mut talk = Talk::new(site.address);
        talk.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        );
        let mut interim = [0; 25];
        talk.stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        talk.send(b"hello");
        assert_eq!(talk.answer(false).unwrap().text(), "hello");
        assert!(talk.is_open());
    });
}

#[test]
fn answers_before_a_body_that_is_waited_for_are_sent() {
    on_one_and_two_workers(|site| {
        let mut talk = Talk::new(site.address);
        talk.send(ROOT);
        talk.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n");
        assert_eq!(talk.answer(false).unwrap().text(), "root");
        talk.send(b"!");
        assert_eq!(talk.answer(false).unwrap().text(), "!");
    });
}

#[test]
fn answers_of_all_kinds_keep_their_order() {
    on_one_and_two_workers(|site| {
        let mut talk = Talk::new(site.address);
        let paths = [
            "/", "/stream", "/sized", "/none", "/", "/sized", "/stream", "/",
        ];
        for path in paths {
            talk.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        }
        for path in paths {
            let answer = talk.answer(false).unwrap();
            let length = match path {
                "/" => 4,
                "/stream" => 7,
                "/sized" => 300_000,
                _ => 0,
            };
            assert_eq!(answer.body.len(), length, "{path}");
        }
        assert!(talk.is_open());
    });
}

#[test]
fn body_of_any_size_comes_back_chunked_or_not() {
    on_one_and_two_workers(|site| {
        let mut talk = Talk::new(site.address);
        for size in [1_usize, 4_000, 8_192, 100_000, 1 << 20] {
            let body: Vec<u8> = (0..size)
                .map(|at| u8::try_from(at % 251).unwrap())
                .collect();
            let head = format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n");
            talk.send(head.as_bytes());
            talk.send(&body);
            assert_eq!(talk.answer(false).unwrap().body, body);
            talk.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(1 + size / 3) {
                talk.send(format!("{:x}\r\n", chunk.len()).as_bytes());
                talk.send(chunk);
                talk.send(b"\r\n");
            }
            talk.send(b"0\r\n\r\n");
            talk.send(ROOT);
            assert_eq!(talk.answer(false).unwrap().body, body);
            assert_eq!(talk.answer(false).unwrap().text(), "root");
        }
    });
}

#[test]
fn body_read_in_part_leaves_the_next_request_whole() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let router = router().post("/part", |request: &mut Request<'_>| {
            let mut two = [0; 2];
            request.body().read_exact(&mut two)?;
            Ok::<_, std::io::Error>(Response::bytes(two.to_vec()))
        });
        let site = Site::with(workers, patient().0, Http::new(router));
        let mut talk = Talk::new(site.address);
        let head = "POST /part HTTP/1.1\r\nHost: x\r\n";
        for (field, body) in [
            ("Content-Length: 5", "hello"),
            (
                "Transfer-Encoding: chunked",
                "1\r\nh\r\n4\r\nello\r\n0\r\nT: v\r\n\r\n",
            ),
        ] {
            let all = format!("{head}{field}\r\n\r\n{body}");
            for cut in 0..=all.len() {
                talk.send(&all.as_bytes()[..cut]);
                talk.send(&all.as_bytes()[cut..]);
                talk.send(ROOT);
                assert_eq!(talk.answer(false).unwrap().text(), "he", "{field} {cut}");
                assert_eq!(talk.answer(false).unwrap().text(), "root", "{field} {cut}");
            }
        }
    }
}

#[test]
fn client_that_leaves_is_no_error() {
    on_one_and_two_workers(|site| {
        let address = site.address;
        for request in [
            "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /sized HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
            "GET / HT",
        ] {
            let mut talk = Talk::new(address);
            talk.send(request.as_bytes());
            if request.contains("GET /e") {
                talk.stream.read_exact(&mut [0; 1_000]).unwrap();
            }
        }
        until(|| site.totals().accepted == 4 && site.totals().open == 0);
        let Totals { errors, panics, .. } = site.totals();
        assert_eq!((errors, panics), (0, 0));
    });
}

#[test]
fn answer_that_fails_midway_is_seen_to_be_cut() {
    on_one_and_two_workers(|site| {
        let mut talk = Talk::new(site.address);
        talk.send(b"GET /torn HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut all = Vec::new();
        talk.stream.read_to_end(&mut all).unwrap();
        assert!(
            !all.ends_with(b"0\r\n\r\n"),
            "{:?}",
            String::from_utf8_lossy(&all)
        );
    });
}

#[test]
fn big_upload_that_is_refused_sees_the_answer() {
    on_one_and_two_workers(|site| {
        let mut talk = Talk::new(site.address);
        talk.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
        talk.send(&vec![b'x'; 500_000]);
        assert_eq!(talk.answer(false).unwrap().status, 413);
        talk.end();
        assert!(talk.is_closed());
    });
}

#[test]
fn last_request_of_a_connection_says_so() {
    let _watchdog = watchdog();
    let (limits, http) = patient();
    let http = HttpLimits {
        keep_alive_requests_max: Some(2),
        ..http
    };
    let site = Site::start(1, (limits, http));
    let mut talk = Talk::new(site.address);
    talk.send(&ROOT.repeat(3));
    assert_eq!(talk.answer(false).unwrap().header("connection"), None);
    assert_eq!(
        talk.answer(false).unwrap().header("connection"),
        Some("close")
    );
    talk.end();
    assert!(talk.is_closed());
}

#[test]
fn request_slower_than_its_limit_and_steady_is_ended() {
    let _watchdog = watchdog();
    let site = Site::start(1, impatient());
    let mut talk = Talk::new(site.address);
    let begun = Instant::now();
    talk.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    while talk.stream.write_all(b"x").is_ok() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::yield_now();
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "it may trickle for ever"
    );
}

#[test]
fn idle_clients_leave_when_the_server_stops() {
    on_one_and_two_workers(|site| {
        let mut talks: Vec<Talk> = (0..50).map(|_| Talk::new(site.address)).collect();
        for talk in &mut talks[..40] {
            assert!(talk.is_open());
        }
        until(|| site.totals().accepted == 50);
        let begun = Instant::now();
        let totals = site.end(Duration::from_secs(60));
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody was told");
        assert_eq!((totals.open, totals.cut_off, totals.errors), (0, 0, 0));
        for talk in &mut talks {
            assert!(talk.is_closed());
        }
    });
}

#[test]
fn request_under_way_is_answered_when_the_server_stops() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let (begun, go) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (has_begun, may_go) = (Arc::clone(&begun), Arc::clone(&go));
        let router = Router::new().get("/slow", move |_: &mut Request<'_>| {
            has_begun.store(true, Ordering::SeqCst);
            while !may_go.load(Ordering::SeqCst) {
                greenroom::thread::sleep(Duration::from_millis(1));
            }
            Response::text("done")
        });
        let site = Site::with(workers, patient().0, Http::new(router));
        let mut idle = Talk::new(site.address);
        let mut talk = Talk::new(site.address);
        talk.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
        until(|| begun.load(Ordering::SeqCst));
        let client = std::thread::spawn(move || {
            assert!(idle.is_closed());
            go.store(true, Ordering::SeqCst);
            let answer = talk.answer(false).unwrap();
            let end = (answer.text(), answer.header("connection"));
            assert_eq!(end, ("done", Some("close")));
        });
        let totals = site.end(Duration::from_secs(60));
        client.join().unwrap();
        assert_eq!((totals.cut_off, totals.errors), (0, 0));
    }
}

#[test]
fn upgrade_hands_over_the_connection_with_what_came_early() {
    let _watchdog = watchdog();
    let router = Router::new().get("/up", |_: &mut Request<'_>| {
        Response::upgrade("shout", |mut upgraded| {
            let mut bytes = [0; 5];
            upgraded.read_exact(&mut bytes)?;
            upgraded.write_all(&bytes.to_ascii_uppercase())
        })
    });
    let site = Site::with(1, Limits::default(), Http::new(router));
    let mut talk = Talk::new(site.address);
    talk.send(b"GET /up HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nhe");
    let answer = talk.answer(true).unwrap();
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("upgrade"), Some("shout"));
    assert_eq!(answer.header("connection"), Some("Upgrade"));
    talk.send(b"llo");
    let mut all = Vec::new();
    talk.stream.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"HELLO");
}

/// The access log's lines with this text.
fn access_with(text: &str) -> Vec<String> {
    let lines = logs::LINES.lock().unwrap();
    let access = lines
        .iter()
        .filter(|(target, line)| target == "access" && line.contains(text));
    access.map(|(_, line)| line.clone()).collect()
}

#[test]
fn access_log_has_a_line_per_request_and_no_line_of_a_client() {
    let _watchdog = watchdog();
    let (limits, _) = patient();
    let site = Site::with(1, limits, Http::new(router()).access_log(true));
    let mut talk = Talk::new(site.address);
    talk.send(
        b"GET /hello/access?\"x HTTP/1.1\r\nHost: x\r\nUser-Agent: a\"b\xff\r\nReferer: r\r\n\r\n",
    );
    assert_eq!(talk.answer(false).unwrap().text(), "access");
    talk.send(b"nonsense\r\n\r\n");
    assert_eq!(talk.answer(false).unwrap().status, 400);
    let lines = access_with("/hello/access");
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    let rest = "\"GET /hello/access?\\\"x HTTP/1.1\" 200 6 \"r\" \"a\\\"b\\xFF\" ";
    assert!(line.contains(rest) && line.ends_with("us"), "{line}");
    assert_eq!(access_with("\"-\" 400 ").len(), 1);
}

#[test]
fn access_log_has_a_line_of_an_answer_that_was_cut() {
    let _watchdog = watchdog();
    let site = Site::with(1, patient().0, Http::new(router()).access_log(true));
    for path in ["/torn?cut", "/endless?cut"] {
        let mut talk = Talk::new(site.address);
        talk.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        talk.stream.read_exact(&mut [0; 100]).unwrap();
        drop(talk);
        until(|| site.totals().open == 0);
        assert_eq!(access_with(&format!("\"GET {path} ")).len(), 1, "{path}");
    }
}

#[test]
fn body_whose_writer_panics_ends_its_client_only() {
    let _watchdog = watchdog();
    let router = router().get("/burst", |_: &mut Request<'_>| {
        Response::writer(|_| -> std::io::Result<()> { panic!("on purpose") })
    });
    let site = Site::with(1, patient().0, Http::new(router));
    let mut talk = Talk::new(site.address);
    talk.send(ROOT);
    talk.send(b"GET /burst HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(talk.answer(false).unwrap().text(), "root");
    let mut all = Vec::new();
    talk.stream.read_to_end(&mut all).unwrap();
    assert!(!all.ends_with(b"0\r\n\r\n"));
    until(|| site.totals().open == 0);
    let expected = "GET \"/burst\": the handler panicked: \"on purpose\"";
    assert_eq!(logs::about(talk.local), [expected]);
    assert_eq!(site.totals().panics, 1);
    assert!(Talk::new(site.address).is_open());
}

/// An error may name what the client sent.
#[test]
fn error_of_a_handler_is_one_line_of_the_log() {
    let _watchdog = watchdog();
    let error = || std::io::Error::other("no \"x\ny\u{1b}[2J\"");
    let router = router()
        .get("/bad", move |_: &mut Request<'_>| {
            Err::<Response, _>(error())
        })
        .get("/bad-body", move |_: &mut Request<'_>| {
            Response::writer(move |_| Err(error()))
        });
    let site = Site::with(1, patient().0, Http::new(router));
    for path in ["/bad", "/bad-body"] {
        let mut talk = Talk::new(site.address);
        talk.send(
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
        );
        let mut all = Vec::new();
        talk.stream.read_to_end(&mut all).unwrap();
        until(|| site.totals().open == 0);
        let lines = logs::about(talk.local);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with(r#"no "x\ny\u{1b}[2J""#), "{lines:?}");
    }
}
