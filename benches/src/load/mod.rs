//! The load generator, a process of its own (`bench load`), driven by lines on its stdin.
//!
//! It opens its connections, checks each with one message, says `ready`, then answers every
//! command with one line of JSON:
//! `run WARM_MS MS` (closed loop or churn), `open RATE WARM_MS MS`, `owners` (which server thread
//! serves how many), `use SHARE` (`all`, `hot`: one thread's connections, `mixed`: as many, of all threads).
//! It reads the server's CPU clock itself, at rest before and after the measured part of a run.
//! It ends at the end of stdin.

mod churn;
pub(crate) mod closed;
mod conn;
pub(crate) mod open;
pub(crate) mod tally;
pub(crate) mod tape;
mod threads;

use crate::sys::process;
use churn::Churn;
use closed::Shard;
use serde_json::{Value, json};
use std::io::{self, BufRead, Write};
use std::net::SocketAddrV4;
use std::time::Duration;
use tally::{Clock, Tally};
use threads::Account;

/// What the load consists of.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoadArgs {
    /// Where the server listens.
    #[arg(long)]
    server: SocketAddrV4,
    /// The server's process, for its CPU clock.
    #[arg(long)]
    pid: u32,
    /// Connections (slots with --churn).
    #[arg(long)]
    connections: usize,
    /// Bytes per message.
    #[arg(long)]
    size: usize,
    /// Messages under way per connection.
    #[arg(long)]
    depth: u64,
    /// Client threads.
    #[arg(long)]
    threads: usize,
    /// A new connection per message.
    #[arg(long)]
    churn: bool,
}

enum Source {
    Lasting(Vec<Shard>),
    Churn(Vec<Churn>),
}

struct Load {
    args: LoadArgs,
    source: Source,
    clock: Clock,
    groups: Vec<Vec<usize>>,
}

