//! `bench scale`: options and the order of scenarios. What is measured is in `scale/`.

use crate::machine;
use crate::report::Report;
use crate::scale::{SCENARIOS, Scenario, Size};
use serde_json::json;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

/// Options of `bench scale`.
#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArgs {
    /// Write all figures and the machine to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run only this scenario (may be given several times)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Tasks (or timeouts) of a crowd
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    tasks: usize,
    /// Workers of a crowd; as many as cores if not given
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Pairs of the comparisons with a floor
    #[arg(long, value_name = "N", default_value_t = 15)]
    pairs: usize,
    /// Print the scenarios' names and end
    #[arg(long)]
    list: bool,
}

impl ScaleArgs {
    fn scenarios(&self) -> io::Result<Vec<Scenario>> {
        let is_known = |filter: &&String| SCENARIOS.iter().any(|known| known.name == **filter);
        if let Some(unknown) = self.only.iter().find(|filter| !is_known(filter)) {
            let names = SCENARIOS.map(|known| known.name).join(", ");
            let text = format!("no scenario `{unknown}`; there are {names}");
            return Err(io::Error::other(text));
        }
        let is_wanted = |known: &Scenario| {
            self.only.is_empty() || self.only.iter().any(|filter| filter == known.name)
        };
        Ok(SCENARIOS.into_iter().filter(is_wanted).collect())
    }
}

/// Runs the chosen scenarios; true if every gate holds.
pub(crate) fn run(args: &ScaleArgs) -> io::Result<bool> {
    let scenarios = args.scenarios()?;
    if args.list {
        let line = |known: &Scenario| println!("{:12} {}", known.name, known.what);
        scenarios.iter().for_each(line);
        return Ok(true);
    }
    let size = Size {
        tasks: args.tasks.max(1),
        workers: args.workers.unwrap_or_else(machine::cores).max(1),
        pairs: args.pairs.max(1),
    };
    let options = json!({ "tasks": size.tasks, "workers": size.workers, "pairs": size.pairs });
    let mut report = Report::new("scale", options);
    for scenario in scenarios {
        let begun = Instant::now();
        if let Err(error) = (scenario.run)(&size, &mut report) {
            report.failure(scenario.name, &error);
        }
        let took_s = begun.elapsed().as_secs_f64();
        eprintln!("bench: {} took {took_s:.1} s", scenario.name);
    }
    report.finish(args.json.as_deref())
}
