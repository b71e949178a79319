//! A browser loads a page from here, and the page talks back by WebSocket and hears events.

use crate::child::Running;
use crate::ground::Server;
use crate::installed::is_installed;
use crate::watchdog::watchdog;
use greenroom_servers::http::{Event, Files, Request, Response, Router};
use greenroom_servers::root::Root;
use std::process::{Command, Stdio};
use std::time::Duration;

const PAGE: &str = r#"<!doctype html>
<title>test</title>
<p id="socket">nothing</p><p id="events">nothing</p>
<script src="page.js"></script>
"#;

const SCRIPT: &str = r#"
const show = (id, text) => {
    document.getElementById(id).textContent = text;
    const all = [...document.querySelectorAll("p")].map((p) => p.textContent);
    if (!all.includes("nothing")) { fetch("/shown", { method: "POST", body: document.body.innerHTML }); }
};
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
        events.retry(Duration::from_millis(10))?;
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

/// The browser stays until the page has said what it shows: a machine that is busy only makes it late.
#[test]
fn browser_speaks_and_hears() {
    let _watchdog = watchdog();
    if !is_installed("chromium") {
        return;
    }
    let name = format!("greenroom-browser-{}", std::process::id());
    let tree = std::env::temp_dir().join(name);
    std::fs::create_dir_all(tree.join("root")).unwrap();
    std::fs::write(tree.join("root/index.html"), PAGE).unwrap();
    std::fs::write(tree.join("root/page.js"), SCRIPT).unwrap();
    let (report, shown) = std::sync::mpsc::channel();
    let router = Router::new()
        .websocket("/echo", |socket, _| {
            while let Some(message) = socket.receive()? {
                socket.send(message)?;
            }
            Ok(())
        })
        .get("/events", two)
        .post("/shown", move |request: &mut Request<'_>| {
            let _ = report.send(String::from_utf8(request.read_body().unwrap()).unwrap());
            Response::new(204)
        })
        .files(
            "/*path",
            Files::new(Root::read_only(tree.join("root")).unwrap()),
        );
    let server = Server::start(router);
    // `timeout` passes a signal on to all of the browser's processes.
    let browser = Running::start(
        Command::new("timeout")
            .args(["-k", "5", "110", "chromium", "--headless", "--no-sandbox"])
            .args(["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .arg("--remote-debugging-port=0")
            .arg(format!(
                "--user-data-dir={}",
                tree.join("profile").display()
            ))
            .arg(format!("http://{}/", server.address()))
            .stdin(Stdio::null()),
    );
    let shown = shown.recv_timeout(Duration::from_secs(100));
    browser.signal("TERM");
    let ended = browser.end();
    let _ = std::fs::remove_dir_all(&tree);
    let shown = shown.unwrap_or_else(|_| panic!("the page has not said anything: {ended}"));
    for expected in [
        "<p id=\"socket\">text ä 1,2,3 1000</p>",
        "<p id=\"events\">1=line/1 2=line/2 3=line/3 4=line/4</p>",
    ] {
        assert!(shown.contains(expected), "{shown}\n{ended}");
    }
}
