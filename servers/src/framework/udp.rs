//! A server of datagrams: one receives, and each datagram gets a green thread of its own, within a bound.
//!
//! Beyond the bound datagrams are dropped and counted: who sends them must be ready for that anyway, and a
//! queue would only make all answers late. With `Inline` and `Pool` the kernel's buffer is that queue.

use super::accept::Pause;
use super::concurrency::Concurrency;
use super::control::{Control, Engine, Owner, Stopper};
use super::counters::{Counters, Totals};
use super::crew::{Crew, Seat};
use super::episode::Episode;
use super::life::{FINISH_LIMIT, attempt};
use super::os_thread;
use super::running::Running;
use super::udp_handler::{Datagram, DatagramHandler};
use greenroom::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The most that a datagram can carry: 65,535 of the length field, and none of its headers.
const BYTES_MAX: usize = 65_535;

/// Datagrams that are worked on at one time, unless it is said otherwise. A stack each.
const DATAGRAMS_MAX: usize = 1_000;

/// A server of datagrams: socketserver's `UDPServer`.
///
/// # Examples
/// ```
/// use greenroom::net::UdpSocket;
/// use greenroom_servers::{Datagram, UdpServer};
/// use std::time::Duration;
///
/// greenroom::run(|| {
///     let upper = |datagram: &Datagram| datagram.reply(&datagram.bytes().to_ascii_uppercase());
///     let server = UdpServer::bind("127.0.0.1:0")?.serve_in_background(upper)?;
///     let socket = UdpSocket::bind("127.0.0.1:0")?;
///     socket.send_to(b"hello", server.local_addr())?;
///     let mut buf = [0; 16];
///     let (count, _) = socket.recv_from(&mut buf)?;
///     assert_eq!(&buf[..count], b"HELLO");
///     assert_eq!(server.shutdown(Duration::from_secs(1)).accepted, 1);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct UdpServer {
    socket: UdpSocket,
    bytes_max: usize,
    datagrams_max: usize,
    concurrency: Concurrency,
    control: Arc<Control>,
}

impl UdpServer {
    /// Binds to an address; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse`, `PermissionDenied`, `AddrNotAvailable`.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<UdpServer> {
        UdpSocket::bind(address).map(UdpServer::from)
    }

    /// Drops and counts datagrams with more bytes than this; at first none is too long.
    #[must_use]
    pub fn bytes_max(mut self, bytes: usize) -> UdpServer {
        self.bytes_max = bytes.min(BYTES_MAX);
        self
    }

    /// Works on so many datagrams at one time (at first 1,000), and drops and counts others.
    #[must_use]
    pub fn datagrams_max(mut self, datagrams: usize) -> UdpServer {
        self.datagrams_max = datagrams;
        self
    }

    /// With datagrams worked on otherwise than by a green thread each.
    #[must_use]
    pub fn concurrency(mut self, concurrency: Concurrency) -> UdpServer {
        self.concurrency = concurrency;
        self
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Ends it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.control.stopper()
    }

    /// Serves until a [`Stopper`] ends it. Parks.
    ///
    /// # Errors
    /// No stack for the receivers.
    pub fn serve_forever<H: DatagramHandler>(self, handler: H) -> io::Result<Totals> {
        Ok(self.begin(handler)?.0.wait())
    }

    /// Serves in the background. Never parks.
    ///
    /// # Errors
    /// No stack for the receivers.
    pub fn serve_in_background<H: DatagramHandler>(self, handler: H) -> io::Result<Running> {
        let address = self.local_addr()?;
        let owner = self.begin(handler)?;
        Ok(Running { owner, address })
    }

    fn begin<H: DatagramHandler>(self, handler: H) -> io::Result<Owner> {
        let service = Arc::new(Service {
            handler,
            bytes_max: self.bytes_max,
            datagrams_max: self.datagrams_max as u64,
            concurrency: self.concurrency,
            counters: Arc::clone(&self.control.counters),
            rejections: Episode::default(),
            exhaustion: Episode::default(),
        });
        let receivers = match self.concurrency {
            Concurrency::Pool(receivers) => receivers.max(1),
            _ => 1,
        };
        self.control.begin(|| {
            let engine = Receivers(Crew::new(self.socket));
            for _ in 0..receivers {
                let service = Arc::clone(&service);
                engine.0.spawn(move |seat| receive(&seat, &service))?;
            }
            Ok(Box::new(engine))
        })
    }
}

