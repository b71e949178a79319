//! `bench sync`: options, the order of rows, and two tables: floors, and peers if asked for.
//! What is measured is in `sync/`.

use crate::compare::{Comparison, Costs};
use crate::micro::{Lab, in_turns};
use crate::report::Report;
use crate::sync::peers::{NAMES, Programs, RUNTIMES};
use crate::sync::{Goal, ROWS, Row};
use crate::sys::process;
use serde_json::json;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

const FLOORS: &str =
    "ns per operation, floor of the same run (tokio, Go, may: figures of another day)";
const PEERS: &str = "ns per operation, peers in turns with greenroom (x: greenroom / peer)";

const FLOOR_HEADERS: [&str; 13] = [
    "row",
    "floor",
    "best",
    "greenroom",
    "best",
    "x median",
    "±",
    "x best",
    "±",
    "goal",
    "tokio",
    "Go",
    "may",
];

const PEER_HEADERS: [&str; 13] = [
    "row",
    "greenroom",
    "tokio",
    "x",
    "Go",
    "x",
    "may",
    "x",
    "std",
    "x",
    "crossbeam",
    "x",
    "goal",
];

/// Options of `bench sync`.
#[derive(Debug, clap::Args)]
pub(crate) struct SyncArgs {
    /// Fewer pairs and operations: a smoke test, no basis for a verdict
    #[arg(long)]
    quick: bool,
    /// Write all samples and the machine to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run only rows whose name begins so (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Pairs per row
    #[arg(long, value_name = "N")]
    pairs: Option<usize>,
    /// Build the programs of benches/peers and run them in turns with greenroom
    #[arg(long)]
    peers: bool,
    /// Print the rows' names and end
    #[arg(long)]
    list: bool,
}

/// What one row's runs found.
struct Found {
    floor: Comparison,
    /// Each peer in the floor's place.
    peers: Vec<Comparison>,
}

/// Runs the chosen rows. Always true: there are goals here, no gates.
pub(crate) fn run(args: &SyncArgs) -> io::Result<bool> {
    let is_wanted = |row: &&Row| {
        args.only.is_empty() || args.only.iter().any(|only| row.name.starts_with(only))
    };
    let rows: Vec<&Row> = ROWS.iter().filter(is_wanted).collect();
    if args.list {
        let line = |row: &&Row| println!("{:18} {}", row.name, row.what);
        rows.iter().for_each(line);
        return Ok(true);
    }
    if rows.is_empty() {
        let text = format!("no row named {}; see --list", args.only.join(", "));
        return Err(io::Error::other(text));
    }
    let pairs = args.pairs.unwrap_or(if args.quick { 3 } else { 15 }).max(1);
    let divisor = if args.quick { 20 } else { 1 };
    let options = json!({ "pairs": pairs, "quick": args.quick, "peers": args.peers });
    let mut report = Report::new("sync", options);
    let programs = args
        .peers
        .then(|| Programs::build(|complaint| report.note(complaint)));
    // After the builds, which are nobody's measurement.
    if let Err(error) = process::raise_priority() {
        report.note(format!(
            "normal priority ({error}): other programs disturb the runs"
        ));
    }
    let lab = Lab::new(divisor)?;
    for row in rows {
        let begun = Instant::now();
        match measure(&lab, row, pairs, programs.as_ref()) {
            Ok(found) => add(row, &found, &mut report),
            Err(error) => report.failure(row.name, &error),
        }
        let took_s = begun.elapsed().as_secs_f64();
        eprintln!("bench: {} took {took_s:.1} s", row.name);
    }
    report.finish(args.json.as_deref())
}

/// The first pair is warm-up: fresh stacks are touched, branches learnt.
fn measure(lab: &Lab, row: &Row, pairs: usize, programs: Option<&Programs>) -> io::Result<Found> {
    let pair = |number| in_turns(number, || (row.floor)(lab), || (row.subject)(lab));
    let mut peers = match programs {
        Some(programs) => programs.start(row, lab.divisor)?,
        None => Vec::new(),
    };
    let mut found = Found {
        floor: comparison(row.name),
        peers: peers.iter().map(|peer| comparison(peer.name)).collect(),
    };
    process::pinned(row.core(), || {
        pair(0)?;
        for number in 0..pairs {
            let costs = pair(number)?;
            found.floor.pairs.push(costs);
            for (peer, seen) in peers.iter_mut().zip(&mut found.peers) {
                let ns = peer.run()?.unwrap_or(f64::NAN);
                seen.pairs.push(Costs {
                    floor: [ns; 2],
                    subject: costs.subject,
                });
            }
        }
        Ok(found)
    })?
}

