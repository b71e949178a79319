//! Calls between a process that holds something (queue, lock, dictionary) and those that use it.
//!
//! Each user has a socket of its own, served by a green thread here: who is slow or dead holds up nobody else.
//! A call may wait; it is then answered by a green thread of its own, while later calls of the same user are
//! served. What is *lent* (an item, a lock) follows three steps, so that none is ever lost with its user:
//! (1) the host lends and answers; (2) the caller that takes it says *taken*; (3) a caller that is not there
//! any more (deadline, cancel) says *withdrawn*, and the host takes it back. Exactly one of 2 and 3 is sent;
//! if the user dies before either, its end is read as 3 for all that it has. What is withdrawn goes before the
//! same user's next call, which then finds it: items keep their order. A lock that is given back says
//! *returned* and waits for the answer: whoever hears of it afterwards, by whatever way, finds the lock free.

use super::frames::Frames;
use super::handover::{Bond, Packed, give_owned};
use super::pipe::STATUS_PATIENCE;
use super::process::Record;
use super::queue_core::timed_out;
use greenroom::sync::mpsc::{SyncSender, sync_channel};
use greenroom::sync::{Mutex, MutexGuard};
use serde::Serializer;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

/// Calls of one user that may wait at once.
const WAITING_MAX: usize = 4096;

const CALL: u8 = 1;
const WITHDRAWN: u8 = 2;
const TAKEN: u8 = 3;
/// Another user; its socket comes along.
const JOIN: u8 = 4;
const ANSWER: u8 = 5;
const REFUSAL: u8 = 6;
/// As `WITHDRAWN`, but answered.
const RETURNED: u8 = 7;

/// Kinds of errors that cross, by their place.
const KINDS: [io::ErrorKind; 7] = [
    io::ErrorKind::Other,
    io::ErrorKind::NotFound,
    io::ErrorKind::InvalidInput,
    io::ErrorKind::InvalidData,
    io::ErrorKind::BrokenPipe,
    io::ErrorKind::TimedOut,
    io::ErrorKind::WouldBlock,
];

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn frame(kind: u8, id: u64, payload: &[u8]) -> Packed {
    let mut bytes = Vec::with_capacity(9 + payload.len());
    bytes.push(kind);
    bytes.extend(id.to_le_bytes());
    bytes.extend(payload);
    let fds = Vec::new();
    Packed { bytes, fds }
}

fn split(bytes: &[u8]) -> io::Result<(u8, u64, &[u8])> {
    let parts = bytes.split_first().and_then(|(kind, rest)| {
        let (id, payload) = rest.split_first_chunk::<8>()?;
        Some((*kind, u64::from_le_bytes(*id), payload))
    });
    parts.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn refusal(id: u64, error: &io::Error) -> Packed {
    let place = KINDS.iter().position(|kind| *kind == error.kind());
    let place = place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(0);
    let mut payload = vec![place];
    payload.extend(error.to_string().as_bytes());
    frame(REFUSAL, id, &payload)
}

fn error_of(payload: &[u8]) -> io::Error {
    let (place, text) = payload.split_first().unwrap_or((&0, &[]));
    let kind = KINDS.get(usize::from(*place)).copied();
    let text = String::from_utf8_lossy(text).into_owned();
    io::Error::new(kind.unwrap_or(io::ErrorKind::Other), text)
}

/// What an answer is.
pub(super) type Answer = io::Result<Vec<u8>>;

/// How a call goes on.
pub(super) enum Step {
    Now(Answer),
    /// It may wait. `None`: the caller has withdrawn.
    Later(Box<dyn FnOnce() -> Option<Answer> + Send>),
}

/// A user's call, or what it lent: unique in the host.
pub(super) type Loan = (u64, u64);

/// What is held for users.
pub(super) trait Service: Send + Sync + 'static {
    /// Answers a call. Must not wait, except in a [`Step::Later`].
    fn call(self: &Arc<Self>, user: &Arc<User>, loan: Loan, payload: &[u8]) -> Step;
    /// The caller took what was lent.
    fn taken(&self, _loan: Loan) {}
    /// The caller is not there any more, or gives back.
    fn withdrawn(&self, _loan: Loan) {}
    /// A user more.
    fn joined(&self, _user: &Arc<User>) {}
    /// The user is gone: all it waits for and all it was lent.
    fn left(&self, _user: &Arc<User>) {}
}

