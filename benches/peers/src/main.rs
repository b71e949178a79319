//! Other runtimes at the jobs of `bench sync`, one run for each line on stdin.
//!
//! `peers NAME [ROW WORKERS DIVISOR]` with NAME one of tokio, may, std, crossbeam. Each answer is a line
//! of JSON: `{"peer": …, "row": …, "ns": …}`, null if this peer has no such row. Without ROW every row
//! runs once and is printed. With one worker the process's CPU time counts, with two the wall's; who
//! starts this binds it to a core. The operations are those of `bench sync`, so are the rows' names.

mod job;
mod may_jobs;
mod threads;
mod tokio_jobs;
mod tokio_select;

use job::{Job, ROWS};
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

type Runner = fn(&Job) -> Option<f64>;

fn runner(name: &str) -> Option<Runner> {
    match name {
        "tokio" => Some(tokio_jobs::run),
        "may" => Some(may_jobs::run),
        "std" => Some(threads::std_run),
        "crossbeam" => Some(threads::crossbeam_run),
        _ => None,
    }
}

fn answer(name: &str, runner: Runner, job: &Job) -> io::Result<()> {
    let ns = match runner(job) {
        Some(ns) => format!("{ns:.3}"),
        None => "null".to_owned(),
    };
    let mut out = io::stdout().lock();
    writeln!(out, r#"{{"peer":"{name}","row":"{}","ns":{ns}}}"#, job.row)?;
    out.flush()
}

fn serve(args: &[String]) -> Result<(), String> {
    const USAGE: &str = "usage: peers tokio|may|std|crossbeam [ROW WORKERS DIVISOR]";
    let runner = args.first().and_then(|name| runner(name)).ok_or(USAGE)?;
    let failed = |error: io::Error| error.to_string();
    match args {
        [name] => {
            // A runtime keeps its number of workers: a second process for the other rows.
            let workers = std::env::var("WORKERS").map_or(1, |text| text.parse().unwrap_or(1));
            for (row, _) in ROWS.iter().filter(|(_, of)| *of == workers) {
                answer(name, runner, &Job::new(row, workers, 1)).map_err(failed)?;
            }
            Ok(())
        }
        [name, row, workers, divisor] => {
            let number = |text: &String| text.parse().map_err(|_| USAGE.to_owned());
            let job = Job::new(row, number(workers)?, number(divisor)?);
            for line in io::stdin().lock().lines() {
                line.map_err(failed)?;
                answer(name, runner, &job).map_err(failed)?;
            }
            Ok(())
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("peers: {text}");
            ExitCode::FAILURE
        }
    }
}
