//! The files of Unix sockets: whose they are, and when they go.

use crate::ground::{FOREVER, echo};
use crate::watchdog::watchdog;
use greenroom::os::unix::net::UnixStream;
use greenroom_servers::UnixServer;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A directory that is gone at the end of the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-unix-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Place(path)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn answers(path: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(path) else {
        return false;
    };
    stream.write_all(b"x").unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    answer == *b"x"
}

#[test]
fn socket_file_comes_and_goes_with_its_server() {
    let _watchdog = watchdog();
    let place = Place::new();
    for is_dropped in [false, true] {
        let server = UnixServer::bind(place.socket()).unwrap();
        let running = server.serve_in_background(echo).unwrap();
        assert!(answers(&place.socket()));
        if is_dropped {
            drop(running);
        } else {
            running.shutdown(Duration::from_secs(5));
        }
        assert!(!place.socket().exists());
    }
    drop(UnixServer::bind(place.socket()).unwrap());
    assert!(!place.socket().exists(), "never served");
}

#[test]
fn socket_that_somebody_listens_on_is_in_use() {
    let _watchdog = watchdog();
    let place = Place::new();
    let running = UnixServer::bind(place.socket()).unwrap();
    let running = running.serve_in_background(echo).unwrap();
    for _ in 0..2 {
        let refused = UnixServer::bind(place.socket()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
        assert!(answers(&place.socket()), "still the first one's");
    }
    running.shutdown(FOREVER);
}

#[test]
fn socket_whose_queue_is_full_is_in_use() {
    let _watchdog = watchdog();
    let place = Place::new();
    // std's listener has room for 128 and some.
    let _busy = UnixListener::bind(place.socket()).unwrap();
    let mut waiting = Vec::new();
    let connect = || {
        greenroom::timeout(Duration::from_millis(50), || {
            UnixStream::connect(place.socket())
        })
    };
    while let Ok(Ok(stream)) = connect() {
        waiting.push(stream);
        if waiting.len() > 5000 {
            return;
        }
    }
    let refused = UnixServer::bind(place.socket()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    assert!(place.socket().exists());
}

#[test]
fn stale_socket_is_replaced_and_what_is_no_socket_is_left() {
    let _watchdog = watchdog();
    let place = Place::new();
    drop(UnixListener::bind(place.socket()).unwrap());
    assert!(place.socket().exists(), "nobody has removed it");
    let running = UnixServer::bind(place.socket()).unwrap();
    let running = running.serve_in_background(echo).unwrap();
    assert!(answers(&place.socket()));
    running.shutdown(FOREVER);
    fs::write(place.socket(), "precious").unwrap();
    let refused = UnixServer::bind(place.socket()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    assert_eq!(fs::read(place.socket()).unwrap(), b"precious");
}

#[test]
fn many_that_start_on_one_stale_socket_become_one_server() {
    let _watchdog = watchdog();
    for _ in 0..500 {
        let place = Place::new();
        drop(UnixListener::bind(place.socket()).unwrap());
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let path = place.socket();
                std::thread::spawn(move || UnixServer::bind(path))
            })
            .collect();
        let bound: Vec<UnixServer> = starting
            .into_iter()
            .filter_map(|thread| thread.join().unwrap().ok())
            .collect();
        assert_eq!(bound.len(), 1, "the others are told that it is in use");
        let running = bound
            .into_iter()
            .map(|server| server.serve_in_background(echo).unwrap());
        let running: Vec<_> = running.collect();
        assert!(answers(&place.socket()));
        drop(running);
    }
}

#[test]
fn file_of_another_server_by_now_is_left() {
    let _watchdog = watchdog();
    let place = Place::new();
    let running = UnixServer::bind(place.socket()).unwrap();
    let running = running.serve_in_background(echo).unwrap();
    fs::remove_file(place.socket()).unwrap();
    let next = UnixServer::bind(place.socket()).unwrap();
    let next = next.serve_in_background(echo).unwrap();
    running.shutdown(FOREVER);
    assert!(answers(&place.socket()));
    next.shutdown(FOREVER);
    assert!(!place.socket().exists());
}

#[test]
fn bad_paths_and_names_are_refused() {
    let _watchdog = watchdog();
    let place = Place::new();
    let long = place.0.join("x".repeat(200));
    let nul = place.0.join("a\0b");
    for path in [long, nul] {
        let refused = UnixServer::bind(path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    }
    let refused = UnixServer::bind(place.0.join("none/socket")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let refused = UnixServer::bind_abstract([b'x'; 200]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}
