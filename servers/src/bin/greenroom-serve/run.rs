//! From listening to the last line: what all servers of connections have in common.

use crate::listen::Listen;
use crate::options::Options;
use greenroom::signal::{Signal, Signals};
use greenroom::thread;
use greenroom_servers::{Client, Handler, TcpServer, Totals, UnixServer};
use std::fmt::{Arguments, Display};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a server of connections is made of, but for its handler.
pub(crate) struct Plan<'a> {
    pub(crate) options: &'a Options,
    pub(crate) places: &'a [Listen],
    /// How long its clients may be silent, if the user has not said.
    pub(crate) idle: Duration,
    /// What a client hears that is one too many.
    pub(crate) rejection: &'a [u8],
    /// What is left to do when a second signal ends it at once.
    pub(crate) last_act: LastAct,
}

/// Done right before the process ends without unwinding anything.
pub(crate) type LastAct = Box<dyn FnOnce() + Send>;

/// A server that has begun.
pub(crate) struct Started {
    pub(crate) place: String,
    pub(crate) end: Box<dyn FnOnce(Duration) -> Totals + Send>,
}

impl Plan<'_> {
    /// Serves at all places until a signal, then calls `goodbye`, waits for clients, and says what was done.
    pub(crate) fn serve<H: Handler>(
        self,
        handler: &Arc<H>,
        goodbye: impl FnOnce(),
    ) -> io::Result<()> {
        let ending = Ending::new()?;
        let starting = self.places.iter().map(|place| {
            let handler = Shared(Arc::clone(handler));
            self.start(place, handler)
                .map_err(|error| place.explain(error))
        });
        let started = starting.collect::<io::Result<_>>()?;
        let last_act = self.last_act;
        until_signal(self.options, ending, started, "clients", goodbye, last_act)
    }

    fn start<H: Handler>(&self, place: &Listen, handler: H) -> io::Result<Started> {
        let (limits, mode) = (
            self.options.limits(self.idle),
            self.options.concurrency.here(),
        );
        match place {
            Listen::Ip(address) => {
                let server = TcpServer::bind(&address[..])?
                    .limits(limits)
                    .concurrency(mode);
                let running = server
                    .reject_with(self.rejection)
                    .serve_in_background(handler)?;
                Ok(Started {
                    place: running.local_addr().to_string(),
                    end: Box::new(|grace| running.shutdown(grace)),
                })
            }
            Listen::Unix(path) => {
                let server = UnixServer::bind(path)?.limits(limits).concurrency(mode);
                let running = server
                    .reject_with(self.rejection)
                    .serve_in_background(handler)?;
                Ok(Started {
                    place: place.to_string(),
                    end: Box::new(|grace| running.shutdown(grace)),
                })
            }
        }
    }
}

/// From the first line of a server to its last.
pub(crate) fn until_signal(
    options: &Options,
    ending: Ending,
    started: Vec<Started>,
    what: &str,
    goodbye: impl FnOnce(),
    last_act: LastAct,
) -> io::Result<()> {
    // Only when all of them listen: whoever waits for the first line may begin.
    for server in &started {
        say(format_args!("listening on {}", server.place));
    }
    ending.wait(last_act)?;
    goodbye();
    let grace = options.grace();
    // All at the same time, so that the grace is one.
    let totals: Vec<Totals> = thread::scope(|s| {
        let ends: Vec<_> = started
            .into_iter()
            .map(|server| s.spawn(move || (server.end)(grace)))
            .collect();
        ends.into_iter().filter_map(|end| end.join().ok()).collect()
    });
    say(format_args!(
        "{}",
        Summary {
            what,
            totals: &totals
        }
    ));
    Ok(())
}

/// One handler for several listeners.
struct Shared<H>(Arc<H>);

impl<H: Handler> Handler for Shared<H> {
    fn setup(&self, client: &mut Client) -> io::Result<()> {
        self.0.setup(client)
    }

    fn handle(&self, client: &mut Client) -> io::Result<()> {
        self.0.handle(client)
    }

    fn finish(&self, client: &mut Client) {
        self.0.finish(client);
    }
}

/// The same signal so soon after the first is that one again: `timeout` and some supervisors send theirs to the process
/// and to its group. Doubled, impatient people notice.
const ECHO: Duration = Duration::from_millis(200);

/// The signals that end a server.
pub(crate) struct Ending(Signals);

impl Ending {
    /// From now on signals do not end the process.
    pub(crate) fn new() -> io::Result<Ending> {
        let all = [Signal::Interrupt, Signal::Terminate, Signal::Hangup];
        Signals::new(&all).map(Ending)
    }

    /// Waits for the end; after this the next signal ends the process at once.
    fn wait(self, last_act: LastAct) -> io::Result<()> {
        let first = self.next()?;
        let came = Instant::now();
        log::info!("{first:?}: ending; once more to end at once");
        thread::spawn(move || {
            while let Ok(next) = self.next() {
                if next == first && came.elapsed() < ECHO {
                    continue;
                }
                log::warn!("ended at once");
                last_act();
                std::process::exit(1);
            }
        });
        Ok(())
    }

    fn next(&self) -> io::Result<Signal> {
        loop {
            match self.0.wait()? {
                Signal::Hangup => log::info!("SIGHUP: there is nothing to reload"),
                signal => return Ok(signal),
            }
        }
    }
}

/// What several servers have done together.
struct Summary<'a> {
    what: &'a str,
    totals: &'a [Totals],
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = |count: fn(&Totals) -> u64| self.totals.iter().map(count).sum::<u64>();
        write!(
            f,
            "served {} {}, ",
            sum(|totals| totals.accepted),
            self.what
        )?;
        write!(f, "rejected {}, ", sum(|totals| totals.rejected))?;
        write!(f, "cut off {}; ", sum(|totals| totals.cut_off))?;
        write!(f, "{} bytes in, ", sum(|totals| totals.bytes_in))?;
        write!(f, "{} bytes out; ", sum(|totals| totals.bytes_out))?;
        write!(f, "{} errors, ", sum(|totals| totals.errors))?;
        write!(f, "{} timeouts, ", sum(|totals| totals.timeouts))?;
        write!(f, "{} panics", sum(|totals| totals.panics))
    }
}

/// A line for whoever started the server. One that cannot be shown, say because of `greenroom-serve | head -1`,
/// is no reason to leave the clients: it is lost.
pub(crate) fn say(line: Arguments<'_>) {
    let _ = greenroom::io::stdout().write_fmt(format_args!("{line}\n"));
}