/// Somebody who has a socket to the host.
pub(super) struct User {
    pub(super) number: u64,
    frames: Frames,
    record: OnceLock<Arc<Record>>,
    waiting: AtomicUsize,
}

impl User {
    /// Tells which process it is.
    pub(super) fn is(&self, record: &Arc<Record>) {
        let _ = self.record.set(Arc::clone(record));
    }

    /// For messages: who it is or was, and how it ended if that is known.
    pub(super) fn title(&self) -> Option<String> {
        let record = self.record.get()?;
        let ended = record.obituary(STATUS_PATIENCE);
        ended.or_else(|| Some(format!("{} closed it", record.title()?)))
    }
}

/// Adds a user. Returns the socket to give it.
pub(super) fn admit<S: Service>(service: &Arc<S>) -> io::Result<(OwnedFd, Arc<User>)> {
    let (here, there) = Frames::pair()?;
    Ok((there, admit_socket(service, here)?.0))
}

/// Serves a user on a green thread.
fn admit_socket<S: Service>(
    service: &Arc<S>,
    socket: OwnedFd,
) -> io::Result<(Arc<User>, greenroom::thread::JoinHandle<()>)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let user = Arc::new(User {
        number: NUMBER.fetch_add(1, Ordering::Relaxed),
        frames: Frames::new(socket),
        record: OnceLock::new(),
        waiting: AtomicUsize::new(0),
    });
    service.joined(&user);
    let served = (Arc::clone(service), Arc::clone(&user));
    let spawned = greenroom::thread::Builder::new()
        .name("multiprocessing user".to_owned())
        .spawn(move || serve(&served.0, &served.1));
    match spawned {
        Ok(thread) => Ok((user, thread)),
        Err(error) => {
            service.left(&user);
            Err(error)
        }
    }
}

/// Serves the user at `socket` until it leaves. Others may join through it, and are served meanwhile.
pub(super) fn serve_first<S: Service>(service: &Arc<S>, socket: OwnedFd) -> io::Result<()> {
    let (_user, thread) = admit_socket(service, socket)?;
    thread
        .join()
        .map_err(|_| io::Error::other("a service panicked"))
}

fn serve<S: Service>(service: &Arc<S>, user: &Arc<User>) {
    // A message that is none ends the user as its own end does; so does one that cannot be answered.
    while let Ok(Some(message)) = user.frames.receive() {
        if serve_one(service, user, message).is_err() {
            break;
        }
    }
    user.frames.shut_down();
    service.left(user);
}

