//! A scheduler in a hundred lines: a queue of those who can run, an epoll for those who wait, generators for
//! those who do. An echo server and its clients run on it, in one thread.
//!
//! Port of: no program of the notes; the step between their generators and gevent (file 002, the chapters
//! "coroutines" and "event-driven").
//!
//! Run: `cargo run --example tiny_scheduler -- [--port 8007] [--clients 3] [--serve]`
//!
//! Try: `--serve`, and `nc 127.0.0.1 8007` in other terminals. Then read `runtime/sched/worker.rs`: what became
//! of `Scheduler::run` there, and why it is longer.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8007
//! client 1 got "hello"
//! client 2 got "hello"
//! client 3 got "hello"
//! client 1 got "again"
//! client 2 got "again"
//! client 3 got "again"
//! nobody is left; … tasks have run, in … turns
//! ```

mod cli;

use greenroom::generator::{Generator, Yielder};
use greenroom::multiplex::{EPOLLIN, EPOLLONESHOT, EPOLLOUT, EpollFlags};
use greenroom::raw::Epoll;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::rc::Rc;

/// All connect before the server runs: that many the kernel keeps for it.
const CLIENTS_MAX: usize = 128;

fn main() -> ExitCode {
    let args = cli::parse(
        "usage: tiny_scheduler [--port PORT] [--clients N] [--serve]",
        &[
            ("--port", "8007"),
            ("--clients", "3"),
            ("--serve", cli::OFF),
        ],
    );
    let clients = args.get("--clients");
    if clients > CLIENTS_MAX {
        args.refuse(format!(
            "--clients {clients}: at most {CLIENTS_MAX}, which the listener's queue holds"
        ));
    }
    match run(args.get("--port"), clients, args.is_on("--serve")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tiny_scheduler: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(port: u16, clients: usize, serves: bool) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    println!("listening on {address}");
    let scheduler = Rc::new(Scheduler {
        ready: RefCell::default(),
        waiting: RefCell::default(),
        epoll: Epoll::new()?,
    });
    let limit = if serves { usize::MAX } else { clients };
    let own = Rc::clone(&scheduler);
    scheduler.spawn(move |y| report("the server", server(y, &own, &listener, limit)));
    for number in 1..=if serves { 0 } else { clients } {
        let stream = TcpStream::connect(address)?;
        stream.set_nonblocking(true)?;
        scheduler.spawn(move |y| report("a client", client(y, number, &stream)));
    }
    let (tasks, turns) = scheduler.run()?;
    println!("nobody is left; {tasks} tasks have run, in {turns} turns");
    Ok(())
}

// The scheduler: from here to the next such line.

/// What a task yields: what it waits for. What it is sent: nothing.
type Wait = (RawFd, EpollFlags);
type Task = Generator<(), Wait>;
type Parker = Yielder<(), Wait>;

/// The whole state: who can run, who waits for which descriptor.
struct Scheduler {
    ready: RefCell<VecDeque<Task>>,
    waiting: RefCell<HashMap<RawFd, Task>>,
    epoll: Epoll,
}

impl Scheduler {
    fn spawn(&self, body: impl FnOnce(&Parker) + 'static) {
        self.ready.borrow_mut().push_back(Generator::new(body));
    }

    /// Runs until nobody is left.
    fn run(&self) -> io::Result<(usize, usize)> {
        let (mut ended, mut turns) = (0, 0);
        loop {
            // The queue is not borrowed while a task runs: tasks spawn others.
            while let Some(mut task) = self.take_ready() {
                turns += 1;
                match task.next() {
                    Some(wait) => self.park(task, wait)?,
                    None => ended += 1,
                }
            }
            if self.waiting.borrow().is_empty() {
                return Ok((ended, turns));
            }
            // Nobody can run: sleep until the kernel knows of somebody who can.
            for (fd, _) in self.epoll.wait(64, None)? {
                let task = self.waiting.borrow_mut().remove(&fd);
                self.ready.borrow_mut().extend(task);
            }
        }
    }

    fn take_ready(&self) -> Option<Task> {
        self.ready.borrow_mut().pop_front()
    }

    fn park(&self, task: Task, (fd, events): Wait) -> io::Result<()> {
        // One shot: reported once, then silent until the next wait.
        let events = events | EPOLLONESHOT;
        match self.epoll.modify(fd, events) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.epoll.add(fd, events)?,
            done => done?,
        }
        let other = self.waiting.borrow_mut().insert(fd, task);
        assert!(
            other.is_none(),
            "one task waits for a descriptor; the real one has lists"
        );
        Ok(())
    }
}

/// The one way to wait: try, and if it would block, yield what to wait for. The loop of `runtime/io/evented.rs`.
fn wait_for<T>(
    y: &Parker,
    fd: &impl AsRawFd,
    events: EpollFlags,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                y.yield_((fd.as_raw_fd(), events));
            }
            done => return done,
        }
    }
}

fn read(y: &Parker, stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    wait_for(y, stream, EPOLLIN, || (&*stream).read(buf))
}

fn write_all(y: &Parker, stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = wait_for(y, stream, EPOLLOUT, || (&*stream).write(bytes))?;
        bytes = &bytes[n..];
    }
    Ok(())
}

// That was the scheduler. What follows are programs on it.

/// Accepts until `limit` clients have come; each is a task.
fn server(
    y: &Parker,
    scheduler: &Rc<Scheduler>,
    listener: &TcpListener,
    limit: usize,
) -> io::Result<()> {
    let (mut accepted, mut is_told) = (0, false);
    while accepted < limit {
        match wait_for(y, listener, EPOLLIN, || listener.accept()) {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                scheduler.spawn(move |y| report("a connection", echo(y, &stream)));
                (accepted, is_told) = (accepted + 1, false);
            }
            // No descriptor left, or a client that is gone already: others may fare better. The real one
            // pauses here (`runtime/io/backoff.rs`); this one has no clock, and looks at every turn.
            Err(error) => {
                if !is_told {
                    report("the server", Err(error));
                }
                is_told = true;
                y.yield_((listener.as_raw_fd(), EPOLLIN));
            }
        }
    }
    Ok(())
}

fn echo(y: &Parker, stream: &TcpStream) -> io::Result<()> {
    let mut buf = [0; 1024];
    loop {
        match read(y, stream, &mut buf)? {
            0 => return Ok(()),
            n => write_all(y, stream, &buf[..n])?,
        }
    }
}

fn client(y: &Parker, number: usize, stream: &TcpStream) -> io::Result<()> {
    for text in ["hello", "again"] {
        write_all(y, stream, text.as_bytes())?;
        let mut buf = [0; 5];
        let mut got = 0;
        while got < buf.len() {
            match read(y, stream, &mut buf[got..])? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => got += n,
            }
        }
        println!("client {number} got {:?}", String::from_utf8_lossy(&buf));
    }
    Ok(())
}

fn report(who: &str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        eprintln!("{who}: {error}");
    }
}
