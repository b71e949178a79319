//! What each kind of arm waits for, made anew for each cell of the table, and how it is made to happen.

use crate::common::{FOREVER, SHORT, until};
use crate::kinds::{assert_deserted, shown};
use greenroom::net::{TcpListener, TcpStream, UdpSocket};
use greenroom::queue::{Queue, ShutDown};
use greenroom::select::Select;
use greenroom::thread::{CancelOutcome, park, spawn};
use greenroom::{select, timeout};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Recv,
    Send,
    SendByHand,
    Join,
    Readable,
    Datagram,
    Accept,
    Writable,
    After,
    At,
}

pub(crate) const KINDS: [Kind; 10] = [
    Kind::Recv,
    Kind::Send,
    Kind::SendByHand,
    Kind::Join,
    Kind::Readable,
    Kind::Datagram,
    Kind::Accept,
    Kind::Writable,
    Kind::After,
    Kind::At,
];

/// How the select is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Macro,
    MacroDefault,
    Built,
    BuiltTry,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// What came through the arm under test; `None`: it has been shut down.
    Arm(Option<u64>),
    Other,
    Default,
    Elapsed,
    Cancelled,
}

type Act = Box<dyn Fn() + Send + Sync>;
type Choose = Box<dyn Fn(Form, &Queue<u64>) -> Seen + Send + Sync>;

/// One arm and its surroundings.
pub(crate) struct Row {
    /// Waits at the arm and at another queue.
    pub(crate) choose: Choose,
    /// Makes the arm happen while the select waits.
    pub(crate) happen: Act,
    /// Makes it ready before the select begins.
    pub(crate) prepare: Act,
    /// Shuts down what it waits for; `None`: that has no end.
    pub(crate) shut: Option<Act>,
    /// After it did not win: nothing was taken, nobody waits.
    pub(crate) assert_untouched: Act,
}

/// The same race in four forms.
macro_rules! race {
    ($form:expr, $other:expr, $verb:ident($($args:tt)*) -> $pat:pat => $body:expr, |$select:ident| $built:expr) => {
        match $form {
            Form::Macro => select! {
                $verb($($args)*) -> $pat => $body,
                recv($other) -> _ => Seen::Other,
            },
            Form::MacroDefault => select! {
                recv($other) -> _ => Seen::Other,
                default => Seen::Default,
                $verb($($args)*) -> $pat => $body,
            },
            Form::Built | Form::BuiltTry => {
                let mut $select = Select::new();
                $select.recv($other, |_| Seen::Other);
                $built;
                match $form {
                    Form::Built => $select.wait(),
                    _ => $select.try_wait().unwrap_or(Seen::Default),
                }
            }
        }
    };
}

fn nothing() -> Act {
    Box::new(|| ())
}

/// `happens`: when a point in time comes.
pub(crate) fn row(kind: Kind, happens: Duration) -> Row {
    match kind {
        Kind::Recv => recv(),
        Kind::Send => send(1),
        Kind::SendByHand => send(0),
        Kind::Join => join(),
        Kind::Readable => readable(),
        Kind::Datagram => datagram(),
        Kind::Accept => accept(),
        Kind::Writable => writable(),
        Kind::After => after(happens),
        Kind::At => at(happens),
    }
}

fn recv() -> Row {
    let queue = Arc::new(Queue::bounded(1));
    let put = {
        let queue = queue.clone();
        move || queue.put(7).unwrap()
    };
    Row {
        choose: Box::new({
            let queue = queue.clone();
            move |form, other| {
                let seen = |item: Result<u64, ShutDown>| Seen::Arm(item.ok());
                race!(form, other, recv(queue) -> item => seen(item),
                    |select| select.recv(&queue, seen))
            }
        }),
        happen: Box::new(put.clone()),
        prepare: Box::new(put),
        shut: Some(Box::new({
            let queue = queue.clone();
            move || queue.shutdown()
        })),
        assert_untouched: Box::new(move || assert_deserted(&queue)),
    }
}

