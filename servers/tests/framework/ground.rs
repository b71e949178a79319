//! The table that tests run over, servers of either family, and their clients.

use crate::watchdog::watchdog;
use greenroom::Runtime;
use greenroom::net::{SocketAddr, TcpStream};
use greenroom::os::unix::net::{self as unix, UnixStream};
use greenroom_servers::{
    Client, Concurrency, Handler, Limits, Running, Stopper, Stream, TcpServer, Totals, UnixServer,
};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longer than any test.
pub(crate) const FOREVER: Duration = Duration::from_secs(3600);

/// A time that passes during the test.
pub(crate) const SHORT: Duration = Duration::from_millis(30);

pub(crate) const MODES: [Concurrency; 4] = [
    Concurrency::GreenThread,
    Concurrency::Inline,
    Concurrency::OsThread,
    Concurrency::Pool(3),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Tcp,
    Unix,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) workers: usize,
    pub(crate) mode: Concurrency,
    pub(crate) family: Family,
}

/// Runs `test` in a green thread for each mode, family and number of workers.
#[track_caller]
pub(crate) fn in_every_mode(test: impl Fn(Case) + Sync) {
    in_modes(&MODES, test);
}

#[track_caller]
pub(crate) fn in_modes(modes: &[Concurrency], test: impl Fn(Case) + Sync) {
    let _watchdog = watchdog();
    crate::logged::begin();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        for &mode in modes {
            for family in [Family::Tcp, Family::Unix] {
                let case = Case {
                    workers,
                    mode,
                    family,
                };
                println!("{case:?}");
                runtime.run(|| test(case));
            }
        }
    }
}

/// Yields until `is_so`.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        greenroom::thread::sleep(Duration::from_micros(200));
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain");
    }
}

pub(crate) enum Server {
    Tcp(TcpServer),
    Unix(UnixServer),
}

pub(crate) enum Live {
    Tcp(Running),
    Unix(Running<unix::SocketAddr>),
}

#[derive(Clone)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(unix::SocketAddr),
}

impl Case {
    pub(crate) fn server(self) -> Server {
        match self.family {
            Family::Tcp => Server::Tcp(
                TcpServer::bind("127.0.0.1:0")
                    .unwrap()
                    .concurrency(self.mode),
            ),
            Family::Unix => Server::Unix(UnixServer::bind("").unwrap().concurrency(self.mode)),
        }
    }

    /// A server with generous limits.
    pub(crate) fn start(self, handler: impl Handler) -> Live {
        self.server().limits(generous()).start(handler)
    }
}

pub(crate) fn generous() -> Limits {
    Limits {
        idle_timeout: None,
        request_timeout: None,
        ..Limits::default()
    }
}

impl Server {
    pub(crate) fn limits(self, limits: Limits) -> Server {
        match self {
            Server::Tcp(server) => Server::Tcp(server.limits(limits)),
            Server::Unix(server) => Server::Unix(server.limits(limits)),
        }
    }

    pub(crate) fn reject_with(self, text: &str) -> Server {
        match self {
            Server::Tcp(server) => Server::Tcp(server.reject_with(text)),
            Server::Unix(server) => Server::Unix(server.reject_with(text)),
        }
    }

    pub(crate) fn stopper(&self) -> Stopper {
        match self {
            Server::Tcp(server) => server.stopper(),
            Server::Unix(server) => server.stopper(),
        }
    }

    pub(crate) fn address(&self) -> Address {
        match self {
            Server::Tcp(server) => Address::Tcp(server.local_addr().unwrap()),
            Server::Unix(server) => Address::Unix(server.local_addr().unwrap()),
        }
    }

    pub(crate) fn start(self, handler: impl Handler) -> Live {
        match self {
            Server::Tcp(server) => Live::Tcp(server.serve_in_background(handler).unwrap()),
            Server::Unix(server) => Live::Unix(server.serve_in_background(handler).unwrap()),
        }
    }