fn comparison(name: &str) -> Comparison {
    Comparison {
        name: name.to_owned(),
        unit: "ns",
        target: None,
        pairs: Vec::new(),
    }
}

/// The ratio that a goal is about, and whether it is reached; none if nobody measured it.
fn judge(goal: Goal, found: &Found) -> Option<(f64, bool)> {
    let (ratio, limit) = match goal {
        Goal::None => return None,
        Goal::Floor(limit) => (found.floor.ratio(), limit),
        Goal::Peer(name, limit) => {
            let peer = found.peers.iter().find(|peer| peer.name == name)?;
            (peer.ratio(), limit)
        }
        // To be as good as the best is to be as good as each.
        Goal::Best(limit) => {
            let runtimes = found.peers.iter();
            let runtimes = runtimes.filter(|peer| RUNTIMES.contains(&peer.name.as_str()));
            let ratio = runtimes.map(Comparison::ratio).reduce(f64::max)?;
            (ratio, limit)
        }
    };
    Some((ratio, ratio <= limit))
}

fn goal_text(goal: Goal, judged: Option<(f64, bool)>) -> String {
    let text = match goal {
        Goal::None => return "-".to_owned(),
        Goal::Floor(limit) => format!("x {limit:.1}"),
        Goal::Best(limit) => format!("x {limit:.1} best peer"),
        Goal::Peer(name, limit) => format!("x {limit:.1} {name}"),
    };
    match judged {
        None => text,
        Some((_, true)) => text + " ok",
        Some((_, false)) => text + " BEYOND",
    }
}

fn add(row: &Row, found: &Found, report: &mut Report) {
    let judged = judge(row.goal, found);
    let goal = goal_text(row.goal, judged);
    let mut cells = found.floor.cells();
    // Name, floor, best, subject, best, the ratios with their errors; the rest is other tables'.
    cells.truncate(10);
    cells.remove(1);
    cells.push(goal.clone());
    cells.extend(row.known.map(str::to_owned));
    report.row(FLOORS, &FLOOR_HEADERS, cells);
    if !found.peers.is_empty() {
        let mut cells = vec![
            row.name.to_owned(),
            format!("{:.1}", found.floor.medians()[1]),
        ];
        for name in NAMES {
            let peer = found.peers.iter().find(|peer| peer.name == name);
            let figures = peer.map(|peer| {
                let ratio = format!("{:.2}", peer.ratio());
                [format!("{:.1}", peer.medians()[0]), ratio]
            });
            cells.extend(figures.unwrap_or(["-", "-"].map(str::to_owned)));
        }
        cells.push(goal);
        report.row(PEERS, &PEER_HEADERS, cells);
    }
    let mut record = found.floor.json();
    record["what"] = json!(row.what);
    record["workers"] = json!(row.workers);
    record["goal_reached"] = json!(judged.map(|(_, is_reached)| is_reached));
    record["known_tokio_go_may"] = json!(row.known);
    record["peers"] = json!(found.peers.iter().map(Comparison::json).collect::<Vec<_>>());
    report.record(record);
    if let Some((ratio, false)) = judged {
        let (name, what) = (row.name, row.what);
        report.note(format!("beyond its goal: {name} at {ratio:.2} ({what})"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A floor or peer of `ns` beside a subject of 10.
    fn beside(name: &str, ns: f64) -> Comparison {
        let costs = Costs {
            floor: [ns; 2],
            subject: [10.0; 2],
        };
        let mut seen = comparison(name);
        seen.pairs = vec![costs; 3];
        seen
    }

    fn found() -> Found {
        Found {
            floor: beside("row", 8.0),
            peers: vec![beside("tokio", 20.0), beside("go", 9.0), beside("std", 1.0)],
        }
    }

    #[test]
    fn goal_of_the_best_peer_means_the_quickest_runtime_not_std() {
        let (ratio, is_reached) = judge(Goal::Best(1.0), &found()).expect("because peers ran");
        assert!((ratio - 10.0 / 9.0).abs() < 1e-9);
        assert!(!is_reached);
        assert!(judge(Goal::Best(1.2), &found()).is_some_and(|(_, is_reached)| is_reached));
    }

    #[test]
    fn goal_about_a_peer_that_did_not_run_is_not_judged() {
        assert!(judge(Goal::Peer("may", 1.0), &found()).is_none());
        assert!(judge(Goal::Peer("go", 1.2), &found()).is_some_and(|(_, is_reached)| is_reached));
        assert!(judge(Goal::Floor(1.3), &found()).is_some_and(|(_, is_reached)| is_reached));
        assert!(judge(Goal::None, &found()).is_none());
    }
}
