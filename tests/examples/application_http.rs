//! The web server of the notes: by curl, by CPython's `http.client`, by hand, and by those who ask for more.

use super::installed::is_installed;
use super::run::{Server, python, run};
use super::watchdog::watchdog;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

/// A directory to serve, with a secret beside it.
struct Site(PathBuf);

impl Site {
    fn new(name: &str) -> Site {
        let path = std::env::temp_dir().join(format!("greenroom-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("root")).unwrap();
        fs::write(path.join("secret"), "secret").unwrap();
        fs::write(path.join("root/index.html"), "<h1>hello</h1>").unwrap();
        Site(path)
    }

    fn serve(&self) -> Server {
        let root = self.0.join("root");
        Server::start("http_server", &["--root", root.to_str().unwrap()])
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sends these bytes, and reads to the end.
fn raw(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn http_server_gives_the_page_or_says_that_there_is_none() {
    let _watchdog = watchdog();
    let site = Site::new("http-page");
    let server = site.serve();
    let page = raw(
        &server,
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(
        page.ends_with("\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<h1>hello</h1>"),
        "{page}"
    );
    let nothing = raw(&server, "GET /nothing HTTP/1.0\r\n\r\n");
    assert!(
        nothing.starts_with("HTTP/1.1 404 Not Found\r\n"),
        "{nothing}"
    );
    server.assert_output();
}

#[test]
fn http_server_answers_curl() {
    let _watchdog = watchdog();
    let site = Site::new("http-curl");
    fs::write(site.0.join("root/404.html"), "gone").unwrap();
    let server = site.serve();
    let curl = |path: &str| {
        let url = format!("http://{}{path}", server.address);
        let args = [
            "-sS",
            "--max-time",
            "60",
            "--path-as-is",
            "-w",
            " %{http_code}",
            &url,
        ];
        Command::new("curl").args(args).output()
    };
    if !is_installed("curl") {
        return;
    }
    for (path, expected) in [
        ("/", "<h1>hello</h1> 200"),
        ("/index.html", "<h1>hello</h1> 200"),
        ("/nothing", "gone 404"),
        ("/../secret", "gone 404"),
        ("/%2e%2e/secret", "gone 404"),
    ] {
        let output = curl(path).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{path}");
    }
}

#[test]
fn http_server_answers_http_client_of_python() {
    let _watchdog = watchdog();
    let site = Site::new("http-python");
    let server = site.serve();
    let script = "
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=60)
for method, path in ('GET', '/'), ('HEAD', '/'), ('GET', '/nothing'), ('GET', '/index.html'):
    connection.request(method, path)
    answer = connection.getresponse()
    print(answer.status, answer.getheader('Content-Type'), answer.read().decode().strip())
";
    let Some(output) = python(script, &[&server.port()]) else {
        return;
    };
    let expected = "200 text/html; charset=utf-8 <h1>hello</h1>\n\
                    200 text/html; charset=utf-8 \n\
                    404 text/plain; charset=utf-8 404 Not Found\n\
                    200 text/html; charset=utf-8 <h1>hello</h1>\n";
    assert_eq!(output.stdout, expected, "{output}");
    let ended = server.interrupt();
    assert!(
        ended
            .stdout
            .ends_with("GET /index.html\nserved 1 clients\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn http_server_shows_nothing_that_a_terminal_obeys() {
    let _watchdog = watchdog();
    let site = Site::new("http-terminal");
    let server = site.serve();
    let answer = raw(&server, "GET /\x1b[2J HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = raw(&server, "GET /%1b[2J HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let ended = server.interrupt();
    assert!(!ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'));
}

#[test]
fn http_server_that_cannot_serve_says_why() {
    let _watchdog = watchdog();
    let ended = run("http_server", &["--root", "/no such directory"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.stderr.contains("cannot serve /no such directory: "),
        "{}",
        ended.stderr
    );
    let ended = run("http_server", &["--prot", "1"]);
    assert_eq!(ended.status.code(), Some(2));
    let site = Site::new("http-taken");
    let server = site.serve();
    let ended = run("http_server", &["--port", &server.port()]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.stderr.contains("cannot listen on "),
        "{}",
        ended.stderr
    );
}