    pub(crate) fn serve_forever(self, handler: impl Handler) -> Totals {
        match self {
            Server::Tcp(server) => server.serve_forever(handler).unwrap(),
            Server::Unix(server) => server.serve_forever(handler).unwrap(),
        }
    }
}

impl Address {
    pub(crate) fn connect(&self) -> io::Result<Stream> {
        Ok(match self {
            Address::Tcp(address) => TcpStream::connect(address)?.into(),
            Address::Unix(address) => UnixStream::connect_addr(address)?.into(),
        })
    }
}

impl Live {
    pub(crate) fn address(&self) -> Address {
        match self {
            Live::Tcp(running) => Address::Tcp(running.local_addr()),
            Live::Unix(running) => Address::Unix(running.local_addr()),
        }
    }

    pub(crate) fn connect(&self) -> Stream {
        self.address().connect().unwrap()
    }

    pub(crate) fn totals(&self) -> Totals {
        match self {
            Live::Tcp(running) => running.totals(),
            Live::Unix(running) => running.totals(),
        }
    }

    pub(crate) fn stopper(&self) -> Stopper {
        match self {
            Live::Tcp(running) => running.stopper(),
            Live::Unix(running) => running.stopper(),
        }
    }

    pub(crate) fn shutdown(self, grace: Duration) -> Totals {
        match self {
            Live::Tcp(running) => running.shutdown(grace),
            Live::Unix(running) => running.shutdown(grace),
        }
    }
}

/// Reads one byte.
pub(crate) fn byte(mut stream: &Stream) -> u8 {
    let mut buf = [0];
    stream.read_exact(&mut buf).unwrap();
    buf[0]
}

/// Waits for the end of the stream, or for its reset.
pub(crate) fn drained(mut stream: &Stream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

/// How often each part of a handler was called, and what `handle` does.
#[derive(Clone)]
pub(crate) struct Parts<F> {
    pub(crate) calls: Arc<[AtomicUsize; 3]>,
    handle: F,
}

pub(crate) fn parts<F: Fn(&mut Client) -> io::Result<()>>(handle: F) -> Parts<F> {
    Parts {
        calls: Arc::default(),
        handle,
    }
}

/// Of setup, handle, finish.
pub(crate) fn calls(calls: &[AtomicUsize; 3]) -> [usize; 3] {
    [0, 1, 2].map(|part| calls[part].load(Ordering::SeqCst))
}

impl<F> Handler for Parts<F>
where
    F: Fn(&mut Client) -> io::Result<()> + Send + Sync + 'static,
{
    fn setup(&self, _: &mut Client) -> io::Result<()> {
        self.calls[0].fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn handle(&self, client: &mut Client) -> io::Result<()> {
        self.calls[1].fetch_add(1, Ordering::SeqCst);
        (self.handle)(client)
    }

    fn finish(&self, client: &mut Client) {
        // Parks, on its way out: a cancellation must not cut it in half.
        greenroom::thread::yield_now();
        let _ = client.write_all(b".");
        greenroom::thread::sleep(Duration::from_millis(1));
        self.calls[2].fetch_add(1, Ordering::SeqCst);
    }
}

/// Sends back what comes.
pub(crate) fn echo(client: &mut Client) -> io::Result<()> {
    let mut buf = [0; 512];
    loop {
        match client.read(&mut buf)? {
            0 => return Ok(()),
            count => client.write_all(&buf[..count])?,
        }
    }
}

/// Says that it is there, then does what it is told by a byte.
pub(crate) fn obey(client: &mut Client) -> io::Result<()> {
    client.write_all(b"!")?;
    let mut order = [0];
    while client.read(&mut order)? > 0 {
        match order[0] {
            b'p' => panic!("told to panic"),
            b'e' => return Err(io::Error::other("told to fail")),
            b'q' => return Ok(()),
            other => client.write_all(&[other])?,
        }
    }
    Ok(())
}
