//! From listening to the last line: what all servers of connections have in common.

use crate::listen::Listen;
use crate::options::Options;
use greenroom::signal::{Signal, Signals};
use greenroom::thread;
use greenroom_servers::{Client, Handler, Limits, Running, TcpServer, Totals};
use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

/// Serves at all of `places` until a signal, then tells `goodbye`, waits for clients, and says what was done.
pub(crate) fn serve<H: Handler>(
    options: &Options,
    places: &[Listen],
    limits: &Limits,
    handler: Arc<H>,
    goodbye: impl FnOnce(),
) -> io::Result<()> {
    let ending = Ending::new()?;
    let mut running = Vec::new();
    for place in places {
        running.push(listen(place, limits, Shared(Arc::clone(&handler)))?);
    }
    // Only when all of them listen: whoever waits for the first line may begin.
    for server in &running {
        say(format_args!("listening on {}", server.local_addr()));
    }
    ending.wait()?;
    goodbye();
    let totals = end_all(running, options.grace());
    say(format_args!("{}", Summary(&totals)));
    Ok(())
}

fn listen<H: Handler>(place: &Listen, limits: &Limits, handler: H) -> io::Result<Running> {
    let server = match place {
        Listen::Ip(_) => TcpServer::bind(&place.addresses()?[..]),
        Listen::Unix(_) => Err(io::Error::new(ErrorKind::Unsupported, "TCP only, for now")),
    };
    let server = server.map_err(|error| place.explain(error))?;
    server.limits(limits.clone()).serve_in_background(handler)
}

/// All at the same time, so that the grace is one.
fn end_all(running: Vec<Running>, grace: Duration) -> Vec<Totals> {
    thread::scope(|s| {
        let ends = running
            .into_iter()
            .map(|server| s.spawn(move || server.shutdown(grace)));
        let ends: Vec<_> = ends.collect();
        ends.into_iter().filter_map(|end| end.join().ok()).collect()
    })
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

/// The signals that end a server.
pub(crate) struct Ending(Signals);

impl Ending {
    /// From now on signals do not end the process.
    pub(crate) fn new() -> io::Result<Ending> {
        let all = [Signal::Interrupt, Signal::Terminate, Signal::Hangup];
        Signals::new(&all).map(Ending)
    }

    /// Waits for the end; after this the next signal ends the process at once.
    pub(crate) fn wait(self) -> io::Result<()> {
        let first = self.next()?;
        log::info!("{first:?}: ending; once more to end at once");
        thread::spawn(move || {
            if self.next().is_ok() {
                log::warn!("ended at once");
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
struct Summary<'a>(&'a [Totals]);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = |count: fn(&Totals) -> u64| self.0.iter().map(count).sum::<u64>();
        write!(f, "served {} clients, ", sum(|totals| totals.accepted))?;
        write!(f, "rejected {}, ", sum(|totals| totals.rejected))?;
        write!(f, "{} bytes in, ", sum(|totals| totals.bytes_in))?;
        write!(f, "{} bytes out, ", sum(|totals| totals.bytes_out))?;
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
