//! gevent's vocabulary over the native API, for those who come from it.
//!
//! Thin: a [`Greenlet`] is a closure, a native green thread and the place of its value; names that only
//! mirror native ones are re-exports. `docs/gevent.md` in the repository maps every public name of
//! gevent, and says what has no counterpart, and why.
//!
//! ```
//! use greenroom::gevent;
//! use std::time::Duration;
//! let jobs: Vec<_> = (1..4).map(|n| gevent::spawn(move || n * n)).collect();
//! gevent::joinall(&jobs, Duration::from_secs(2), false, None).unwrap();
//! let values: Vec<i32> = jobs.iter().filter_map(|job| job.value()).collect();
//! assert_eq!(values, [1, 4, 9]);
//! ```
//!
//! # Time-outs and optional arguments
//! Where gevent has `timeout=None`, there is an `impl Into<Option<Duration>>`: write `None` or a
//! `Duration`. What a gevent call raises is an `Err` here; what gevent returns early from, returns here.
//!
//! # Exceptions
//! What ends a greenlet by an exception there is a panic here. A closure that returns an `Err` has
//! returned: the greenlet is `successful`, has no `exception`, and `link_exception` and `raise_error`
//! pass it by; its `value` is the `Err`.
//!
//! # What is different in kind
//! Greenlets run on all workers, not on one thread: what they share needs a lock, and `T` is `Send` and
//! `Sync`. Nothing has to be patched ([`monkey`]). A deadline is a scope ([`Timeout`]).

mod exception;
mod greenlet;
mod idle;
mod kill;
mod links;
mod shared;
mod spawn;
mod timeout;
mod wait;

pub mod monkey;
pub mod pool;
pub mod server;

pub use crate::thread::{current as getcurrent, sleep, spawn as spawn_raw};
pub use exception::{Exception, GetError, GreenletExit};
pub use greenlet::Greenlet;
pub use idle::idle;
pub use kill::{Killable, kill, killall};
pub use links::LinkId;
pub use spawn::{spawn, spawn_later};
pub use timeout::{Timeout, with_timeout};
pub use wait::{Iwait, Object, iwait, joinall, wait};

/// `gevent.event`: the native [`Event`](crate::sync::Event) and [`AsyncResult`](crate::sync::AsyncResult).
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, event::Event};
/// static READY: Event = Event::new();
/// let waiting = gevent::spawn(|| READY.wait());
/// READY.set();
/// assert!(waiting.join(None));
/// ```
pub mod event {
    pub use crate::sync::{AsyncResult, Event};
}

/// `gevent.queue`: the native [queues](crate::queue).
///
/// Differs: all but [`Channel`](queue::Channel) are joinable, where gevent's `SimpleQueue` is not (its
/// `Queue` is since 25.4.1); `Queue(0)` is `unbounded()`, for `bounded(0)` gives from hand to hand.
///
/// # Examples
/// ```
/// use greenroom::gevent::queue::{Empty, Full, Queue};
/// let queue = Queue::bounded(1);
/// queue.put("item").unwrap();
/// assert!(matches!(queue.try_put("more"), Err(Full(_))));
/// assert_eq!(queue.get(), Ok("item"));
/// assert_eq!(queue.try_get(), Err(Empty));
/// ```
pub mod queue {
    pub use crate::queue::GetError::Empty;
    pub use crate::queue::PutError::Full;
    pub use crate::queue::Queue as JoinableQueue;
    pub use crate::queue::Queue as SimpleQueue;
    pub use crate::queue::{Channel, LifoQueue, PriorityQueue, Queue, ShutDown};
}

/// `gevent.lock`: the native locks. `RLock` guards a value, which may be `()`.
///
/// # Examples
/// ```
/// use greenroom::gevent::lock::{BoundedSemaphore, RLock};
/// let permits = BoundedSemaphore::new(1);
/// drop(permits.acquire());
/// assert!(permits.release().is_err()); // gevent's ValueError.
/// let lock = RLock::new(());
/// let (_once, _again) = (lock.lock(), lock.lock());
/// ```
pub mod lock {
    pub use crate::sync::ReentrantLock as RLock;
    pub use crate::sync::{BoundedSemaphore, Semaphore};
}

/// `gevent.local`: a variable of which each green thread has its own is declared by
/// [`thread_local!`](crate::thread_local).
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, local::LocalKey};
/// use std::cell::Cell;
/// greenroom::thread_local! { static COUNT: Cell<u32> = const { Cell::new(0) } }
/// COUNT.set(7);
/// assert_eq!(gevent::spawn(|| COUNT.get()).get(true, None).unwrap(), 0);
/// let count: &LocalKey<Cell<u32>> = &COUNT;
/// assert_eq!(count.get(), 7);
/// ```
pub mod local {
    pub use crate::thread::LocalKey;
}

/// `gevent.socket`: the native [`net`](crate::net) and Unix sockets, by std's names.
///
/// # Examples
/// ```
/// use greenroom::gevent::socket::{TcpListener, TcpStream};
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// assert_eq!(listener.accept()?.1, client.local_addr()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub mod socket {
    pub use crate::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
    pub use crate::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
}

/// `gevent.select`: the cooperative [`multiplex`](crate::multiplex).
///
/// # Examples
/// ```
/// use greenroom::gevent::select::{NO_FDS, select};
/// use std::io::Write;
/// let (reader, mut writer) = greenroom::io::pipe()?;
/// writer.write_all(b"x")?;
/// let watched = [reader];
/// let (readable, _, _) = select(&watched, &NO_FDS, &NO_FDS, None)?;
/// assert_eq!(readable.len(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub mod select {
    pub use crate::multiplex::{
        EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLIN, EPOLLMSG, EPOLLONESHOT, EPOLLOUT,
        EPOLLPRI, EPOLLRDBAND, EPOLLRDHUP, EPOLLRDNORM, EPOLLWAKEUP, EPOLLWRBAND, EPOLLWRNORM,
        EpollFlags, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDBAND, POLLRDHUP,
        POLLRDNORM, POLLWRBAND, POLLWRNORM, PollFlags,
    };
    pub use crate::multiplex::{Epoll, NO_FDS, Poll, select};
}

/// `gevent.subprocess`: the native [`process`](crate::process). `Popen(...)` is `Command::new(..).spawn()`.
///
/// # Examples
/// ```
/// use greenroom::gevent::subprocess::Command;
/// let output = Command::new("echo").arg("hello").output()?;
/// assert_eq!(output.stdout, b"hello\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub mod subprocess {
    pub use crate::process::{Child, Command, ExitStatus, Output, Stdio};
}

/// `gevent.threadpool`: there is one pool of OS threads, which `apply` uses; see
/// [`unblock`](crate::unblock()).
///
/// # Examples
/// ```
/// use greenroom::gevent::threadpool;
/// assert_eq!(threadpool::apply(|| 6 * 7), 42);
/// ```
pub mod threadpool {
    pub use crate::unblock::unblock as apply;
}