/// Of a socket that was made elsewhere.
impl From<UdpSocket> for UdpServer {
    fn from(socket: UdpSocket) -> UdpServer {
        UdpServer {
            socket,
            bytes_max: BYTES_MAX,
            datagrams_max: DATAGRAMS_MAX,
            concurrency: Concurrency::default(),
            control: Control::new(),
        }
    }
}

/// The engine. Dropping it stops receiving.
struct Receivers(Arc<Crew<UdpSocket>>);

impl Engine for Receivers {
    fn finish(self: Box<Self>, grace: Duration) {
        self.0.finish(grace);
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        self.0.stop();
    }
}

struct Service<H> {
    handler: H,
    bytes_max: usize,
    datagrams_max: u64,
    concurrency: Concurrency,
    counters: Arc<Counters>,
    rejections: Episode,
    exhaustion: Episode,
}

/// One receiver, until it is stopped.
fn receive<H: DatagramHandler>(seat: &Seat<UdpSocket>, service: &Arc<Service<H>>) {
    // One more than may come: what fills it is too long.
    let mut buf = vec![0; service.bytes_max + 1];
    let mut pause = Pause::default();
    while let Some(socket) = seat.begin_wait() {
        let received = socket.recv_from(&mut buf);
        if let Err(error) = &received {
            pause.after(error, &service.exhaustion);
        }
        if !seat.end_wait() {
            return;
        }
        let Ok((count, peer)) = received else {
            continue;
        };
        pause = Pause::default();
        let Some(open) = service.admit(count, peer) else {
            continue;
        };
        let datagram = Datagram {
            bytes: buf[..count].to_vec(),
            peer,
            socket,
            counters: Arc::clone(&service.counters),
        };
        service.hand_over(seat, datagram, open);
    }
}

/// A datagram that is worked on.
struct Open(Arc<Counters>);

impl Drop for Open {
    fn drop(&mut self) {
        Counters::subtract(&self.0.open, 1);
    }
}

impl<H: DatagramHandler> Service<H> {
    /// Counts it. `None`: to be dropped.
    fn admit(&self, count: usize, peer: SocketAddr) -> Option<Open> {
        let counters = &self.counters;
        Counters::add(&counters.bytes_in, count as u64);
        // Exact with one receiver; several serve what they receive themselves.
        let is_full = counters.open.load(Ordering::Relaxed) >= self.datagrams_max;
        if is_full || count > self.bytes_max {
            Counters::add(&counters.rejected, 1);
            if self.rejections.begins() {
                let why = if is_full { "too many" } else { "too long" };
                log::warn!("{peer}: a datagram is dropped: {why}; so are others like it");
            }
            return None;
        }
        Counters::add(&counters.accepted, 1);
        Counters::add(&counters.open, 1);
        Some(Open(Arc::clone(counters)))
    }

    fn hand_over(self: &Arc<Self>, seat: &Seat<UdpSocket>, datagram: Datagram, open: Open) {
        let service = Arc::clone(self);
        let work = move || {
            service.work(&datagram);
            drop(open);
        };
        let spawned = match self.concurrency {
            Concurrency::Inline | Concurrency::Pool(_) => {
                seat.serve(work);
                return;
            }
            Concurrency::GreenThread => seat.crew().spawn(move |_seat| work()),
            Concurrency::OsThread => seat.crew().spawn(move |_seat| {
                // There is nothing to shut down: it is waited for.
                if let Err(error) = os_thread::run(work, || {}) {
                    log::warn!("no OS thread for a datagram: {error}");
                }
            }),
        };
        if let Err(error) = spawned {
            Counters::add(&self.counters.errors, 1);
            log::warn!("no green thread for a datagram: {error}");
        }
    }

    /// `setup`, `handle`, `finish`, as for a connection. Unwinds if it was cancelled.
    fn work(&self, datagram: &Datagram) {
        let (handler, peer) = (&self.handler, datagram.peer);
        let mut is_set_up = false;
        let ending = attempt(|| {
            handler.setup(datagram)?;
            is_set_up = true;
            handler.handle(datagram)
        });
        ending.note(peer, &self.counters);
        if is_set_up {
            let finished = attempt(|| {
                let finish = || handler.finish(datagram);
                greenroom::shield(|| greenroom::timeout(FINISH_LIMIT, finish))?;
                Ok(())
            });
            finished.note(peer, &self.counters);
            finished.resume();
        }
        ending.resume();
    }
}