fn serve_one<S: Service>(service: &Arc<S>, user: &Arc<User>, message: Packed) -> io::Result<()> {
    let (kind, id, payload) = split(&message.bytes)?;
    let loan = (user.number, id);
    match kind {
        CALL => match service.call(user, loan, payload) {
            Step::Now(answer) => reply(user, id, answer),
            Step::Later(wait) => reply_later(service, user, id, wait),
        },
        TAKEN => {
            service.taken(loan);
            Ok(())
        }
        WITHDRAWN => {
            service.withdrawn(loan);
            Ok(())
        }
        RETURNED => {
            service.withdrawn(loan);
            reply(user, id, Ok(Vec::new()))
        }
        JOIN => {
            let socket = message.fds.into_iter().next();
            let socket = socket.ok_or(io::ErrorKind::InvalidData)?;
            admit_socket(service, socket).map(|_| ())
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn reply(user: &User, id: u64, answer: Answer) -> io::Result<()> {
    let sent = user.frames.send(match answer {
        Ok(payload) => frame(ANSWER, id, &payload),
        Err(error) => refusal(id, &error),
    });
    match sent {
        // Too long, of which nothing was sent: that call's misfortune, not its user's end.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            user.frames.send(refusal(id, &error))
        }
        sent => sent,
    }
}

fn reply_later<S: Service>(
    service: &Arc<S>,
    user: &Arc<User>,
    id: u64,
    wait: Box<dyn FnOnce() -> Option<Answer> + Send>,
) -> io::Result<()> {
    if user.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
        user.waiting.fetch_sub(1, Ordering::Relaxed);
        service.withdrawn((user.number, id));
        let text = "multiprocessing: too many calls of one process wait";
        return reply(user, id, Err(io::Error::other(text)));
    }
    let user = Arc::clone(user);
    greenroom::thread::spawn(move || {
        let answer = wait();
        user.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(answer) = answer {
            // An error here is the user's end, which its own green thread finds.
            drop(reply(&user, id, answer));
        }
    });
    Ok(())
}

/// A user's side. Clones share the socket; the last one closes it.
#[derive(Clone)]
pub(super) struct Client(Arc<Open>);

/// Closes the socket when the last handle goes, though its reader still has it.
struct Open(Arc<Shared>);

struct Shared {
    what: &'static str,
    frames: Frames,
    /// The host, where it is a process that was started here.
    host: Option<Arc<Record>>,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    id: u64,
    waiting: HashMap<u64, SyncSender<Answer>>,
    is_over: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.frames.shut_down();
    }
}

impl Shared {
    fn gone(&self) -> io::Error {
        let ended = self
            .host
            .as_ref()
            .and_then(|record| record.obituary(STATUS_PATIENCE));
        let text =
            ended.unwrap_or_else(|| format!("the process that holds the {} is gone", self.what));
        io::Error::new(
            io::ErrorKind::BrokenPipe,
            format!("multiprocessing: {text}"),
        )
    }

    fn read_answers(&self) {
        while let Ok(Some(message)) = self.frames.receive() {
            let Ok((kind, id, payload)) = split(&message.bytes) else {
                break;
            };
            let answer = match kind {
                ANSWER => Ok(payload.to_vec()),
                _ => Err(error_of(payload)),
            };
            // Nobody waits: it was withdrawn, and the host knows or will.
            if let Some(caller) = locked(&self.calls).waiting.remove(&id) {
                let _ = caller.try_send(answer);
            }
        }
        let mut calls = locked(&self.calls);
        calls.is_over = true;
        let waiting = std::mem::take(&mut calls.waiting);
        drop(calls);
        drop(waiting);
    }
}

/// A call that waits for its answer. If it is unwound, the host is told.
struct Waiting<'a> {
    client: &'a Client,
    id: u64,
    is_done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let shared = self.client.shared();
        locked(&shared.calls).waiting.remove(&self.id);
        // Before the next call of this process, which must find it taken back.
        let is_first = shared.frames.post(frame(WITHDRAWN, self.id, &[]));
        if is_first {
            // On a green thread: the host may be slow, and this is late already. An error is its end.
            let client = self.client.clone();
            greenroom::thread::spawn(move || drop(client.shared().frames.send_posted()));
        }
    }
}

impl Client {
    /// A user of what is at the other end of `socket`.
    pub(super) fn new(what: &'static str, socket: OwnedFd, host: Option<Arc<Record>>) -> Client {
        let shared = Arc::new(Shared {
            what,
            frames: Frames::new(socket),
            host,
            calls: Mutex::default(),
        });
        let reader = Arc::clone(&shared);
        greenroom::thread::spawn(move || reader.read_answers());
        Client(Arc::new(Open(shared)))
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }

