//! Answers that end before their end, and how a client can tell.

use super::site::{Site, patient, router};
use super::talk::Talk;
use super::watchdog::watchdog;
use greenroom_servers::http::{Http, Request, Response};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What comes until the end, and whether the end was a clean one.
fn read_all(stream: &mut TcpStream) -> (String, bool) {
    let mut all = Vec::new();
    let is_clean = match stream.read_to_end(&mut all) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
        Err(error) => panic!("{error}"),
    };
    (String::from_utf8(all).unwrap(), is_clean)
}

/// In HTTP/1.0 the end of the connection is the end of the body.
#[test]
fn torn_answer_to_http_1_0_ends_with_a_reset() {
    let _watchdog = watchdog();
    let router = router()
        .get("/torn-stream", |_| {
            let begin = std::io::Cursor::new("begun");
            Response::stream(begin.chain(Torn))
        })
        .get("/burst", |_| {
            Response::writer(|out| -> std::io::Result<()> {
                out.write_all(b"begun")?;
                out.flush()?;
                panic!("on purpose")
            })
        });
    let site = Site::with(1, patient().0, Http::new(router));
    for path in ["/torn", "/torn-stream", "/burst"] {
        let mut talk = Talk::new(site.address);
        talk.send(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes());
        let (text, is_clean) = read_all(&mut talk.stream);
        assert!(!is_clean, "{path} looks whole: {text:?}");
    }
    let mut talk = Talk::new(site.address);
    talk.send(b"GET /stream HTTP/1.0\r\n\r\n");
    let (text, is_clean) = read_all(&mut talk.stream);
    assert!(is_clean && text.ends_with("\r\n\r\none two"), "{text:?}");
}

struct Torn;

impl Read for Torn {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("on purpose"))
    }
}

#[test]
fn answer_to_http_1_0_that_a_shutdown_cuts_ends_with_a_reset() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let router = router().get("/long", |_: &mut Request<'_>| {
            Response::writer(|out| {
                out.write_all(b"begun")?;
                out.flush()?;
                greenroom::thread::sleep(Duration::from_secs(3600));
                Ok(())
            })
        });
        let site = Site::with(workers, patient().0, Http::new(router));
        let mut talk = Talk::new(site.address);
        talk.send(b"GET /long HTTP/1.0\r\n\r\n");
        let mut begin = Vec::new();
        while !begin.ends_with(b"begun") {
            let mut byte = [0];
            talk.stream.read_exact(&mut byte).unwrap();
            begin.push(byte[0]);
        }
        assert_eq!(site.end(Duration::ZERO).cut_off, 1);
        let (text, is_clean) = read_all(&mut talk.stream);
        assert!(!is_clean, "looks whole: {text:?}");
    }
}

#[test]
fn handler_that_waits_may_send_earlier_answers_first() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let go = Arc::new(AtomicBool::new(false));
        let may_go = Arc::clone(&go);
        let router = router().get("/slow", move |request: &mut Request<'_>| {
            request.send_earlier()?;
            while !may_go.load(Ordering::SeqCst) {
                greenroom::thread::sleep(Duration::from_millis(1));
            }
            Ok::<_, std::io::Error>(Response::text("done"))
        });
        let site = Site::with(workers, patient().0, Http::new(router));
        let mut talk = Talk::new(site.address);
        talk.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(talk.answer(false).unwrap().text(), "root");
        go.store(true, Ordering::SeqCst);
        assert_eq!(talk.answer(false).unwrap().text(), "done");
        assert!(talk.is_open());
    }
}

/// As old browsers, which end a form with an empty line more than they announce.
#[test]
fn client_that_talks_beyond_its_last_request_gets_the_answer() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let go = Arc::new(AtomicBool::new(false));
        let may_go = Arc::clone(&go);
        let router = router().get("/late", move |_: &mut Request<'_>| {
            while !may_go.load(Ordering::SeqCst) {
                greenroom::thread::sleep(Duration::from_millis(1));
            }
            Response::text("x".repeat(300_000))
        });
        let site = Site::with(workers, patient().0, Http::new(router));
        for line in [
            "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
            "HTTP/1.0\r\n",
        ] {
            // With the request, and while the handler runs.
            for (now, later) in [("\r\n", ""), ("", "\r\n")] {
                go.store(false, Ordering::SeqCst);
                let mut talk = Talk::new(site.address);
                talk.send(format!("GET /late {line}\r\n{now}").as_bytes());
                while site.totals().open == 0 {
                    std::thread::yield_now();
                }
                talk.send(later.as_bytes());
                go.store(true, Ordering::SeqCst);
                let (text, is_clean) = read_all(&mut talk.stream);
                assert!(is_clean && text.len() > 300_000, "{} bytes", text.len());
            }
        }
    }
}
