//! The UDP chat: the server keeps the address book, and passes on what its clients say to each other.
//!
//! Addresses of datagrams can be forged: a name is no proof of who speaks. Nothing that comes costs memory
//! that stays, beyond the limits; what is dropped without an answer is counted.

use super::book::Book;
use super::datagram::{DATAGRAM_BYTES_MAX, Refusal, Request, parse};
use super::rate::{Rates, Verdict};
use crate::services::may_answer;
use crate::{Datagram, DatagramHandler};
use log::Level;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A datagram to many costs its sender so many of his tokens.
const BROADCAST_COST: u32 = 5;

/// Bounds of a UDP chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpChatLimits {
    /// Names in the address book.
    pub names_max: usize,
    /// A name that was silent for so long is forgotten.
    pub idle: Duration,
    /// Datagrams per second from one IP address; a broadcast counts as five.
    pub per_second: u32,
    /// Datagrams that may come at once.
    pub burst: u32,
    /// IP addresses that are told apart for this.
    pub addresses_max: usize,
}

impl Default for UdpChatLimits {
    /// 1,000 names, ten minutes of silence, 20 datagrams per second, 100 at once.
    fn default() -> UdpChatLimits {
        UdpChatLimits {
            names_max: 1000,
            idle: Duration::from_secs(600),
            per_second: 20,
            burst: 100,
            addresses_max: 4096,
        }
    }
}

/// What a UDP chat has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpChatTotals {
    /// Names in the address book now.
    pub names: usize,
    /// Datagrams that came.
    pub received: u64,
    /// Datagrams that were sent: answers, and messages passed on.
    pub sent: u64,
    /// Requests that were refused with an answer.
    pub refused: u64,
    /// Datagrams that were dropped without one: empty, a server's answer, or too many.
    pub dropped: u64,
}

/// The chat: a handler of datagrams, to be served [`Inline`](crate::Concurrency::Inline), so that the messages of
/// one sender stay in order.
///
/// # Examples
/// ```
/// use greenroom_servers::chat::{UdpChat, UdpChatLimits};
/// let chat = UdpChat::new(UdpChatLimits::default());
/// let (ada, bob) = ("192.0.2.1:5001".parse()?, "192.0.2.2:5002".parse()?);
/// let own = "192.0.2.3:8081".parse()?;
/// chat.hear(b"register ada", ada, own);
/// chat.hear(b"register bob", bob, own);
/// let sent = chat.hear(b"to bob hello", ada, own);
/// assert_eq!(sent, [(bob, "from ada: hello".to_owned()), (ada, "ok".to_owned())]);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct UdpChat {
    // std's: never held across a park.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    book: Book,
    rates: Rates,
    totals: UdpChatTotals,
    /// To be logged without the lock.
    note: Option<(Level, String)>,
}

/// Datagrams to send, and to whom.
type Outgoing = Vec<(SocketAddr, String)>;

impl UdpChat {
    /// A chat that knows nobody.
    pub fn new(limits: UdpChatLimits) -> UdpChat {
        let (max, now) = (limits.addresses_max, Instant::now());
        UdpChat {
            state: Mutex::new(State {
                book: Book::new(limits.names_max, limits.idle),
                rates: Rates::new(max, limits.per_second, limits.burst, now),
                totals: UdpChatTotals::default(),
                note: None,
            }),
        }
    }

    /// What is to be sent because of a datagram that came to `own`. Never parks.
    pub fn hear(&self, datagram: &[u8], peer: SocketAddr, own: SocketAddr) -> Outgoing {
        let now = Instant::now();
        let (outgoing, note) = self.with(|state| {
            let outgoing = state.hear(datagram, peer, own, now);
            (outgoing, state.note.take())
        });
        // A logger is code of others.
        if let Some((level, text)) = note {
            log::log!(level, "{peer}: {text}");
        }
        outgoing
    }

    /// What it has seen. Never parks.
    pub fn totals(&self) -> UdpChatTotals {
        self.with(|state| UdpChatTotals {
            names: state.book.len(),
            ..state.totals
        })
    }

    fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        body(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DatagramHandler for UdpChat {
    fn handle(&self, datagram: &Datagram) -> io::Result<()> {
        let own = datagram.socket().local_addr()?;
        for (to, text) in self.hear(datagram.bytes(), datagram.peer(), own) {
            // What the network says of one receiver is no reason to forget the others.
            if let Err(error) = datagram.send_to(text.as_bytes(), to) {
                log::debug!("{to}: {error}");
            }
        }
        Ok(())
    }
}

impl State {
    fn hear(
        &mut self,
        datagram: &[u8],
        peer: SocketAddr,
        own: SocketAddr,
        now: Instant,
    ) -> Outgoing {
        self.totals.received += 1;
        let request = parse(datagram);
        let cost = match request {
            Ok(Request::Broadcast(_)) => BROADCAST_COST,
            _ => 1,
        };
        let verdict = self.rates.spend(peer.ip(), cost, now);
        if verdict == Verdict::Refused {
            self.note(Level::Warn, "dropped: too many datagrams".to_owned());
        }
        if verdict != Verdict::Fine || !may_answer(peer, own) {
            self.totals.dropped += 1;
            return Vec::new();
        }
        let outcome = request.and_then(|request| Ok(self.obey(request, peer, now)?));
        let outgoing = match outcome {
            Ok(outgoing) => outgoing,
            Err(Refusal::Answer(why)) => {
                self.note(Level::Info, format!("refused: {why}"));
                self.totals.refused += 1;
                vec![(peer, format!("error {why}"))]
            }
            Err(Refusal::Ignore) => {
                self.note(Level::Info, "dropped: nothing to answer".to_owned());
                self.totals.dropped += 1;
                Vec::new()
            }
        };
        self.totals.sent += outgoing.len() as u64;
        outgoing
    }

    fn note(&mut self, level: Level, text: String) {
        self.note = Some((level, text));
    }

    fn obey(
        &mut self,
        request: Request<'_>,
        peer: SocketAddr,
        now: Instant,
    ) -> Result<Outgoing, String> {
        let ok = (peer, "ok".to_owned());
        if let Request::Register(name) = request {
            self.book.register(name, peer, now)?;
            self.note(Level::Info, format!("{name} registers"));
            return Ok(vec![ok]);
        }
        let me = self.book.hear(peer, now);
        let me = me.ok_or("who are you? register NAME")?;
        Ok(match request {
            Request::Register(_) => Vec::new(),
            Request::To { name, text } => {
                let to = self.book.find(name, now);
                let to = to.ok_or_else(|| format!("nobody is called {name}"))?;
                vec![(to, format!("from {me}: {text}")), ok]
            }
            Request::Broadcast(text) => {
                let line = format!("all {me}: {text}");
                let all = self.book.all(now).into_iter();
                let others = all.filter(|(_, address)| *address != peer);
                others
                    .map(|(_, address)| (address, line.clone()))
                    .chain([ok])
                    .collect()
            }
            Request::List => vec![(peer, list(&self.book.all(now)))],
            Request::Bye => {
                self.book.forget(peer);
                self.note(Level::Info, format!("{me} leaves"));
                vec![ok]
            }
        })
    }
}

/// The names, as many as fit into a datagram.
fn list(all: &[(String, SocketAddr)]) -> String {
    let mut line = format!("ok {}:", all.len());
    for (name, _) in all {
        if line.len() + 1 + name.len() + " …".len() > DATAGRAM_BYTES_MAX {
            line.push_str(" …");
            break;
        }
        line.extend([" ", name]);
    }
    line
}
