//! What openings of WebSockets get. The rows of `docs/servers/http_files.md`.

use crate::ground::Server;
use crate::logs;
use crate::watchdog::watchdog;
use greenroom_servers::http::{Origins, Router, WebSocketLimits};
use std::fs;

const OPENING: [(&str, &str); 5] = [
    ("Host", "h"),
    ("Connection", "keep-alive, Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// A right opening with one field changed: `Name: value`, or `no Name`.
fn opening(change: &str, version: &str) -> String {
    let mut request = format!("GET /chat?room=1 HTTP/{version}\r\n");
    let (changed, value) = change.split_once(": ").unwrap_or((change, ""));
    let without = change.strip_prefix("no ");
    for (name, right) in OPENING {
        if without != Some(name) && changed != name {
            request.push_str(&format!("{name}: {right}\r\n"));
        }
    }
    if without.is_none() && !value.is_empty() {
        request.push_str(&format!("{changed}: {value}\r\n"));
    }
    request + "\r\n"
}

fn router(origins: Origins) -> Router {
    let limits = WebSocketLimits {
        origins,
        protocols: vec![String::from("chat.v2"), String::from("chat.v1")],
        ..WebSocketLimits::default()
    };
    Router::new().websocket_with("/chat", limits, |socket, opening| {
        assert_eq!(
            (&*opening.path, opening.query.as_deref()),
            ("/chat", Some("room=1"))
        );
        socket.send("hello")
    })
}

#[test]
fn openings_get_what_the_table_says() {
    let _watchdog = watchdog();
    logs::keep();
    let server = Server::start(router(Origins::Same));
    let table = fs::read_to_string("../docs/servers/http_files.md").unwrap();
    let mut rows = 0;
    for line in table.lines() {
        let Some(row) = line.strip_prefix("| opening with `") else {
            continue;
        };
        let (change, rest) = row.split_once("` | ").unwrap();
        let (reply, log) = rest.split_once(" | ").unwrap();
        let (status, protocol) = reply.split_once(", ").unwrap_or((reply, ""));
        assert_eq!(log, "none |", "what the server answers here is no news");
        let (version, change) = match change.strip_prefix("HTTP/1.0") {
            Some(_) => ("1.0", ""),
            None => ("1.1", change),
        };
        let (head, stream) = server.ask(&opening(change, version));
        let local = stream.get_ref().local_addr().unwrap();
        assert_eq!(logs::about(local), [""; 0], "{line}");
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{line}\n{head}"
        );
        if status == "101" {
            assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
            assert!(head.contains("Connection: Upgrade\r\n"), "{head}");
        }
        let agreed = head.split_once("Sec-WebSocket-Protocol: ");
        let agreed = agreed.map(|(_, rest)| rest.lines().next().unwrap());
        assert_eq!(agreed.unwrap_or(""), protocol, "{line}\n{head}");
        if status == "426" {
            assert!(head.contains("Sec-WebSocket-Version: 13\r\n"), "{head}");
        }
        rows += 1;
    }
    assert!(rows > 12, "{rows} rows");
}

#[test]
fn pages_of_other_origins_are_let_in_by_policy_only() {
    let _watchdog = watchdog();
    let foreign = opening("Origin: https://a.org", "1.1");
    let (head, _) = Server::start(router(Origins::Any)).ask(&foreign);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    let these = Origins::These(vec![String::from("https://a.org")]);
    let (head, _) = Server::start(router(these)).ask(&foreign);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
}
