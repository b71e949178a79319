//! Files that are long, and files and clients that change their mind in the middle.

use crate::ground::{Answer, Server, Tree, pattern, read_head};
use crate::watchdog::watchdog;
use greenroom_servers::http::{Http, Router};
use greenroom_servers::root::Root;
use greenroom_servers::{Concurrency, Limits, TcpServer, UnixServer};
use rustix::fs::{Advice, fadvise};
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// More than the buffers of a connection hold.
const LONG: usize = 24 << 20;

fn begin(server: &Server) -> BufReader<TcpStream> {
    let mut stream = server.connect();
    stream
        .write_all(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader);
    assert_eq!(head.field("content-length"), Some(&*LONG.to_string()));
    reader
}

#[test]
fn long_file_comes_whole_and_the_connection_goes_on() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let contents = pattern(LONG);
    tree.file("file", &contents);
    let server = Server::start(&tree);
    let mut reader = begin(&server);
    for _ in 0..2 {
        let mut body = vec![0; LONG];
        reader.read_exact(&mut body).unwrap();
        assert!(body == contents);
        reader
            .get_mut()
            .write_all(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        read_head(&mut reader);
    }
}

/// Not in the page cache, where the file system lets go of it: read by the pool, not by `sendfile`.
#[test]
fn long_file_that_is_not_in_memory_comes_whole() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let contents = pattern(LONG);
    let path = tree.file("file", &contents);
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let server = Server::start(&tree);
    let mut body = vec![0; LONG];
    begin(&server).read_exact(&mut body).unwrap();
    assert!(body == contents);
}

#[test]
fn pipelined_files_come_in_order() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    tree.file("small", "small");
    tree.file("large", vec![b'x'; 300_000]);
    let server = Server::start(&tree);
    let mut stream = server.connect();
    let names = ["small", "large", "small", "nothing", "large", "small"];
    for name in names {
        write!(stream, "GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    let mut reader = BufReader::new(stream);
    for name in names {
        let head = read_head(&mut reader);
        let length: usize = head.field("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        match name {
            "small" => assert_eq!(body, b"small"),
            "large" => assert_eq!(body.len(), 300_000),
            _ => assert_eq!(head.status, 404),
        }
    }
}

#[test]
fn file_cut_short_meanwhile_ends_the_connection_early() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let path = tree.file("file", vec![b'x'; LONG]);
    let server = Server::start(&tree);
    let mut reader = begin(&server);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(1000)
        .unwrap();
    let mut body = Vec::new();
    match reader.read_to_end(&mut body) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    // What is under way refers to the page cache, whose last page is zeroed behind its new end.
    assert!(body.len() < LONG, "the length is never made up");
}

#[test]
fn file_replaced_meanwhile_is_the_old_one_to_its_end() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let path = tree.file("file", vec![b'x'; LONG]);
    let server = Server::start(&tree);
    let mut reader = begin(&server);
    let next = tree.file("next", vec![b'y'; LONG / 2]);
    fs::rename(next, path).unwrap();
    let mut body = vec![0; LONG];
    reader.read_exact(&mut body).unwrap();
    assert!(body.iter().all(|&byte| byte == b'x'));
    assert_eq!(server.get("/file").body.len(), LONG / 2);
}

#[test]
fn client_that_reads_nothing_is_cut_at_the_limit() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    tree.file("file", vec![b'x'; LONG]);
    let limits = Limits {
        idle_timeout: Some(Duration::from_millis(200)),
        ..Limits::default()
    };
    let server = Server::with(&tree, |files| files, limits);
    let mut reader = begin(&server);
    while server.timeouts() == 0 {
        std::thread::yield_now();
    }
    let mut body = Vec::new();
    let _ = reader.read_to_end(&mut body);
    assert!(body.len() < LONG);
}

#[test]
fn client_that_reads_steadily_but_too_slowly_is_cut_in_the_middle() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    tree.file("file", vec![b'x'; LONG]);
    let root = Root::read_only(tree.root()).unwrap();
    let http = Http::new(Router::new().files("/*path", root));
    let listener = greenroom::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // Its connections have as little. With much there would be room once in many seconds only.
    socket2::SockRef::from(&listener)
        .set_send_buffer_size(16 << 10)
        .unwrap();
    let limits = Limits {
        // Much longer than the peer's window stays shut.
        idle_timeout: Some(Duration::from_secs(3)),
        write_rate_min: 16 << 20,
        ..Limits::default()
    };
    let server = TcpServer::from(listener).limits(limits);
    let server = server.serve_in_background(http).unwrap();
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    socket2::SockRef::from(&stream)
        .set_recv_buffer_size(64 << 10)
        .unwrap();
    stream
        .write_all(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let begun = Instant::now();
    while let Ok(1..) = stream.read(&mut [0; 2048]) {
        // A slow reader: this is what it waits, not what the test waits for.
        std::thread::sleep(Duration::from_millis(2));
        assert!(begun.elapsed() < Duration::from_secs(12), "not cut");
    }
    let totals = server.shutdown(Duration::from_secs(60));
    assert_eq!((totals.timeouts, totals.open), (1, 0));
}

#[test]
fn client_that_leaves_in_the_middle_harms_nobody() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    tree.file("file", vec![b'x'; LONG]);
    let server = Server::start(&tree);
    for _ in 0..20 {
        drop(begin(&server));
    }
    assert_eq!(server.ask("HEAD", "/file", "").status, 200);
}

#[test]
fn long_file_comes_whole_however_clients_are_served() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let contents = pattern(LONG / 8);
    tree.file("file", &contents);
    let http = || {
        let root = Root::read_only(tree.root()).unwrap();
        Http::new(Router::new().files("/*path", root))
    };
    let request = b"GET /file HTTP/1.0\r\n\r\n";
    let check = |stream: &mut dyn ReadWrite| {
        stream.write_all(request).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        assert!(Answer::of(&bytes).body == contents);
    };
    for concurrency in [
        Concurrency::OsThread,
        Concurrency::Inline,
        Concurrency::Pool(1),
    ] {
        let server = TcpServer::bind("127.0.0.1:0")
            .unwrap()
            .concurrency(concurrency);
        let server = server.serve_in_background(http()).unwrap();
        check(&mut TcpStream::connect(server.local_addr()).unwrap());
        server.shutdown(Duration::from_secs(60));
    }
    let path = tree.0.join("socket");
    let server = UnixServer::bind(&path).unwrap();
    let server = server.serve_in_background(http()).unwrap();
    check(&mut UnixStream::connect(&path).unwrap());
    server.shutdown(Duration::from_secs(60));
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}