/// Connects, then obeys stdin until its end.
pub(crate) fn serve_commands(args: &LoadArgs) -> io::Result<()> {
    process::raise_nofile()?;
    let mut load = Load::new(args)?;
    load.run(None, 0)?;
    say("ready")?;
    for line in io::stdin().lock().lines() {
        let answer = match load.obey(&line?) {
            Ok(answer) => answer,
            Err(error) => json!({ "error": error.to_string() }),
        };
        say(&answer.to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    println!("{line}");
    io::stdout().flush()
}

impl Load {
    fn new(args: &LoadArgs) -> io::Result<Load> {
        let each = args.connections.div_ceil(args.threads.max(1));
        let ranges = (0..args.threads.max(1))
            .map(|n| (n * each).min(args.connections)..((n + 1) * each).min(args.connections));
        let source = if args.churn {
            let slots = ranges.map(|range| Churn::new(args.server, range.len(), args.size));
            Source::Churn(slots.collect::<io::Result<_>>()?)
        } else {
            let size = args.size as u64;
            let depth = args.depth.clamp(1, closed::DEPTH_MAX as u64);
            let shards = ranges.map(|range| Shard::connect(args.server, range, size, depth));
            Source::Lasting(shards.collect::<io::Result<_>>()?)
        };
        Ok(Load {
            args: args.clone(),
            source,
            clock: Clock::new(),
            groups: Vec::new(),
        })
    }

    fn obey(&mut self, line: &str) -> io::Result<Value> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["run", warm, measured] => {
                self.warm(None, number(warm)?)?;
                self.measure(None, number(measured)?)
            }
            ["open", rate, warm, measured] => {
                let rate: f64 = rate.parse().map_err(io::Error::other)?;
                self.warm(Some(rate), number(warm)?)?;
                self.measure(Some(rate), number(measured)?)
            }
            ["owners"] => self.find_owners(),
            ["use", share] => self.choose(share),
            _ => Err(io::Error::other(format!("unknown command `{line}`"))),
        }
    }

    /// A run that counts nothing; a length of 0 is no run at all, not one message per client.
    fn warm(&mut self, rate: Option<f64>, millis: u64) -> io::Result<()> {
        if millis > 0 {
            self.run(rate, millis)?;
        }
        Ok(())
    }

    /// One run whose CPU time, wall time and messages are counted from rest to rest.
    fn measure(&mut self, rate: Option<f64>, millis: u64) -> io::Result<Value> {
        let (pid, own_pid) = (self.args.pid, std::process::id());
        let before_ns = cpu_at_rest(pid)?;
        let before = threads::accounts(pid)?;
        let own_delayed_ns = threads::delayed_ns(own_pid)?;
        let begun_ns = self.clock.now_ns();
        let tally = self.run(rate, millis)?;
        let wall_ns = self.clock.now_ns() - begun_ns;
        let own_delayed_ns = threads::delayed_ns(own_pid)?.saturating_sub(own_delayed_ns);
        let cpu_ns = cpu_at_rest(pid)? - before_ns;
        let after = threads::accounts(pid)?;
        let grown = |pick: fn(&Account) -> u64| -> Vec<u64> {
            let growth = |(tid, now)| pick(now) - before.get(tid).map_or(0, pick);
            after.iter().map(growth).collect()
        };
        let delayed_ns = own_delayed_ns + grown(|account| account.delayed_ns).iter().sum::<u64>();
        let us = |quantile: f64| tally.latency_ns.value_at_quantile(quantile) as f64 / 1e3;
        Ok(json!({
            "messages": tally.messages,
            "bytes": tally.bytes,
            "wall_ns": wall_ns,
            "cpu_ns": cpu_ns,
            "cpu_ns_by_thread": grown(|account| account.cpu_ns),
            "delayed_ns": delayed_ns,
            "p50_us": us(0.5),
            "p99_us": us(0.99),
            "p999_us": us(0.999),
            "max_us": us(1.0),
        }))
    }

    fn run(&mut self, rate: Option<f64>, millis: u64) -> io::Result<Tally> {
        let clock = self.clock;
        let until_ns = clock.now_ns() + millis * 1_000_000;
        match &mut self.source {
            Source::Churn(churns) => on_threads(churns, |churn| churn.run(&clock, until_ns)),
            Source::Lasting(shards) => on_threads(shards, |shard| match rate {
                Some(rate) => open::run(shard, &clock, rate, until_ns),
                None => shard.run(&clock, until_ns),
            }),
        }
    }

    fn only_shard(&mut self) -> io::Result<&mut Shard> {
        match &mut self.source {
            Source::Lasting(shards) if shards.len() == 1 => Ok(&mut shards[0]),
            _ => Err(io::Error::other(
                "this needs lasting connections on one client thread",
            )),
        }
    }

    fn find_owners(&mut self) -> io::Result<Value> {
        let (clock, pid) = (self.clock, self.args.pid);
        self.groups = threads::owners(self.only_shard()?, &clock, pid)?;
        let sizes: Vec<usize> = self.groups.iter().map(Vec::len).collect();
        Ok(json!({ "owners": sizes }))
    }

    fn choose(&mut self, share: &str) -> io::Result<Value> {
        let hot = self.groups.first().cloned().unwrap_or_default();
        let shard = self.only_shard()?;
        let all = 0..shard.conns.len();
        shard.active = match share {
            "all" => all.collect(),
            "hot" if !hot.is_empty() => hot,
            "mixed" => {
                let (wanted, every) = (hot.len(), all.len());
                (0..wanted).map(|n| n * every / wanted).collect()
            }
            _ => {
                return Err(io::Error::other(format!(
                    "no connections to use as `{share}`"
                )));
            }
        };
        let using = shard.active.len();
        Ok(json!({ "using": using }))
    }
}

fn number(word: &str) -> io::Result<u64> {
    word.parse().map_err(io::Error::other)
}

/// Runs every part on a thread of its own (the last here) and adds up what they counted.
fn on_threads<P: Send>(
    parts: &mut [P],
    run: impl Fn(&mut P) -> io::Result<Tally> + Sync,
) -> io::Result<Tally> {
    let Some((last, others)) = parts.split_last_mut() else {
        return Ok(Tally::new());
    };
    let run = &run;
    std::thread::scope(|scope| {
        let others: Vec<_> = others
            .iter_mut()
            .map(|part| scope.spawn(move || run(part)))
            .collect();
        let mut total = run(last)?;
        for other in others {
            let tally = other
                .join()
                .map_err(|_| io::Error::other("a client thread panicked"))??;
            total.add(&tally)?;
        }
        Ok(total)
    })
}

/// The server's CPU time once all its threads sleep: a running thread's account is up to a tick
/// (4 ms) behind. A server that never sleeps is read with that error.
pub(crate) fn cpu_at_rest(pid: u32) -> io::Result<u64> {
    const PAUSE: Duration = Duration::from_micros(250);
    const ATTEMPTS: usize = 200;
    for _ in 0..ATTEMPTS {
        std::thread::sleep(PAUSE);
        if threads::all_asleep(pid)? {
            break;
        }
    }
    process::cpu_ns(pid)
}
