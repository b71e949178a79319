//! `serve`: accepting on every worker, one green thread per connection, an end with a grace.
//!
//! Each worker runs an acceptor on a descriptor of its own for the one listening socket, watched
//! exclusively, so that a connection wakes one idle worker. A connection stays with the worker that
//! accepted it unless that one has many more than another. Never `SO_REUSEPORT`: it would hide a port
//! that is taken, and reset queued connections when a process leaves.
//!
//! Rejected: one acceptor that hands out connections (its worker becomes the bottleneck, every
//! connection crosses threads).

use super::SocketAddr;
use super::listener::Listener;
use super::naming::Naming;
use super::registry::Registry;
use super::verdict::{Verdict, verdict};
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sched::{current, place};
use crate::sys::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sys::clock::{deadline_after, now_ns};
use crate::sys::lock::Lock;
use crate::task::wait_queue::WaitQueue;
use crate::task::{TaskPtr, TaskRef, WaitReason, state::Wake};
use crate::thread::{self, Builder, JoinHandle};
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Arc;
use std::time::Duration;

/// First pause after the process has run out of descriptors; doubled until [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// An episode of refusals is over when none came for this long: an acceptor that is still refused
/// comes back after [`PAUSE_MAX`]. Not "when an accept succeeds": with several acceptors one may take
/// the last descriptor just as another one is refused.
const EPISODE_GAP_NS: u64 = 2 * PAUSE_MAX.as_secs() * 1_000_000_000;

/// How long `finish` waits for handlers that it has cancelled.
const UNWIND_LIMIT: Duration = Duration::from_secs(5);

/// A connection moves to another worker if its own has so many tasks more, and a quarter more.
const GAP_MIN: usize = 16;

/// So many may be on their way to another worker. They wait for that one alone, and it may compute; what
/// it has not begun is not among the tasks that are compared.
const SENT_MAX: usize = 8;

/// Counters of a server; a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeStats {
    /// Connections accepted so far.
    pub accepted: u64,
    /// Connections whose handler has not ended.
    pub open: u64,
    /// Connections that were gone before they could be accepted.
    pub aborted: u64,
    /// Times an accept failed for want of descriptors or memory.
    pub refused: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Handlers that were cancelled when the grace was over.
    pub cut_off: u64,
}

/// A server that accepts in the background. Dropping it stops accepting and leaves connections alone.
///
/// `A` is its listener's kind of address.
pub struct Server<A = SocketAddr> {
    acceptors: Vec<JoinHandle<()>>,
    state: Arc<State>,
    address: A,
}

#[derive(Default)]
struct Counters {
    accepted: AtomicU64,
    aborted: AtomicU64,
    refused: AtomicU64,
    panicked: AtomicU64,
}

struct State {
    naming: Naming,
    counters: Counters,
    open: Lock<Open>,
    /// Who waits for the last connection to end.
    waiters: Lock<WaitQueue>,
    /// When an acceptor was last refused, 0 for never: one log line for all of an episode.
    refused_at_ns: AtomicU64,
    /// Connections on their way, by the worker that they were sent to.
    sent: Box<[AtomicUsize]>,
}

struct Open {
    tasks: Registry,
    /// Accepted, and not in the handler yet.
    starting: u64,
    is_cut_off: bool,
}

/// Accepts connections on every worker of the current runtime and runs `handler` for each, in a green
/// thread of its own. The listener is a [`TcpListener`](super::TcpListener) or a
/// [`UnixListener`](crate::os::unix::net::UnixListener). Returns at once; never parks.
///
/// Accepting never runs far ahead of the handlers: a flood of clients waits in the kernel's queue. A
/// handler's panic ends its connection only. When descriptors run out (`EMFILE`, `ENFILE`) accepting
/// pauses, 10 ms doubling to 1 s, with one log line per episode; connections that were reset before
/// they were accepted are counted.
///
/// # Errors
/// No descriptor for the acceptors (one per worker), no stack.
///
/// # Examples
/// ```
/// use greenroom::net::{TcpListener, TcpStream, serve};
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// greenroom::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let server = serve(listener, |mut stream, _peer| {
///         let _ = stream.write_all(b"hello");
///     })?;
///     let mut text = String::new();
///     TcpStream::connect(server.local_addr())?.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     assert_eq!(server.finish(Duration::from_secs(1)).accepted, 1);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn serve<L, H>(listener: L, handler: H) -> io::Result<Server<L::Address>>
where
    L: Listener,
    H: Fn(L::Stream, L::Address) + Send + Sync + 'static,
{
    let naming = Naming {
        name: None,
        place: Location::caller(),
    };
    serve_as(naming, listener, handler)
}

