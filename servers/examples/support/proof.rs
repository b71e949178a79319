//! What the echo servers share: their options, their life, and a crowd of clients that proves them.
//!
//! With `--client` the server and all of its clients are green threads of one process. Every client
//! has its connection open before the first one sends anything, so they are open at once; each then
//! checks every echo. A wrong byte, a refused connection or an unclean end is a failure of the process.

use greenroom::net::{Server, TcpListener, TcpStream, serve};
use greenroom::signal::{Signal, Signals};
use greenroom::sync::mpsc::{self, RecvTimeoutError};
use greenroom::sync::{Event, WaitGroup};
use greenroom::thread;
use std::error::Error as StdError;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(crate) type Error = Box<dyn StdError + Send + Sync>;

/// An echo over some protocol, both ends of it.
pub(crate) trait Protocol: Send + Sync + 'static {
    const NAME: &'static str;
    const PORT: u16;
    /// A client's connection after its handshake.
    type Client: Send;

    /// Serves one connection to its end and counts each echo.
    fn serve(&self, stream: TcpStream, echoes: &AtomicU64) -> Result<(), Error>;
    fn connect(&self, stream: TcpStream) -> Result<Self::Client, Error>;
    /// Sends `message` and returns what came back.
    fn echo(client: &mut Self::Client, message: &[u8]) -> Result<Vec<u8>, Error>;
    /// Ends the connection by the rules of the protocol, seen from both sides.
    fn close(client: Self::Client) -> Result<(), Error>;
}

/// The `main` of an example.
pub(crate) fn main<P: Protocol>(make: impl FnOnce() -> Result<P, Error> + Send) -> ExitCode {
    env_logger::init();
    let options = match Options::parse(P::PORT, std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}\nusage: {} {USAGE}", P::NAME);
            return ExitCode::from(2);
        }
    };
    let mut builder = greenroom::Runtime::builder();
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    let outcome = match builder.build() {
        Ok(runtime) => runtime.run(|| live(Arc::new(make()?), &options)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", P::NAME);
            ExitCode::FAILURE
        }
    }
}

/// Of a crowd that fails for one reason, some say it.
const FAILURES_SHOWN: usize = 5;

/// Why the server ends.
enum End {
    Signal(Signal),
    /// The crowd is through.
    Proof(Result<(), Error>),
}

/// Serves until a signal, the end of the time, or the end of the proof; then finishes what is open.
fn live<P: Protocol>(protocol: Arc<P>, options: &Options) -> Result<(), Error> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let address = ("127.0.0.1", options.port);
    let listener = TcpListener::bind(address)
        .map_err(|error| format!("cannot listen on {}:{}: {error}", address.0, address.1))?;
    let echoes = Arc::new(AtomicU64::new(0));
    let server = {
        let (protocol, echoes) = (Arc::clone(&protocol), Arc::clone(&echoes));
        serve(listener, move |stream, peer| {
            if let Err(error) = protocol.serve(stream, &echoes) {
                log::info!("{peer}: {error}");
            }
        })?
    };
    println!("listening on {}", server.local_addr());

    let (tell, ends) = mpsc::channel();
    let server = Arc::new(server);
    let told = tell.clone();
    thread::spawn(move || signals.wait().map(|signal| told.send(End::Signal(signal))));
    let proof = options.clients.map(|clients| {
        let (server, rounds) = (Arc::clone(&server), options.rounds);
        thread::spawn(move || {
            let outcome = prove(&*protocol, &server, clients, rounds);
            drop(server); // Before the news: whoever hears of it owns the server alone.
            let _ = tell.send(End::Proof(outcome));
        })
    });
    let end = match options.serve_time {
        Some(time) => ends.recv_timeout(time),
        None => ends.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    let outcome = match end {
        Ok(End::Proof(outcome)) => outcome,
        _ if proof.is_some() => Err("ended before its clients were through".into()),
        Ok(End::Signal(signal)) => {
            log::info!("{signal:?}: finishing open connections");
            Ok(())
        }
        Err(_) => Ok(()),
    };
    if let Some(proof) = proof {
        // If it is still under way, it unwinds, its clients first.
        proof.cancel();
        let _ = proof.join();
    }
    let server = Arc::into_inner(server).expect("because the crowd has let go of it");
    finish(server, options.grace, &echoes);
    outcome
}

fn finish(server: Server, grace: Duration, echoes: &AtomicU64) {
    let stats = server.finish(grace);
    println!(
        "served {} connections, {} echoes",
        stats.accepted,
        echoes.load(Ordering::Relaxed)
    );
    if stats.cut_off > 0 {
        println!(
            "{} connections were still open after {grace:?}",
            stats.cut_off
        );
    }
}

