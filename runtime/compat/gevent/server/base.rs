//! What both servers share: whether one runs, and how it ends. gevent's `BaseServer`.
//!
//! `start` puts what runs into one place, `stop` takes it out; who takes it ends it, outside the lock.

use crate::group::{Group, Member, Pool};
use crate::net::naming::Naming;
use crate::net::{Server, SocketAddr};
use crate::sync::Event;
use crate::sys::lock::Lock;
use crate::thread::JoinHandle;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// How long `stop` waits for handlers that it has cancelled; the native server's limit.
const UNWIND_LIMIT: Duration = Duration::from_secs(5);

/// How long a server that was stopped without a limit waits for its handlers. gevent's `stop_timeout`.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// How many handlers run at a time. Source: gevent's argument `spawn`.
///
/// # Examples
/// ```
/// use greenroom::gevent::server::{Spawn, StreamServer};
/// let server = StreamServer::with_spawn("127.0.0.1:0", Spawn::Pool(10), |_, _| ())?;
/// # drop(server);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spawn {
    /// As many as come. gevent's `spawn='default'`.
    #[default]
    Default,
    /// At most so many; who comes beyond waits in the kernel's queue. gevent's `spawn=10` or a `Pool`.
    Pool(usize),
}

/// What handlers of the server at `address` are called, if they were given at `place`.
pub(super) fn naming(address: SocketAddr, place: &'static Location<'static>) -> Naming {
    Naming {
        name: Some(format!("handler of {address}")),
        place,
    }
}

/// The handlers' green threads.
#[derive(Clone, Debug)]
pub(super) struct Handlers {
    crowd: Crowd,
    naming: Naming,
}

#[derive(Clone, Debug)]
enum Crowd {
    Unbounded(Group),
    Bounded(Pool),
}

impl Handlers {
    pub(super) fn new(spawn: Spawn, naming: Naming) -> Handlers {
        let crowd = match spawn {
            Spawn::Default => Crowd::Unbounded(Group::new()),
            Spawn::Pool(size) => Crowd::Bounded(Pool::new(size)),
        };
        Handlers { crowd, naming }
    }

    /// Parks until a spawn would not.
    pub(super) fn wait_available(&self) {
        if let Crowd::Bounded(pool) = &self.crowd {
            pool.wait_available();
        }
    }

    pub(super) fn spawn(&self, f: impl FnOnce() + Send + 'static) -> io::Result<Member<()>> {
        let builder = self.naming.builder();
        match &self.crowd {
            Crowd::Unbounded(group) => group.spawn_with(builder, f),
            Crowd::Bounded(pool) => pool.spawn_with(builder, f),
        }
    }

    fn is_empty_after(&self, limit: Duration) -> bool {
        match &self.crowd {
            Crowd::Unbounded(group) => group.join_timeout(limit).is_some(),
            Crowd::Bounded(pool) => pool.join_timeout(limit).is_some(),
        }
    }

    fn cancel(&self) {
        match &self.crowd {
            Crowd::Unbounded(group) => group.cancel(),
            Crowd::Bounded(pool) => pool.cancel(),
        };
    }
}

/// A server at work.
pub(super) enum Running {
    Native(Server),
    /// The acceptor ends when it is cancelled.
    Loop {
        acceptor: JoinHandle<()>,
        handlers: Handlers,
        address: SocketAddr,
    },
}

impl Running {
    fn address(&self) -> SocketAddr {
        match self {
            Running::Native(server) => server.local_addr(),
            Running::Loop { address, .. } => *address,
        }
    }

    /// Stops accepting, and waits for nobody.
    fn give_up(self) {
        match self {
            Running::Native(server) => drop(server),
            Running::Loop { acceptor, .. } => {
                acceptor.cancel();
            }
        }
    }

    /// Stops accepting, gives handlers the grace, cancels the others.
    fn stop(self, grace: Duration) {
        match self {
            Running::Native(server) => {
                server.finish(grace);
            }
            Running::Loop {
                acceptor, handlers, ..
            } => {
                acceptor.cancel();
                // Cancelled, as asked.
                drop(acceptor.join());
                if !handlers.is_empty_after(grace) {
                    handlers.cancel();
                    handlers.is_empty_after(UNWIND_LIMIT);
                }
            }
        }
    }
}

/// What runs, and who is told of its end.
struct On {
    running: Running,
    stopped: Arc<Event>,
}

/// Sets the event, also if the stop is cancelled: whoever serves for ever must not wait for ever.
struct SetOnDrop(Arc<Event>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Where a server is when it runs.
pub(super) struct Switch(Lock<Option<On>>);

impl Switch {
    pub(super) fn new() -> Switch {
        Switch(Lock::new(None))
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.lock().is_some()
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.0.lock().as_ref().map(|on| on.running.address())
    }

    /// Keeps what runs, unless another start was faster: then this one ends, and waits for nobody.
    pub(super) fn put(&self, running: Running) {
        let refused = {
            let mut place = self.0.lock();
            if place.is_some() {
                Some(running)
            } else {
                *place = Some(On {
                    running,
                    stopped: Arc::new(Event::new()),
                });
                None
            }
        };
        if let Some(running) = refused {
            running.give_up();
        }
    }

    /// Ends what runs, if something does.
    pub(super) fn stop(&self, grace: Duration) {
        let taken = self.0.lock().take();
        if let Some(On { running, stopped }) = taken {
            let _told = SetOnDrop(stopped);
            running.stop(grace);
        }
    }

    /// Parks until what runs now has been stopped. Cancelled, it stops accepting.
    pub(super) fn wait_until_stopped(&self) {
        let stopped = self.0.lock().as_ref().map(|on| Arc::clone(&on.stopped));
        let Some(stopped) = stopped else {
            return;
        };
        let serving = Serving {
            switch: self,
            stopped,
        };
        serving.stopped.wait();
        // By its event: a server that was started anew meanwhile is another one.
        drop(serving);
    }

    /// Stops accepting and waits for nobody; only what tells its end by `stopped`, if that is given.
    fn give_up(&self, stopped: Option<&Arc<Event>>) {
        let is_meant = |on: &mut On| stopped.is_none_or(|own| Arc::ptr_eq(own, &on.stopped));
        let taken = self.0.lock().take_if(is_meant);
        let Some(On { running, stopped }) = taken else {
            return;
        };
        running.give_up();
        stopped.set();
    }
}

/// Somebody in `serve_forever`.
struct Serving<'a> {
    switch: &'a Switch,
    stopped: Arc<Event>,
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.switch.give_up(Some(&self.stopped));
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.give_up(None);
    }
}
