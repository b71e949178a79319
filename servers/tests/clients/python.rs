//! CPython's http.client and urllib, and its sockets where these do not reach.

use crate::ground::{Folder, Served, output};
use crate::watchdog::watchdog;

const SCRIPT: &str = r#"
import http.client, socket, sys, urllib.error, urllib.request
port = int(sys.argv[1])
SMALL, LARGE = b"fifteen bytes.\n", bytes(n % 251 for n in range(3_000_000))

# One connection for all of them.
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
connection.connect()
sock = connection.sock
def ask(method, path, body=None, headers={}, **more):
    connection.request(method, path, body, headers, **more)
    answer = connection.getresponse()
    return answer, answer.status, answer.read()
answer, *rest = ask("GET", "/small.txt")
assert rest == [200, SMALL] and answer.version == 11, rest
tag = answer.headers["ETag"]
assert ask("HEAD", "/small.txt")[1:] == (200, b"")
assert ask("GET", "/small.txt", headers={"If-None-Match": tag})[1:] == (304, b"")
assert ask("GET", "/large.bin")[1:] == (200, LARGE)
assert ask("GET", "/large.bin", headers={"Range": "bytes=1000000-1999999"})[1:] == (206, LARGE[1000000:2000000])
assert ask("GET", "/nowhere")[1] == 404
# Uploads that nobody wants, and the connection stays: by length, and in chunks.
assert ask("PUT", "/small.txt", b"x" * 1000)[1] == 405
chunks = (b"x" * size for size in (1, 1000, 20000))
assert ask("POST", "/small.txt", chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})[1] == 405
assert ask("GET", "/small.txt")[1:] == (200, SMALL)
assert connection.sock is sock, "another connection"
# Too much of it: the answer is there, although the body was not wanted.
assert ask("POST", "/small.txt", b"", headers={"Content-Length": "1048577"})[1] == 413
connection.close()

# Pipelined, in two pieces that end in the middle of a request.
requests = b"".join(b"GET /%s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path, last) for path, last in
    [(b"small.txt", b""), (b"nowhere", b""), (b"large.bin", b""), (b"small.txt", b"Connection: close\r\n")])
with socket.create_connection(("127.0.0.1", port), timeout=60) as raw:
    raw.sendall(requests[:100])
    raw.sendall(requests[100:])
    stream = raw.makefile("rb")
    class Shared:
        def makefile(self, mode): return self
        def close(self): pass
        def __getattr__(self, name): return getattr(stream, name)
    for wanted in (200, SMALL), (404, None), (200, LARGE), (200, SMALL):
        answer = http.client.HTTPResponse(Shared())
        answer.begin()
        body = answer.read()
        assert answer.status == wanted[0] and wanted[1] in (None, body), (answer.status, body[:100])
    assert stream.read() == b""

# urllib: a connection for each.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
base = f"http://127.0.0.1:{port}"
with opener.open(base + "/small.txt", timeout=60) as answer:
    assert answer.read() == SMALL and answer.headers["Content-Type"] == "text/plain; charset=utf-8"
with opener.open(base + "/folder", timeout=60) as answer:
    assert answer.read() == b"index" and answer.url.endswith("/folder/")
try:
    opener.open(base + "/nowhere", timeout=60)
    raise AssertionError("it is there")
except urllib.error.HTTPError as error:
    assert error.code == 404
    error.close()
print("done")
"#;

#[test]
fn python_keeps_its_connection_pipelines_and_opens_urls() {
    let _watchdog = watchdog();
    let folder = Folder::site();
    let large: Vec<u8> = (0..251).cycle().take(3_000_000).collect();
    folder.file("large.bin", large);
    std::fs::create_dir(folder.path("folder")).unwrap();
    folder.file("folder/index.html", "index");
    let server = Served::http(&folder, &["--workers", "2"]);
    let Some(printed) = output("python3", &["-c", SCRIPT, &server.port()], b"") else {
        return;
    };
    assert_eq!(printed, "done\n");
    let (totals, ended) = server.end();
    totals.assert_smooth();
    // One, the pipelined one, and three of urllib's with a redirection.
    assert_eq!(totals.served, 1 + 1 + 4, "{ended}");
}