/// As [`serve`], with green threads that are called something.
pub(crate) fn serve_as<L, H>(
    naming: Naming,
    listener: L,
    handler: H,
) -> io::Result<Server<L::Address>>
where
    L: Listener,
    H: Fn(L::Stream, L::Address) + Send + Sync + 'static,
{
    let address = listener.address()?;
    let workers = thread::with_group(|group| group.workers.len());
    let state = Arc::new(State {
        naming,
        counters: Counters::default(),
        open: Lock::new(Open {
            tasks: Registry::default(),
            starting: 0,
            is_cut_off: false,
        }),
        waiters: Lock::new(WaitQueue::new()),
        refused_at_ns: AtomicU64::new(0),
        sent: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
    });
    let handler = Arc::new(handler);
    let mut server = Server {
        acceptors: Vec::with_capacity(workers),
        state,
        address,
    };
    for worker in 0..workers {
        // Sound because the acceptor below goes on until it would block, after every pause too.
        let listener = listener.exclusive_clone()?;
        let (state, handler) = (Arc::clone(&server.state), Arc::clone(&handler));
        let acceptor = Builder::new()
            .name(format!("acceptor-{worker}"))
            .worker(worker)
            .spawn(move || accept_all(&listener, &state, &handler))?;
        server.acceptors.push(acceptor);
    }
    Ok(server)
}

impl<A> Server<A> {
    /// The address it listens on.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let server = greenroom::net::serve(listener, |_, _| {}).unwrap();
    /// assert_ne!(server.local_addr().port(), 0);
    /// ```
    pub fn local_addr(&self) -> A
    where
        A: Clone,
    {
        self.address.clone()
    }

    /// What it has done so far. Never parks.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let server = greenroom::net::serve(listener, |_, _| {}).unwrap();
    /// assert_eq!(server.stats().accepted, 0);
    /// ```
    pub fn stats(&self) -> ServeStats {
        self.state.stats()
    }

    /// Stops accepting: the port is free for others when this returns. Parks until the acceptors have
    /// ended. Open connections go on.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let mut server = greenroom::net::serve(listener, |_, _| {}).unwrap();
    /// server.stop_accepting();
    /// ```
    pub fn stop_accepting(&mut self) {
        self.cancel_acceptors();
        for acceptor in self.acceptors.drain(..) {
            // Cancelled, as asked.
            drop(acceptor.join());
        }
    }

    /// Acceptors end without unwinding, so this works with `panic = "abort"` too.
    fn cancel_acceptors(&self) {
        for acceptor in &self.acceptors {
            cancel(acceptor.task());
        }
    }

    /// Stops accepting, waits at most `grace` for open connections to end, cancels the others and waits
    /// up to 5 s until they have unwound. Parks. A handler that computes on and on, or is shielded,
    /// may be left: `open` counts it. With `panic = "abort"` connections cannot be cancelled: those
    /// that are left when the grace is over go on.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// let server = greenroom::net::serve(listener, |_, _| {}).unwrap();
    /// assert_eq!(server.finish(std::time::Duration::ZERO).open, 0);
    /// ```
    pub fn finish(mut self, grace: Duration) -> ServeStats {
        self.stop_accepting();
        let state = &self.state;
        if state.wait_until_idle(grace) {
            return state.stats();
        }
        if cfg!(panic = "abort") {
            return state.stats();
        }
        let cut_off = state.cut_off();
        state.wait_until_idle(UNWIND_LIMIT);
        ServeStats {
            cut_off,
            ..state.stats()
        }
    }
}

impl<A> Drop for Server<A> {
    fn drop(&mut self) {
        self.cancel_acceptors();
    }
}

impl<A: fmt::Debug> fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl State {
    fn stats(&self) -> ServeStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let open = self.open.lock();
        ServeStats {
            accepted: count(&self.counters.accepted),
            open: u64::try_from(open.tasks.len()).unwrap_or(u64::MAX) + open.starting,
            aborted: count(&self.counters.aborted),
            refused: count(&self.counters.refused),
            panicked: count(&self.counters.panicked),
            cut_off: 0,
        }
    }

    /// A connection was accepted, and goes to another worker if that is named.
    fn begin(self: &Arc<State>, sent_to: Option<usize>) -> Connection {
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.lock().starting += 1;
        if let Some(worker) = sent_to {
            self.sent[worker].fetch_add(1, Ordering::Relaxed);
        }
        Connection {
            state: Arc::clone(self),
            sent_to,
            place: None,
        }
    }

    /// An accept was refused; whether that is news.
    fn begins_episode(&self, now_ns: u64) -> bool {
        let before_ns = self.refused_at_ns.swap(now_ns, Ordering::Relaxed);
        before_ns == 0 || now_ns.saturating_sub(before_ns) > EPISODE_GAP_NS
    }

    fn cut_off(&self) -> u64 {
        let (tasks, starting) = {
            let mut open = self.open.lock();
            open.is_cut_off = true;
            let tasks: Vec<TaskRef> = open.tasks.iter().cloned().collect();
            (tasks, open.starting)
        };
        tasks.iter().for_each(cancel);
        u64::try_from(tasks.len()).unwrap_or(u64::MAX) + starting
    }

    fn wait_until_idle(&self, limit: Duration) -> bool {
        let idle = || {
            let open = self.open.lock();
            (open.tasks.is_empty() && open.starting == 0).then_some(())
        };
        let deadline_ns = deadline_after(limit);
        wait_list::wait(
            &self.waiters,
            WaitReason::Serve,
            deadline_ns,
            Mask::Masked,
            idle,
        ) == Outcome::Ready(())
    }
}

