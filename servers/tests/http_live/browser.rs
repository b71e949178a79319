//! A browser loads a page from here, and the page talks back by WebSocket and hears events.

use crate::ground::Server;
use crate::watchdog::watchdog;
use greenroom_servers::http::{Event, Files, Request, Response, Router};
use greenroom_servers::root::Root;
use std::process::{Command, Stdio};

const PAGE: &str = r#"<!doctype html>
<title>test</title>
<p id="socket">nothing</p><p id="events">nothing</p>
<script src="page.js"></script>
"#;

const SCRIPT: &str = r#"
const show = (id, text) => { document.getElementById(id).textContent = text };
const socket = new WebSocket(`ws://${location.host}/echo`);
let heard = "";
socket.onopen = () => { socket.send("text ä"); socket.send(new Uint8Array([1, 2, 3])); };
socket.binaryType = "arraybuffer";
socket.onmessage = ({ data }) => {
    if (typeof data === "string") { heard = data; return; }
    socket.onclose = ({ code }) => show("socket", `${heard} ${new Uint8Array(data)} ${code}`);
    socket.close(1000);
};
const events = new EventSource("/events");
let seen = [];
events.addEventListener("count", ({ data, lastEventId }) => {
    seen.push(`${lastEventId}=${data.replace("\n", "/")}`);
    if (seen.length === 4) { events.close(); show("events", seen.join(" ")); }
});
"#;

/// Two events per connection: to see four the browser has to come back.
fn two(request: &mut Request<'_>) -> Response {
    let last: u32 = request.last_event_id().map_or(0, |id| id.parse().unwrap());
    Response::events(move |events| {
        events.retry(std::time::Duration::from_millis(10))?;
        for id in last + 1..=last + 2 {
            events.send(
                &Event::new(format!("line\n{id}"))
                    .id(id.to_string())
                    .name("count"),
            )?;
        }
        Ok(())
    })
}

#[test]
fn browser_speaks_and_hears() {
    let _watchdog = watchdog();
    let name = format!("greenroom-browser-{}", std::process::id());
    let tree = std::env::temp_dir().join(name);
    std::fs::create_dir_all(tree.join("root")).unwrap();
    std::fs::write(tree.join("root/index.html"), PAGE).unwrap();
    std::fs::write(tree.join("root/page.js"), SCRIPT).unwrap();
    let router = Router::new()
        .websocket("/echo", |socket, _| {
            while let Some(message) = socket.receive()? {
                socket.send(message)?;
            }
            Ok(())
        })
        .get("/events", two)
        .files(
            "/*path",
            Files::new(Root::read_only(tree.join("root")).unwrap()),
        );
    let server = Server::start(router);
    let profile = format!("--user-data-dir={}", tree.join("profile").display());
    let output = Command::new("timeout")
        .args([
            "60",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--virtual-time-budget=20000",
        ])
        .args([
            &profile,
            "--dump-dom",
            &format!("http://{}/", server.address()),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&tree);
    if output.status.code() == Some(127) {
        assert!(std::env::var_os("GREENROOM_TEST_NEEDS_CHROMIUM").is_none());
        eprintln!("not tested: no chromium");
        return;
    }
    let page = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    for expected in [
        "<p id=\"socket\">text ä 1,2,3 1000</p>",
        "<p id=\"events\">1=line/1 2=line/2 3=line/3 4=line/4</p>",
    ] {
        assert!(page.contains(expected), "{page}\n{errors}");
    }
}