    fn send(&self, message: Packed) -> io::Result<()> {
        let shared = self.shared();
        shared
            .frames
            .send(message)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidInput => error,
                _ => shared.gone(),
            })
    }

    /// Calls, and waits for the answer.
    pub(super) fn call(&self, payload: &[u8]) -> Answer {
        self.wait_for(payload).map(|(_, answer)| answer)
    }

    /// Calls for something that is lent, and says that it has it. Returns the loan's number too.
    pub(super) fn borrow(&self, payload: &[u8]) -> io::Result<(u64, Vec<u8>)> {
        let (id, answer) = self.wait_for(payload)?;
        greenroom::shield(|| self.send(frame(TAKEN, id, &[])))?;
        Ok((id, answer))
    }

    /// Borrows within `timeout`; none at all tries once. `payload` is told whether the call may wait.
    pub(super) fn borrow_within(
        &self,
        timeout: Duration,
        payload: impl Fn(bool) -> io::Result<Vec<u8>>,
    ) -> io::Result<(u64, Vec<u8>)> {
        if !timeout.is_zero() {
            let payload = payload(true)?;
            return greenroom::timeout(timeout, || self.borrow(&payload))?;
        }
        let borrowed = self.borrow(&payload(false)?);
        borrowed.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => timed_out(),
            _ => error,
        })
    }

    /// Gives back what was taken. Parks until the host has it.
    pub(super) fn give_back(&self, id: u64) {
        greenroom::shield(|| {
            let (caller, returned) = sync_channel(1);
            let mut calls = locked(&self.shared().calls);
            if calls.is_over {
                return;
            }
            calls.waiting.insert(id, caller);
            drop(calls);
            // Errors are the host's end, and with it the lock's.
            if self.send(frame(RETURNED, id, &[])).is_ok() {
                let _ = returned.recv();
            }
        });
    }

    fn wait_for(&self, payload: &[u8]) -> io::Result<(u64, Vec<u8>)> {
        let shared = self.shared();
        let (caller, answer) = sync_channel(1);
        let id = {
            let mut calls = locked(&shared.calls);
            if calls.is_over {
                drop(calls);
                return Err(shared.gone());
            }
            calls.id += 1;
            let id = calls.id;
            calls.waiting.insert(id, caller);
            id
        };
        let mut waiting = Waiting {
            client: self,
            id,
            is_done: false,
        };
        self.send(frame(CALL, id, payload))?;
        let answer = answer.recv();
        waiting.is_done = true;
        match answer {
            Ok(answer) => Ok((id, answer?)),
            Err(_) => Err(shared.gone()),
        }
    }

    /// A socket for another user.
    pub(super) fn join(&self) -> io::Result<OwnedFd> {
        let (here, there) = Frames::pair()?;
        let mut message = frame(JOIN, 0, &[]);
        message.fds.push(here);
        self.send(message)?;
        Ok(there)
    }
}

/// Serialises a service as the socket of a new user.
pub(super) fn give_user<Z: Serializer, S: Service>(
    serializer: Z,
    service: &Arc<S>,
) -> Result<Z::Ok, Z::Error> {
    match admit(service) {
        Ok((socket, user)) => {
            let bond: Bond = Box::new(move |record| user.is(record));
            give_owned(serializer, Ok(socket), Some(bond))
        }
        Err(error) => give_owned(serializer, Err(error), None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::MESSAGE_MAX;
    use super::*;

    struct Echo;

    impl Service for Echo {
        fn call(self: &Arc<Self>, _user: &Arc<User>, _loan: Loan, payload: &[u8]) -> Step {
            Step::Now(Ok(match payload {
                b"much" => vec![0; MESSAGE_MAX],
                _ => payload.to_vec(),
            }))
        }
    }

    #[test]
    fn answer_beyond_the_limit_is_an_error_of_its_call_only() {
        greenroom::run(|| {
            let (socket, _user) = admit(&Arc::new(Echo)).expect("because descriptors are left");
            let client = Client::new("echo", socket, None);
            let kind = client.call(b"much").map_err(|error| error.kind());
            assert_eq!(kind, Err(io::ErrorKind::InvalidInput));
            assert_eq!(client.call(b"little").ok().as_deref(), Some(&b"little"[..]));
        });
    }
}
