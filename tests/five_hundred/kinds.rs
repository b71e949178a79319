//! The kinds of calls: each makes five hundred closures that block for good.

use super::CROWD;
use greenroom::fs::File;
use greenroom::io::{self, Read, Write};
use greenroom::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use greenroom::os::unix::net::UnixStream;
use greenroom::process::{Command, Stdio};
use greenroom::sync::{Condvar, Mutex, mpsc};
use greenroom::thread;
use std::os::linux::net::SocketAddrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const FOREVER: Duration = Duration::from_secs(3600);

type Body = Box<dyn FnOnce() + Send>;

/// Who blocks, and how many of them must.
pub(crate) struct Crowd {
    pub(crate) bodies: Vec<Body>,
    pub(crate) at_least: usize,
    /// What they wait for, in the words of `greenroom::waiting`; for some it takes a while to get there.
    pub(crate) reason: &'static str,
}

/// `body` is called with 0, 1, …
fn crowd<F: FnOnce() + Send + 'static>(body: impl FnMut(usize) -> F) -> Crowd {
    let bodies = (0..CROWD).map(body);
    Crowd {
        bodies: bodies.map(|body| Box::new(body) as Body).collect(),
        at_least: CROWD,
        reason: "",
    }
}

/// Kept to the end of the process.
fn keep<T>(value: T) {
    std::mem::forget(value);
}

fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

pub(crate) fn accept() -> Crowd {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    crowd(|_| {
        let listener = Arc::clone(&listener);
        move || keep(listener.accept())
    })
}

pub(crate) fn read() -> Crowd {
    crowd(|_| {
        let (mut client, server) = connected();
        keep(server);
        move || keep(client.read(&mut [0; 8]))
    })
}

pub(crate) fn write() -> Crowd {
    crowd(|_| {
        let (mut client, server) = connected();
        keep(server);
        move || keep(client.write_all(&vec![0; 32 << 20]))
    })
}

pub(crate) fn recv_from() -> Crowd {
    crowd(|_| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        move || keep(socket.recv_from(&mut [0; 8]))
    })
}

/// A backlog of std's size that nobody accepts from: whoever comes later gets no answer to his SYN.
pub(crate) fn connect() -> Crowd {
    const BACKLOG: usize = 128;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    keep(listener);
    for _ in 0..=BACKLOG {
        keep(TcpStream::connect(addr).unwrap());
    }
    crowd(|_| move || keep(TcpStream::connect(addr)))
}

pub(crate) fn connect_unix() -> Crowd {
    const BACKLOG: usize = 8192;
    let name = format!("greenroom-five-hundred-{}", std::process::id());
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    let listener = std::os::unix::net::UnixListener::bind_addr(&addr).unwrap();
    // Filled from another thread, which then waits like everybody else.
    let filler = {
        let addr = addr.clone();
        std::thread::spawn(move || {
            for _ in 0..BACKLOG {
                let stream = std::os::unix::net::UnixStream::connect_addr(&addr);
                keep(stream.unwrap());
            }
        })
    };
    keep((listener, filler));
    crowd(|_| {
        let addr = addr.clone();
        move || loop {
            keep(UnixStream::connect_addr(&addr));
        }
    })
}

pub(crate) fn child() -> Crowd {
    let children = crowd(|_| {
        move || {
            // `wait` would close it: the child lives as long as this process.
            let mut cat = Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            keep(cat.stdin.take());
            keep(cat.wait());
        }
    });
    Crowd {
        reason: "child",
        ..children
    }
}

pub(crate) fn pipe() -> Crowd {
    crowd(|_| {
        let (mut reader, writer) = io::pipe().unwrap();
        keep(writer);
        move || keep(reader.read(&mut [0; 8]))
    })
}

pub(crate) fn stdin() -> Crowd {
    crowd(|_| || keep(io::stdin().read_line(&mut String::new())))
}

/// A FIFO of this process.
fn fifo(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("greenroom-{name}-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    path
}

pub(crate) fn fifo_read() -> Crowd {
    let path = fifo("read");
    let both_ends = File::options().read(true).write(true).open(&path).unwrap();
    let mut ends: Vec<File> = (0..CROWD).map(|_| File::open(&path).unwrap()).collect();
    std::fs::remove_file(&path).unwrap();
    keep(both_ends);
    crowd(|_| {
        let mut end = ends.pop().unwrap();
        move || keep(end.read(&mut [0; 8]))
    })
}

pub(crate) fn fifo_open() -> Crowd {
    let path = fifo("open");
    crowd(|_| {
        let path = path.clone();
        move || keep(File::open(path))
    })
}

pub(crate) fn file_lock() -> Crowd {
    let path = std::env::temp_dir().join(format!("greenroom-lock-{}", std::process::id()));
    let owner = File::create(&path).unwrap();
    owner.lock().unwrap();
    keep(owner);
    let mut files: Vec<File> = (0..CROWD).map(|_| File::open(&path).unwrap()).collect();
    std::fs::remove_file(&path).unwrap();
    crowd(|_| {
        let file = files.pop().unwrap();
        move || keep(file.lock())
    })
}

pub(crate) fn name() -> Crowd {
    crowd(|n| move || keep(format!("host-{n}:80").to_socket_addrs()))
}

pub(crate) fn lock() -> Crowd {
    let mutex = Arc::new(Mutex::new(()));
    let owner = Arc::clone(&mutex);
    thread::spawn(move || {
        let _guard = owner.lock().unwrap();
        thread::sleep(FOREVER);
    });
    while mutex.try_lock().is_ok() {
        thread::yield_now();
    }
    crowd(|_| {
        let mutex = Arc::clone(&mutex);
        move || keep(mutex.lock().map(drop))
    })
}

pub(crate) fn condvar() -> Crowd {
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    crowd(|_| {
        let pair = Arc::clone(&pair);
        move || {
            let guard = pair.0.lock().unwrap();
            drop(pair.1.wait_while(guard, |done| !*done));
        }
    })
}

pub(crate) fn recv() -> Crowd {
    crowd(|_| {
        let (sender, receiver) = mpsc::channel::<()>();
        keep(sender);
        move || keep(receiver.recv())
    })
}

pub(crate) fn sleep() -> Crowd {
    crowd(|_| || thread::sleep(FOREVER))
}

pub(crate) fn park() -> Crowd {
    crowd(|_| thread::park)
}