/// An item that is on loan from a shared place, and returns there also by unwinding.
struct Loan<'a> {
    item: Option<u64>,
    home: &'a Mutex<Option<u64>>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        *self.home.lock().unwrap() = self.item.take();
    }
}

fn send(capacity: usize) -> Row {
    let queue = Arc::new(Queue::bounded(capacity));
    let home = Arc::new(Mutex::new(Some(7)));
    if capacity == 1 {
        queue.put(1).unwrap();
    }
    let get = {
        let queue = queue.clone();
        move || assert_eq!(queue.get(), Ok(if capacity == 1 { 1 } else { 7 }))
    };
    Row {
        choose: Box::new({
            let (queue, home) = (queue.clone(), home.clone());
            move |form, other| {
                let item = home.lock().unwrap().take();
                let mut loan = Loan { item, home: &home };
                let seen = |sent: Result<(), ShutDown<u64>>| {
                    Seen::Arm(sent.map_or_else(|back| (back.0 != 7).then_some(0), |()| Some(7)))
                };
                race!(form, other, send(queue, loan.item) -> sent => seen(sent),
                    |select| select.send(&queue, &mut loan.item, seen))
            }
        }),
        happen: Box::new(get.clone()),
        prepare: Box::new({
            let queue = queue.clone();
            move || {
                if capacity == 1 {
                    return get();
                }
                std::thread::spawn(get.clone());
                until(|| shown(&queue, "getters") == Some(1));
            }
        }),
        shut: Some(Box::new({
            let queue = queue.clone();
            move || drop(queue.shutdown_now())
        })),
        assert_untouched: Box::new(move || {
            assert_eq!(*home.lock().unwrap(), Some(7), "a lost send keeps its item");
            assert_deserted(&queue);
            assert_eq!(queue.try_get().ok(), (capacity == 1).then_some(1));
        }),
    }
}

fn join() -> Row {
    let sleeper = Arc::new(spawn(park));
    let wake = {
        let sleeper = sleeper.clone();
        move || sleeper.thread().unpark()
    };
    Row {
        choose: Box::new({
            let sleeper = sleeper.clone();
            move |form, other| {
                let seen = || {
                    assert!(sleeper.is_finished());
                    Seen::Arm(Some(7))
                };
                race!(form, other, join(sleeper) -> () => seen(),
                    |select| select.join(&sleeper, seen))
            }
        }),
        happen: Box::new(wake.clone()),
        prepare: Box::new({
            let sleeper = sleeper.clone();
            move || {
                wake();
                until(|| sleeper.is_finished());
            }
        }),
        shut: Some(Box::new({
            let sleeper = sleeper.clone();
            move || assert_eq!(sleeper.cancel(), CancelOutcome::Requested)
        })),
        assert_untouched: Box::new(move || {
            assert!(!sleeper.is_finished());
            sleeper.cancel();
        }),
    }
}

fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, peer)
}

fn readable() -> Row {
    let (stream, peer) = pair();
    let stream = Arc::new(stream);
    let peer = Arc::new(Mutex::new(Some(peer)));
    let write = {
        let peer = peer.clone();
        move || {
            peer.lock()
                .unwrap()
                .as_ref()
                .unwrap()
                .write_all(&[7])
                .unwrap();
        }
    };
    Row {
        choose: Box::new({
            let stream = stream.clone();
            move |form, other| {
                let seen = |result: std::io::Result<()>| {
                    result.unwrap();
                    let mut byte = [0];
                    let count = (&*stream).read(&mut byte).unwrap();
                    Seen::Arm((count == 1).then_some(u64::from(byte[0])))
                };
                race!(form, other, readable(stream) -> result => seen(result),
                    |select| select.readable(&stream, seen))
            }
        }),
        happen: Box::new(write.clone()),
        prepare: Box::new(write),
        shut: Some(Box::new(move || drop(peer.lock().unwrap().take()))),
        assert_untouched: nothing(),
    }
}