fn cancel(task: &TaskRef) {
    if task.header().state.cancel() == Wake::Enqueue {
        place::enqueue(TaskPtr::new(task.as_ptr()));
    }
}

/// A connection, from its accept to the end of its handler, whether that ever ran or not: a closure
/// that is dropped unrun, or refused a stack, must not leave `finish` waiting.
struct Connection {
    state: Arc<State>,
    /// The other worker, until it is there.
    sent_to: Option<usize>,
    /// Where the handler's task is registered, once it runs.
    place: Option<usize>,
}

impl Connection {
    // Relaxed: a bound, which acceptors of several workers may pass by one each.
    fn arrive(&mut self) {
        if let Some(worker) = self.sent_to.take() {
            self.state.sent[worker].fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The handler begins. `false`: the server is over.
    fn enter(&mut self) -> bool {
        self.arrive();
        let task = current::task().expect("because handlers are green threads");
        let mut open = self.state.open.lock();
        if open.is_cut_off {
            return false;
        }
        open.starting -= 1;
        self.place = Some(open.tasks.insert(TaskRef::of(task)));
        true
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.arrive();
        let is_last = {
            let mut open = self.state.open.lock();
            let task = match self.place {
                Some(place) => open.tasks.remove(place),
                None => {
                    open.starting -= 1;
                    None
                }
            };
            let is_last = open.tasks.is_empty() && open.starting == 0;
            drop(open);
            drop(task);
            is_last
        };
        if is_last {
            wait_list::wake_all(&self.state.waiters);
        }
    }
}

/// One worker's acceptor, until it is cancelled.
fn accept_all<L, H>(listener: &L, state: &Arc<State>, handler: &Arc<H>)
where
    L: Listener,
    H: Fn(L::Stream, L::Address) + Send + Sync + 'static,
{
    let mut pause = PAUSE_MIN;
    loop {
        let Some(accepted) = listener.accept_or_stop() else {
            return;
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = PAUSE_MIN;
                hand_over::<L, H>(stream, peer, state, handler);
            }
            Err(error) if verdict(&error) == Verdict::Pause => {
                state.counters.refused.fetch_add(1, Ordering::Relaxed);
                if state.begins_episode(now_ns()) {
                    log::warn!("accept: {error}; pausing until descriptors are free");
                }
                thread::rest(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
            // Whatever else accept(2) reports is the fault of one connection.
            Err(error) => {
                log::debug!("accept: {error}");
                state.counters.aborted.fetch_add(1, Ordering::Relaxed);
                thread::rest(Duration::ZERO);
            }
        }
    }
}

fn hand_over<L, H>(stream: L::Stream, peer: L::Address, state: &Arc<State>, handler: &Arc<H>)
where
    L: Listener,
    H: Fn(L::Stream, L::Address) + Send + Sync + 'static,
{
    let handler = Arc::clone(handler);
    let elsewhere = crowded_out(state);
    let mut connection = state.begin(elsewhere);
    let connection = move || {
        if !connection.enter() {
            return;
        }
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| handler(stream, peer)));
        if let Err(payload) = outcome {
            if !crate::park::interrupt::is_interrupt(payload.as_ref()) {
                let panicked = &connection.state.counters.panicked;
                panicked.fetch_add(1, Ordering::Relaxed);
            }
            drop(connection);
            panic::resume_unwind(payload);
        }
    };
    let builder = match elsewhere {
        Some(worker) => state.naming.builder().worker(worker),
        None => state.naming.builder(),
    };
    if let Err(error) = builder.spawn(connection) {
        log::warn!("no green thread for a connection: {error}");
    }
}

/// Another worker, if this one has many more tasks and that one begins those that it is sent.
fn crowded_out(state: &State) -> Option<usize> {
    let worker = current::worker()?;
    if worker.group.workers.len() == 1 {
        return None;
    }
    let here = worker.shared.load();
    let target = place::least_loaded(&worker.group);
    let there = target.load();
    if here <= there + GAP_MIN || here <= there + there / 4 {
        return None;
    }
    let index = worker.group.index_of(target)?;
    (state.sent[index].load(Ordering::Relaxed) < SENT_MAX).then_some(index)
}