/// `clients` connections at once, `rounds` checked echoes each.
fn prove<P: Protocol>(
    protocol: &P,
    server: &Server,
    clients: usize,
    rounds: usize,
) -> Result<(), Error> {
    let start = Instant::now();
    let (opening, all_are_open) = (&WaitGroup::new(), &Event::new());
    let address = server.local_addr();
    let outcomes: Vec<Result<usize, Error>> = thread::scope(|scope| {
        let visits: Vec<_> = (0..clients)
            .map(|number| {
                let is_opening = opening.enter();
                scope.spawn(move || {
                    let client = TcpStream::connect(address)
                        .map_err(Error::from)
                        .and_then(|stream| protocol.connect(stream));
                    // Also if it failed: the others do not wait for it.
                    drop(is_opening);
                    all_are_open.wait();
                    visit::<P>(client?, number, rounds)
                })
            })
            .collect();
        if !wait_for(opening, server) {
            for visit in &visits {
                visit.cancel();
            }
        }
        println!("{} connections are open", server.stats().open);
        all_are_open.set();
        let outcome = |visit: thread::ScopedJoinHandle<'_, _>| match visit.join() {
            Ok(outcome) => outcome,
            Err(_cancelled) => Err("too many open files in this process".into()),
        };
        visits.into_iter().map(outcome).collect()
    });
    let mut bytes = 0;
    let mut failures = 0;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(echoed) => bytes += echoed,
            Err(error) => {
                failures += 1;
                if failures <= FAILURES_SHOWN {
                    eprintln!("client {number}: {error}");
                }
            }
        }
    }
    if failures > 0 {
        return Err(format!("{failures} of {clients} clients failed").into());
    }
    println!(
        "{clients} clients got {} echoes, {bytes} bytes, all equal, in {:.2?}",
        clients * rounds,
        start.elapsed()
    );
    Ok(())
}

/// Waits until every client is connected or has failed. `false`: the server has no descriptors left for
/// those who wait for it, and those who are connected would keep theirs.
fn wait_for(opening: &WaitGroup, server: &Server) -> bool {
    const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
    while !opening.wait_timeout(BETWEEN_LOOKS) {
        if server.stats().refused > 0 {
            return false;
        }
    }
    true
}

/// Returns the bytes that came back.
fn visit<P: Protocol>(mut client: P::Client, number: usize, rounds: usize) -> Result<usize, Error> {
    let mut bytes = 0;
    for round in 0..rounds {
        let sent = message(number, round);
        let received = P::echo(&mut client, &sent)?;
        if received != sent {
            let at = sent
                .iter()
                .zip(&received)
                .take_while(|(a, b)| a == b)
                .count();
            let lengths = (sent.len(), received.len());
            return Err(format!("echo {round} is wrong from byte {at} on: {lengths:?}").into());
        }
        bytes += sent.len();
        thread::yield_now();
    }
    P::close(client)?;
    Ok(bytes)
}

/// Bytes that differ by client, round and place; every eighth message is longer than one TLS record.
fn message(client: usize, round: usize) -> Vec<u8> {
    let long = if (client + round).is_multiple_of(8) {
        20_000
    } else {
        0
    };
    let len = (client * 31 + round * 977) % 2_000 + long;
    let mut state = (client as u64) << 32 | round as u64;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(next).collect()
}

const USAGE: &str = "[--port PORT] [--workers N] [--grace SECONDS] [--serve-seconds SECONDS] \
                     [--client [CONNECTIONS]] [--rounds ECHOES]";

struct Options {
    port: u16,
    workers: Option<usize>,
    grace: Duration,
    serve_time: Option<Duration>,
    clients: Option<usize>,
    rounds: usize,
}

impl Options {
    fn parse(port: u16, args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            port,
            workers: None,
            grace: Duration::from_secs(10),
            serve_time: None,
            clients: None,
            rounds: 10,
        };
        let mut args = args.peekable();
        while let Some(name) = args.next() {
            if name == "--client" && args.peek().is_none_or(|next| next.starts_with("--")) {
                options.clients = Some(1_000);
                continue;
            }
            let value = args
                .next()
                .ok_or_else(|| format!("{name}: a value is missing"))?;
            let bad = |_| format!("{name} {value}: not a number in range");
            let seconds = || value.parse().map(Duration::from_secs);
            match name.as_str() {
                "--port" => options.port = value.parse().map_err(bad)?,
                "--workers" => options.workers = Some(value.parse().map_err(bad)?),
                "--grace" => options.grace = seconds().map_err(bad)?,
                "--serve-seconds" => options.serve_time = Some(seconds().map_err(bad)?),
                "--client" => options.clients = Some(value.parse().map_err(bad)?),
                "--rounds" => options.rounds = value.parse().map_err(bad)?,
                _ => return Err(format!("{name}: unknown option")),
            }
        }
        Ok(options)
    }
}