fn datagram() -> Row {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
    let address = socket.local_addr().unwrap();
    let peer = Arc::new(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let send = move || assert_eq!(peer.send_to(&[7], address).unwrap(), 1);
    Row {
        choose: Box::new(move |form, other| {
            let seen = |result: std::io::Result<()>| {
                result.unwrap();
                let mut byte = [0];
                assert_eq!(socket.recv(&mut byte).unwrap(), 1);
                Seen::Arm(Some(u64::from(byte[0])))
            };
            race!(form, other, readable(socket) -> result => seen(result),
                |select| select.readable(&socket, seen))
        }),
        happen: Box::new(send.clone()),
        prepare: Box::new(send),
        shut: None,
        assert_untouched: nothing(),
    }
}

fn accept() -> Row {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    let clients = Arc::new(Mutex::new(Vec::new()));
    let connect = move || {
        let client = std::net::TcpStream::connect(address).unwrap();
        clients.lock().unwrap().push(client);
    };
    Row {
        choose: Box::new(move |form, other| {
            let seen = |result: std::io::Result<()>| {
                result.unwrap();
                listener.accept().unwrap();
                Seen::Arm(Some(7))
            };
            race!(form, other, readable(listener) -> result => seen(result),
                |select| select.readable(&listener, seen))
        }),
        happen: Box::new(connect.clone()),
        prepare: Box::new(connect),
        shut: None,
        assert_untouched: nothing(),
    }
}

/// Writes until the stream has taken nothing for a while, twice.
fn fill(stream: &TcpStream) {
    let mut to = stream;
    let mut full = 0;
    while full < 2 {
        match timeout(SHORT, || to.write(&[0; 1 << 16])) {
            Ok(written) => full = written.map(|_| 0).unwrap(),
            Err(_) => full += 1,
        }
    }
}

fn writable() -> Row {
    let (stream, peer) = pair();
    let stream = Arc::new(stream);
    fill(&stream);
    let peer = Arc::new(Mutex::new(Some(peer)));
    let drain = {
        let peer = peer.clone();
        move || {
            let guard = peer.lock().unwrap();
            let mut from = guard.as_ref().unwrap();
            from.set_nonblocking(true).unwrap();
            let mut buffer = vec![0; 1 << 20];
            while from.read(&mut buffer).is_ok() {}
        }
    };
    let drained = {
        let (stream, drain) = (stream.clone(), drain.clone());
        move || {
            drain();
            // Until the event has come: what a stream was last seen to refuse is believed till then.
            select! { writable(stream) -> result => result.unwrap() }
        }
    };
    Row {
        choose: Box::new(move |form, other| {
            let seen = |result: std::io::Result<()>| {
                result.unwrap();
                Seen::Arm(Some(7))
            };
            race!(form, other, writable(stream) -> result => seen(result),
                |select| select.writable(&stream, seen))
        }),
        happen: Box::new(drain.clone()),
        prepare: Box::new(drained),
        shut: Some(Box::new(move || drop(peer.lock().unwrap().take()))),
        assert_untouched: nothing(),
    }
}

fn after(happens: Duration) -> Row {
    Row {
        choose: Box::new(move |form, other| {
            let seen = || Seen::Arm(Some(7));
            race!(form, other, after(happens) -> () => seen(),
                |select| select.after(happens, seen))
        }),
        happen: nothing(),
        prepare: nothing(),
        shut: None,
        assert_untouched: nothing(),
    }
}

fn at(happens: Duration) -> Row {
    let instant = Instant::now() + happens.min(FOREVER);
    Row {
        choose: Box::new(move |form, other| {
            let seen = || Seen::Arm(Some(7));
            race!(form, other, at(instant) -> () => seen(),
                |select| select.at(instant, seen))
        }),
        happen: nothing(),
        prepare: nothing(),
        shut: None,
        assert_untouched: nothing(),
    }
}
