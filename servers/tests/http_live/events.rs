//! Server-sent events, as curl sees them, and clients that go away.

use crate::ground::Server;
use crate::installed::is_installed;
use crate::watchdog::watchdog;
use greenroom::queue::Queue;
use greenroom_servers::Concurrency;
use greenroom_servers::http::{Event, Request, Response, Router};
use std::io::{BufRead, Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const REQUEST: &str = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";

fn three(request: &mut Request<'_>) -> Response {
    let last: u32 = request.last_event_id().map_or(0, |id| id.parse().unwrap());
    Response::events(move |events| {
        events.retry(Duration::from_secs(3))?;
        for id in last + 1..=3 {
            events.send(
                &Event::new(format!("event\n{id}"))
                    .id(id.to_string())
                    .name("count"),
            )?;
        }
        Ok(())
    })
}

#[test]
fn curl_sees_events_from_where_it_was() {
    let _watchdog = watchdog();
    let server = Server::start(Router::new().get("/events", three));
    let url = format!("http://{}/events", server.address());
    let curl = |args: &[&str]| {
        Command::new("curl")
            .args(["-sSN", "--max-time", "60"])
            .args(args)
            .arg(&url)
            .output()
    };
    if !is_installed("curl") {
        return;
    }
    let output = curl(&["-H", "Last-Event-ID: 1"]).unwrap();
    let event = |id| format!("event: count\nid: {id}\ndata: event\ndata: {id}\n\n");
    let expected = format!(":\n\nretry: 3000\n\n{}{}", event(2), event(3));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    // HTTP/1.0 has no chunks.
    let output = curl(&["--http1.0", "-H", "Last-Event-ID: 2"]).unwrap();
    let expected = format!(":\n\nretry: 3000\n\n{}", event(3));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

/// Counts streams that have ended because `next` said so.
fn waiting(ended: &Arc<AtomicU32>, beat: Duration) -> Router {
    let ended = Arc::clone(ended);
    Router::new().get("/events", move |_: &mut Request<'_>| {
        let ended = Arc::clone(&ended);
        Response::events(move |events| {
            let nothing: Queue<()> = Queue::unbounded();
            events.heartbeat(beat);
            assert_eq!(events.next(&nothing)?, None);
            ended.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    })
}

#[test]
fn client_that_goes_is_noticed_at_once() {
    let _watchdog = watchdog();
    let ended = Arc::default();
    let server = Server::start(waiting(&ended, Duration::from_secs(3600)));
    for count in 1..=20 {
        let (head, reader) = server.ask(REQUEST);
        assert!(
            head.contains("Content-Type: text/event-stream\r\n"),
            "{head}"
        );
        drop(reader);
        while ended.load(Ordering::Relaxed) < count {
            std::thread::yield_now();
        }
    }
}

/// Long before the grace or the next heartbeat, and with a proper end.
#[test]
fn stream_ends_at_once_when_the_server_stops() {
    let _watchdog = watchdog();
    for concurrency in [Concurrency::GreenThread, Concurrency::OsThread] {
        let ended = Arc::default();
        let router = waiting(&ended, Duration::from_secs(3600));
        let server = Server::with(router, concurrency);
        let (_, mut reader) = server.ask(REQUEST);
        let mut line = String::new();
        while line != ":\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        let totals = server.stop(Duration::from_secs(3600));
        assert_eq!((totals.open, totals.errors, totals.cut_off), (0, 0, 0));
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
    }
}

#[test]
fn silent_stream_has_a_heartbeat_even_when_the_client_has_sent_more() {
    let _watchdog = watchdog();
    let ended = Arc::default();
    let server = Server::start(waiting(&ended, Duration::from_millis(20)));
    let (_, mut reader) = server.ask(REQUEST);
    reader.get_mut().write_all(REQUEST.as_bytes()).unwrap();
    let mut line = String::new();
    let mut beats = 0;
    while beats < 5 {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0);
        beats += u32::from(line == ":\n");
    }
}

#[test]
fn head_of_a_stream_is_all_of_it_for_head() {
    let _watchdog = watchdog();
    let server = Server::start(Router::new().get("/events", three));
    let request = "HEAD /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let (head, mut reader) = server.ask(request);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
}
