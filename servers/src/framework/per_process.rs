//! A handler that runs in a process of its own for each client: socketserver's `ForkingMixIn`.
//!
//! It is itself a handler: in the server it starts a process, hands the connection over, and waits. So a
//! process is accepted for, limited, cancelled and cut off as any client is, and reaped before its client
//! counts as closed. Between the two lies a socket pair: a byte towards the process means "the server is stopping",
//! its end of file "you are cancelled" (by a shutdown, or because the server is dead), and the process reports over
//! it at its end.

use super::client::Client;
use super::counters::Counters;
use super::handler::Handler;
use super::life::{Ending, live};
use super::limits::Limits;
use super::stream::{Peer, Stream};
use crate::multiprocessing::{Handed, Process};
use crate::panic_text::panic_text;
use greenroom::net::Shutdown;
use greenroom::os::unix::net::UnixStream;
use greenroom::select;
use greenroom::signal::{Signal, Signals};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a process that was cancelled may take before it is killed; a little less than a shutdown waits.
const END_LIMIT: Duration = Duration::from_millis(4_500);

/// What a terminal sends to all processes of the foreground, and a supervisor to all of a service. Whether it means
/// the end is for the server to say: a client has its grace.
const FOR_THE_SERVER: [Signal; 3] = [Signal::Interrupt, Signal::Terminate, Signal::Hangup];

/// Serves each client in a process of its own, by `H`, which is serialised to get there: its fields are its
/// configuration. Only inside of [`multiprocessing::run`](crate::multiprocessing::run).
///
/// Bytes and time-outs of a client are added to the server's counters when its process has ended, and are
/// lost if that was killed; then the client counts as ended by an error. What the process logs goes nowhere,
/// unless the handler sets up a logger there: errors and panics are logged by the server.
///
/// A process hears of a shutdown as any client does, by [`Client::is_stopping`] and [`Client::read_idle`], and is
/// cancelled after the grace. SIGINT, SIGTERM and SIGHUP, which often go to all processes of a program, do not
/// end it: what they mean is the server's affair.
///
/// # Examples
/// ```
/// use greenroom::net::TcpStream;
/// use greenroom_servers::{Client, Handler, PerProcess, TcpServer, multiprocessing};
/// use serde::{Deserialize, Serialize};
/// use std::io::{self, Write};
/// use std::time::Duration;
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct TellPid;
///
/// impl Handler for TellPid {
///     fn handle(&self, client: &mut Client) -> io::Result<()> {
///         client.write_all(std::process::id().to_string().as_bytes())
///     }
/// }
///
/// fn main() -> io::Result<()> {
///     multiprocessing::run(|| {
///         let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(PerProcess(TellPid))?;
///         let pid = io::read_to_string(TcpStream::connect(server.local_addr())?)?;
///         assert_ne!(pid, std::process::id().to_string());
///         let totals = server.shutdown(Duration::from_secs(5));
///         assert_eq!(totals.bytes_out, pid.len() as u64);
///         Ok(())
///     })?
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PerProcess<H>(pub H);

/// What a process is started with.
#[derive(Serialize, Deserialize)]
struct Order<H> {
    handler: H,
    stream: Handed,
    control: Handed,
    peer: Peer,
    limits: Limits,
}

/// What it says at its end.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Report {
    bytes_in: u64,
    bytes_out: u64,
    timeouts: u64,
    errors: Vec<String>,
    panics: Vec<String>,
}

impl<H> Handler for PerProcess<H>
where
    H: Handler + Clone + Serialize + DeserializeOwned,
{
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        let (control, theirs) = UnixStream::pair()?;
        let order = Order {
            handler: self.0.clone(),
            stream: Handed::from(client.as_fd().try_clone_to_owned()?),
            control: Handed::from(theirs),
            peer: client.peer().clone(),
            limits: client.limits().clone(),
        };
        // Shielded: nobody would know of a process whose start was cancelled.
        let process = greenroom::shield(|| Process::spawn(serve_one::<H>, order))?;
        let waiting = || {
            tell_of_stop(&control, client.counters())?;
            end_of(&process, &control)
        };
        match catch_unwind(AssertUnwindSafe(waiting)) {
            Ok(report) => take_in(report?, client),
            Err(payload) => {
                greenroom::shield(|| cut_off(&process, &control, client));
                resume_unwind(payload)
            }
        }
    }
}

