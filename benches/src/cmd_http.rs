//! `bench http`: options, who is held against whom, and the tables. What is measured is in `http/`.

use crate::compare::{Comparison, Target, Verdict};
use crate::http::contest::{self, Found, LOADS, Load, Plan, Sample};
use crate::http::file;
use crate::http::servers::{self, GREENROOM, Ground, RAW};
use crate::http::wrk::{self, Aim};
use crate::report::Report;
use crate::sys::process;
use serde_json::json;
use std::io;
use std::path::PathBuf;

/// Options of `bench http`.
#[derive(Debug, clap::Args)]
pub(crate) struct HttpArgs {
    /// Build the servers of benches/peers and run them, and nginx, in turns with greenroom
    #[arg(long)]
    peers: bool,
    /// A static file of 10 MB against nginx instead
    #[arg(long, conflicts_with_all = ["peers", "gate", "only"])]
    file: bool,
    /// Hold the ratios to the peers against their limits
    #[arg(long, requires = "peers")]
    gate: bool,
    /// Rounds, each with all servers started afresh
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Length of one run
    #[arg(long, value_name = "S", default_value_t = 2)]
    seconds: u64,
    /// Run only loads whose name begins so (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Write all samples and the machine to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print the loads' names and end
    #[arg(long)]
    list: bool,
}

/// What greenroom's cost may be, as a multiple of another server's.
#[derive(Clone, Copy, Debug)]
struct Limit {
    server: &'static str,
    ratio: f64,
    /// A gate, not a goal: missed, it is told at the end and by the exit code.
    is_gate: bool,
}

const fn limit(server: &'static str, ratio: f64, is_gate: bool) -> Limit {
    Limit {
        server,
        ratio,
        is_gate,
    }
}

const LIMITS: [Limit; 4] = [
    limit("go", 0.7, true),
    limit("hyper", 1.15, true),
    limit("may_minihttp", 1.0, false),
    limit(RAW, 1.05, false),
];

impl HttpArgs {
    fn loads(&self) -> io::Result<Vec<Load>> {
        let is_wanted = |load: &Load| {
            self.only.is_empty() || self.only.iter().any(|only| load.name.starts_with(only))
        };
        let loads: Vec<Load> = LOADS.into_iter().filter(is_wanted).collect();
        if loads.is_empty() {
            let text = format!("no load named {}; see --list", self.only.join(", "));
            return Err(io::Error::other(text));
        }
        Ok(loads)
    }
}

/// Runs the chosen part; true if every gate asked for holds.
pub(crate) fn run(args: &HttpArgs) -> io::Result<bool> {
    let loads = args.loads()?;
    if args.list {
        loads.iter().for_each(|load| println!("{}", load.name));
        return Ok(true);
    }
    wrk::is_there()?;
    process::raise_nofile()?;
    let plan = Plan {
        rounds: args.rounds.max(1),
        seconds: args.seconds.max(1),
    };
    let options = json!({
        "rounds": plan.rounds, "seconds": plan.seconds, "peers": args.peers, "file": args.file,
    });
    let mut report = Report::new("http", options);
    let mut entrants = vec![servers::greenroom(), servers::raw()];
    if args.peers {
        entrants.extend(servers::peers(|complaint| report.note(complaint)));
    }
    // After the builds, which are nobody's measurement.
    if let Err(error) = process::raise_priority() {
        report.note(format!(
            "normal priority ({error}): other programs disturb the runs"
        ));
    }
    if args.file {
        file::run(plan, &mut report)?;
        return report.finish(args.json.as_deref());
    }
    let ground = Ground::new()?;
    let aims = loads.iter().map(|load| {
        let (connections, depth) = (load.connections, load.depth);
        Aim::new(&ground.scratch, load.name, "/", connections, depth)
    });
    let aims = aims.collect::<io::Result<Vec<Aim>>>()?;
    let found = contest::hold(&entrants, &ground, &aims, plan, &mut report);
    found.show(&loads, RAW, &mut report);
    if args.gate {
        judge(&found, &loads, &mut report);
    }
    report.finish(args.json.as_deref())
}

/// A table of all limits, by load; the missed gates are the report's.
fn judge(found: &Found, loads: &[Load], report: &mut Report) {
    let title = "greenroom's CPU per request against the limits (median ratio, best ratio)";
    let headers = ["to", "kind", "limit"].into_iter();
    let headers: Vec<&str> = headers.chain(loads.iter().map(|load| load.name)).collect();
    for limit in LIMITS {
        let kind = if limit.is_gate { "gate" } else { "goal" };
        let mut cells = vec![limit.server.to_owned(), kind.to_owned()];
        cells.push(format!("{:.2}", limit.ratio));
        for (number, load) in loads.iter().enumerate() {
            let ratio = limit.ratio;
            let target = Some(Target {
                gate: ratio,
                goal: ratio,
            });
            let sides = [limit.server, GREENROOM];
            let told = found.compare(number, sides, Sample::cpu_us_per_request, target);
            cells.push(cell(told.as_ref()));
            if limit.is_gate {
                let verdict = told.as_ref().map_or(Verdict::Missed, Comparison::verdict);
                report.judge(&format!("{} to {}", load.name, limit.server), verdict);
            }
            report.record(json!({
                "limit": ratio, "kind": kind, "to": limit.server, "load": load.name,
                "comparison": told.as_ref().map(Comparison::json),
            }));
        }
        report.row(title, &headers, cells);
    }
}

/// The better-founded of both ratios decides.
fn cell(told: Option<&Comparison>) -> String {
    let Some(told) = told else {
        return "not measured".to_owned();
    };
    let word = match told.verdict() {
        Verdict::Missed => "missed",
        _ => "holds",
    };
    let (median, best) = (told.ratio_median(), told.ratio_best());
    format!("{median:.2} {best:.2} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::contest::tests::found;

    #[test]
    fn gate_holds_at_its_limit_and_is_missed_beyond() {
        let found = found(&[(GREENROOM, 7.0), ("go", 10.0), ("hyper", 6.0)]);
        let told = |limit: Limit| {
            let target = Some(Target {
                gate: limit.ratio,
                goal: limit.ratio,
            });
            let sides = [limit.server, GREENROOM];
            cell(
                found
                    .compare(0, sides, Sample::cpu_us_per_request, target)
                    .as_ref(),
            )
        };
        assert_eq!(told(LIMITS[0]), "0.70 0.70 holds");
        assert_eq!(told(LIMITS[1]), "1.17 1.17 missed");
        assert_eq!(told(LIMITS[2]), "not measured");
    }

    #[test]
    fn gate_to_a_peer_that_is_missing_is_missed_a_goal_is_not() {
        let found = found(&[(GREENROOM, 5.0), ("go", 10.0)]);
        let mut report = Report::new("http", json!({}));
        judge(&found, &LOADS[..1], &mut report);
        assert_eq!(report.missed(), ["c64 to hyper"]);
    }
}
