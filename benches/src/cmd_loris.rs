//! `bench loris`: options, tables and the verdict. What is measured is in `http/loris.rs`.

use crate::compare::Verdict;
use crate::http::loris::{self, Plan, Run};
use crate::http::servers::{self, GREENROOM, Ground};
use crate::report::Report;
use crate::stats;
use crate::sys::process;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The p99 under attack may be this many times the control's.
const RATIO_GOAL: f64 = 2.0;
/// How long after its limit a slow client may still be there: the server looks when it can.
const CLOSE_SLACK_MS: f64 = 1000.0;

/// Options of `bench loris`.
#[derive(Debug, clap::Args)]
pub(crate) struct LorisArgs {
    /// Kept connections
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    clients: usize,
    /// Requests per second of all of them together
    #[arg(long, value_name = "N", default_value_t = 20_000.0)]
    rate: f64,
    /// Clients that send one byte of a header each 100 to 500 ms
    #[arg(long, value_name = "N", default_value_t = 1000)]
    slow: usize,
    /// What the server gives a client for a request's head
    #[arg(long, value_name = "MS", default_value_t = 4000)]
    head_limit: u64,
    /// Length of one run
    #[arg(long, value_name = "S", default_value_t = 10)]
    seconds: u64,
    /// Rounds, each a run without and one with the slow clients
    #[arg(long, value_name = "N", default_value_t = 2)]
    rounds: usize,
    /// nginx too, with the same limit
    #[arg(long)]
    peers: bool,
    /// Write all figures and the machine to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Measures; true if greenroom stays within the ratio and closes every slow client.
pub(crate) fn run(args: &LorisArgs) -> io::Result<bool> {
    process::raise_nofile()?;
    let plan = Plan {
        clients: args.clients.max(1),
        slow: args.slow.max(1),
        rate: args.rate.max(1.0),
        seconds: args.seconds.max(1),
        rounds: args.rounds.max(1),
    };
    let mut ground = Ground::new()?;
    ground.head_limit = Duration::from_millis(args.head_limit.max(1));
    let options = json!({
        "clients": plan.clients, "slow": plan.slow, "rate": plan.rate, "seconds": plan.seconds,
        "rounds": plan.rounds, "head_limit_ms": args.head_limit,
    });
    let mut report = Report::new("loris", options);
    if let Err(error) = process::raise_priority() {
        report.note(format!(
            "normal priority ({error}): other programs disturb the runs"
        ));
    }
    let mut entrants = vec![servers::greenroom()];
    if args.peers {
        entrants.extend(servers::nginx(|complaint| report.note(complaint)));
    }
    for entrant in entrants {
        let runs = loris::measure(&entrant, &ground, plan, &mut report);
        for run in &runs {
            show(entrant.name, run, &mut report);
        }
        judge(entrant.name, &runs, args.head_limit, &mut report);
    }
    report.finish(args.json.as_deref())
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(f64::NAN)
}

fn show(server: &str, run: &Run, report: &mut Report) {
    const HEADERS: [&str; 11] = [
        "run",
        "req/s",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "max µs",
        "late p50",
        "late p99",
        "lost",
        "closed",
        "server CPU",
    ];
    const SLOW_HEADERS: [&str; 10] = [
        "server",
        "opened",
        "refused",
        "bytes",
        "closed",
        "told 408",
        "after ms",
        "median",
        "at most",
        "oldest open",
    ];
    let kind = if run.is_attack { "attack" } else { "control" };
    let figure = |name: &str| format!("{:.0}", number(&run.clients, name));
    let mut cells = vec![format!("{server} {kind}")];
    let names = [
        "per_second",
        "p50_us",
        "p99_us",
        "p999_us",
        "max_us",
        "late_p50_us",
        "late_p99_us",
        "lost",
        "closed",
    ];
    cells.extend(names.map(figure));
    cells.push(format!("{:.0} %", run.cpu_share * 100.0));
    let title =
        "kept connections, latency from the time each request was due (late: of the client itself)";
    report.row(title, &HEADERS, cells);
    if let Some(slow) = &run.slow {
        let names = [
            "opened",
            "refused",
            "bytes",
            "closed",
            "told_408",
            "life_min_ms",
            "life_p50_ms",
            "life_max_ms",
            "oldest_ms",
        ];
        let figures = names.map(|name| format!("{:.0}", number(slow, name)));
        let cells = std::iter::once(server.to_owned()).chain(figures).collect();
        report.row("slow clients, closed by the server", &SLOW_HEADERS, cells);
    }
    report.record(json!({
        "server": server, "kind": kind, "clients": run.clients, "cpu_share": run.cpu_share,
        "slow": run.slow,
    }));
}

/// Greenroom has to hold; others are shown.
fn judge(server: &str, runs: &[Run], limit_ms: u64, report: &mut Report) {
    let ratio = ratio_of(runs);
    let closed = closes_all(runs, limit_ms as f64);
    let lost: f64 = runs.iter().map(|run| number(&run.clients, "lost")).sum();
    let holds = |is: bool| if is { "holds" } else { "missed" };
    let verdicts = [
        ("p99 under attack to p99 without", ratio <= RATIO_GOAL),
        ("slow clients closed at their limit", closed),
        ("no request of the others lost", lost == 0.0),
    ];
    report.note(format!(
        "{server}: p99 under attack {ratio:.2} x the control's (goal {RATIO_GOAL}: {}), slow clients \
         closed at {limit_ms} ms: {}, requests lost: {lost:.0}",
        holds(verdicts[0].1),
        holds(closed),
    ));
    report.record(json!({
        "server": server, "p99_ratio": ratio, "slow_closed": closed, "lost": lost,
    }));
    for (name, is_held) in verdicts {
        if server == GREENROOM && !is_held {
            report.judge(name, Verdict::Missed);
        }
    }
}

/// Of the medians of both kinds of run; NaN if one is missing.
fn ratio_of(runs: &[Run]) -> f64 {
    let p99 = |is_attack: bool| {
        let runs = runs.iter().filter(|run| run.is_attack == is_attack);
        stats::median(
            &runs
                .map(|run| number(&run.clients, "p99_us"))
                .collect::<Vec<_>>(),
        )
    };
    p99(true) / p99(false)
}

/// Some were closed, none before the limit, none long after, and none that is open is older.
fn closes_all(runs: &[Run], limit_ms: f64) -> bool {
    let mut accounts = runs.iter().filter_map(|run| run.slow.as_ref()).peekable();
    // The histogram is exact to 1 %, and the server may begin to count a little later or earlier.
    let (least, most) = (limit_ms * 0.9, limit_ms * 1.01 + CLOSE_SLACK_MS);
    accounts.peek().is_some()
        && accounts.all(|slow| {
            number(slow, "closed") > 0.0
                && number(slow, "life_min_ms") >= least
                && number(slow, "life_max_ms") <= most
                && number(slow, "oldest_ms") <= most
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(p99_us: f64, slow: Option<[f64; 4]>) -> Run {
        let slow = slow.map(|[closed, min, max, oldest]| {
            json!({
                "closed": closed, "life_min_ms": min, "life_max_ms": max, "oldest_ms": oldest,
            })
        });
        Run {
            is_attack: slow.is_some(),
            clients: json!({ "p99_us": p99_us, "lost": 0 }),
            cpu_share: 0.5,
            slow,
        }
    }

    #[test]
    fn ratio_is_that_of_the_medians() {
        let closed = Some([10.0, 4000.0, 4100.0, 3000.0]);
        let runs = [run(100.0, None), run(150.0, closed), run(250.0, closed)];
        assert!((ratio_of(&runs) - 2.0).abs() < 1e-9);
        assert!(ratio_of(&runs[..1]).is_nan());
    }

    #[test]
    fn slow_clients_must_be_closed_neither_early_nor_late_nor_never() {
        let holds = |slow| closes_all(&[run(1.0, None), run(1.0, Some(slow))], 4000.0);
        assert!(holds([10.0, 3990.0, 4100.0, 3000.0]));
        assert!(!holds([0.0, 0.0, 0.0, 3000.0]));
        assert!(!holds([10.0, 100.0, 4100.0, 3000.0]));
        assert!(!holds([10.0, 3990.0, 9000.0, 3000.0]));
        assert!(!holds([10.0, 3990.0, 4100.0, 9000.0]));
        assert!(!closes_all(&[run(1.0, None)], 4000.0));
    }
}