/// Waits until a process says something; if the server stops before that, the process hears of it. Parks.
fn tell_of_stop(mut control: &UnixStream, counters: &Counters) -> io::Result<()> {
    select! {
        readable(control) -> ready => ready,
        wait(counters.idlers.stopping()) => {
            // One that has just ended need not know.
            let _ = control.write_all(&[0]);
            Ok(())
        }
    }
}

/// Waits for a process and its report. Parks.
fn end_of(process: &Process, mut control: &UnixStream) -> io::Result<Report> {
    let mut report = Vec::new();
    control.read_to_end(&mut report)?;
    let status = process.join();
    if !status.success() {
        let who = process.name();
        return Err(io::Error::other(format!("{who} {status}")));
    }
    postcard::from_bytes(&report).map_err(|error| io::Error::other(error.to_string()))
}

/// Adds what a process reports to the server's numbers.
fn take_in(report: Report, client: &Client) -> io::Result<()> {
    let counters = client.counters();
    Counters::add(&counters.bytes_in, report.bytes_in);
    Counters::add(&counters.bytes_out, report.bytes_out);
    Counters::add(&counters.timeouts, report.timeouts);
    for panic in report.panics {
        let payload: Box<dyn Any + Send> = Box::new(panic);
        Ending::Panic(payload).note(client.peer(), counters);
    }
    match report.errors.into_iter().next() {
        Some(text) => Err(io::Error::other(text)),
        None => Ok(()),
    }
}

/// Tells a process to end, and kills it if it does not. Its errors are ours.
fn cut_off(process: &Process, control: &UnixStream, client: &Client) {
    let _ = control.shutdown(Shutdown::Write);
    match greenroom::timeout(END_LIMIT, || end_of(process, control)) {
        Ok(Ok(mut report)) => {
            report.errors.clear();
            let _ = take_in(report, client);
        }
        Ok(Err(error)) => log::warn!("{}: {error}", client.peer()),
        Err(_elapsed) => {
            log::warn!(
                "{}: killing {}, which goes on",
                client.peer(),
                process.name()
            );
            let _ = process.kill();
            process.join();
        }
    }
}

/// The process: one client, then the end.
fn serve_one<H: Handler>(order: Order<H>) {
    // Never dropped: one that comes late must not end a process that has done its work.
    std::mem::forget(Signals::new(&FOR_THE_SERVER));
    let control = Arc::new(order.control.into_unix_stream());
    let stream = match order.peer {
        Peer::Ip(_) => Stream::Tcp(order.stream.into_tcp_stream()),
        Peer::Unix(_) => Stream::Unix(order.stream.into_unix_stream()),
    };
    let counters = Arc::new(Counters::default());
    let endings = Arc::new(Mutex::new(Report::default()));
    let (limits, handler, peer) = (Arc::new(order.limits), order.handler, order.peer);
    let task = {
        let (control, counters) = (Arc::clone(&control), Arc::clone(&counters));
        let endings = Arc::clone(&endings);
        greenroom::thread::spawn(move || {
            let _done = Done(control);
            let note = |ending: &Ending| keep(ending, &endings);
            match Client::new(stream, peer, limits, counters) {
                Ok(mut client) => live(&handler, &mut client, |ending, _| note(ending)),
                Err(error) => note(&Ending::Error(error)),
            }
        })
    };
    while let Ok(1) = (&*control).read(&mut [0]) {
        counters.idlers.stop();
    }
    // The end of the file comes from the server, which cancels, or from `Done`: then there is nothing left to
    // be cancelled.
    task.cancel();
    drop(task.join());
    let totals = counters.totals();
    // Taken out: the write below may park.
    let mut report = std::mem::take(&mut *endings.lock().unwrap_or_else(PoisonError::into_inner));
    report.bytes_in = totals.bytes_in;
    report.bytes_out = totals.bytes_out;
    report.timeouts = totals.timeouts;
    if let Ok(bytes) = postcard::to_stdvec(&report) {
        // A server that is dead needs none.
        let _ = (&*control).write_all(&bytes);
    }
}

/// Wakes the reader of the control at the client's end.
struct Done(Arc<UnixStream>);

impl Drop for Done {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Read);
    }
}

fn keep(ending: &Ending, report: &Mutex<Report>) {
    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
    match ending {
        Ending::Good | Ending::Interrupt(_) => {}
        Ending::Error(error) => report.errors.push(error.to_string()),
        Ending::Panic(payload) => report.panics.push(panic_text(payload.as_ref()).to_owned()),
    }
}
