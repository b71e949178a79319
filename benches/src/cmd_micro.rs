//! `bench micro`: options, the order of rows, and their table. What is measured is in `micro/`.

use crate::compare::{Comparison, Costs};
use crate::micro::{self, Figure, Goal, Lab, ROWS, Row};
use crate::report::Report;
use crate::stats;
use crate::sys::process;
use serde_json::json;
use std::io;
use std::path::PathBuf;

/// The row that is no comparison.
const ALLOCS: &str = "allocs";

const TABLE: &str = "ns per operation (tokio, Go, may: figures of another day)";

const HEADERS: [&str; 13] = [
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

/// Options of `bench micro`.
#[derive(Debug, clap::Args)]
pub(crate) struct MicroArgs {
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
    /// Print the rows' names and end
    #[arg(long)]
    list: bool,
}

impl MicroArgs {
    fn is_wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|filter| name.starts_with(filter))
    }
}

/// Runs the chosen rows. True if no gate is missed: allocations are one, goals are not.
pub(crate) fn run(args: &MicroArgs) -> io::Result<bool> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| args.is_wanted(row.name)).collect();
    let with_allocs = args.is_wanted(ALLOCS);
    if args.list {
        rows.iter()
            .for_each(|row| println!("{:14} {}", row.name, row.what));
        println!("{ALLOCS:14} allocations per echoed message");
        return Ok(true);
    }
    if rows.is_empty() && !with_allocs {
        let text = format!("no row named {}; see --list", args.only.join(", "));
        return Err(io::Error::other(text));
    }
    let pairs = args.pairs.unwrap_or(if args.quick { 3 } else { 15 }).max(1);
    let divisor = if args.quick { 20 } else { 1 };
    let mut report = Report::new("micro", json!({ "pairs": pairs, "quick": args.quick }));
    if let Err(error) = process::raise_priority() {
        report.note(format!(
            "normal priority ({error}): other programs disturb the runs"
        ));
    }
    let lab = Lab::new(divisor)?;
    for row in rows {
        match measure(&lab, row, pairs) {
            Ok(comparison) => add(row, &comparison, &mut report),
            Err(error) => report.failure(row.name, &error),
        }
    }
    if args.is_wanted("generator") || args.is_wanted("greenlet") {
        report.note(format!("Python here: {}", micro::strands::python()));
    }
    if with_allocs && let Err(error) = micro::allocs::run(&lab, &mut report) {
        report.failure(ALLOCS, &error);
    }
    report.finish(args.json.as_deref())
}

/// The first pair is warm-up: fresh stacks are touched, branches learnt.
fn measure(lab: &Lab, row: &Row, pairs: usize) -> io::Result<Comparison> {
    let core = (!row.is_across_threads()).then_some(0);
    let pairs = process::pinned(core, || {
        micro::pair(lab, row, 0)?;
        (0..pairs)
            .map(|number| micro::pair(lab, row, number))
            .collect::<io::Result<Vec<_>>>()
    })??;
    Ok(Comparison {
        name: row.name.to_owned(),
        unit: "ns",
        target: None,
        pairs,
    })
}

/// The row's figure in nanoseconds: median over the pairs, and by both sides' best runs.
fn figures(row: &Row, comparison: &Comparison) -> (f64, f64) {
    let all = |pick: fn(&Costs) -> [f64; 2]| -> Vec<f64> {
        comparison.pairs.iter().flat_map(pick).collect()
    };
    let (floor, subject) = (all(|costs| costs.floor), all(|costs| costs.subject));
    match row.figure {
        Figure::Cost => (stats::median(&subject), stats::best(&subject)),
        Figure::HalfDifference => {
            let halves: Vec<f64> = comparison
                .pairs
                .iter()
                .map(|costs| costs.subject.iter().sum::<f64>() - costs.floor.iter().sum::<f64>())
                .map(|difference| difference / 4.0)
                .collect();
            let best = (stats::best(&subject) - stats::best(&floor)) / 2.0;
            (stats::median(&halves), best)
        }
    }
}

fn add(row: &Row, comparison: &Comparison, report: &mut Report) {
    let (median_ns, best_ns) = figures(row, comparison);
    let is_reached = match row.goal {
        Goal::None => None,
        Goal::Nanos(limit) => Some(best_ns <= limit),
        Goal::Ratio(limit) => Some(comparison.ratio() <= limit),
    };
    let word = match is_reached {
        None => "",
        Some(true) => " ok",
        Some(false) => " BEYOND",
    };
    let goal = match row.goal {
        Goal::None => "-".to_owned(),
        Goal::Nanos(limit) => format!("{limit:.0} ns{word}"),
        Goal::Ratio(limit) => format!("x {limit:.1}{word}"),
    };
    let mut cells = comparison.cells();
    // Name, floor, best, subject, best, the ratios with their errors; the rest is other tables'.
    cells.truncate(10);
    cells.remove(1);
    cells[3] = format!("{median_ns:.1}");
    cells[4] = format!("{best_ns:.1}");
    cells.push(goal);
    cells.extend(row.peers.map(str::to_owned));
    report.row(TABLE, &HEADERS, cells);
    let mut record = comparison.json();
    record["figure_median_ns"] = json!(median_ns);
    record["figure_best_ns"] = json!(best_ns);
    record["goal_reached"] = json!(is_reached);
    record["what"] = json!(row.what);
    record["peers_tokio_go_may"] = json!(row.peers);
    report.record(record);
    if is_reached == Some(false) {
        report.note(format!("beyond its goal: {} ({})", row.name, row.what));
    }
}
