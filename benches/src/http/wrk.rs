//! One run of wrk: one thread on the clients' core, a Lua script, and its summary as a line of JSON.
//!
//! wrk rounds what it prints, so the script's `done` prints the exact numbers once more. With a depth
//! above one, `request` returns that many requests at once, which wrk counts one by one. Latencies are
//! left out then: wrk invents some for a rate that it expects, and its quantiles no longer add up.

use super::cores;
use super::scratch::Scratch;
use crate::child::Process;
use serde_json::Value;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What a run may take beyond its length.
const END_MAX: Duration = Duration::from_secs(20);

const DONE: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format('{"requests":%.0f,"duration_us":%.0f,"bytes":%.0f,"errors":%.0f,"p50_us":%.0f,"p99_us":%.0f}',
    summary.requests, summary.duration, summary.bytes, errors,
    latency:percentile(50), latency:percentile(99)))
end
"#;

/// What one run of wrk has counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shot {
    pub(crate) requests: f64,
    pub(crate) duration_us: f64,
    pub(crate) bytes: f64,
    /// None with a depth above one.
    pub(crate) quantiles: Option<Quantiles>,
}

/// Latencies as wrk tells them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiles {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Shot {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests * 1e6 / self.duration_us
    }
}

/// What a run asks for.
#[derive(Debug)]
pub(crate) struct Aim {
    script: PathBuf,
    path: &'static str,
    connections: usize,
    depth: usize,
}

impl Aim {
    /// Writes the script; `name` is its file's.
    pub(crate) fn new(
        scratch: &Scratch,
        name: &str,
        path: &'static str,
        connections: usize,
        depth: usize,
    ) -> io::Result<Aim> {
        let script = scratch.write(&format!("{name}.lua"), script(depth))?;
        Ok(Aim {
            script,
            path,
            connections,
            depth,
        })
    }

    pub(crate) fn run(&self, server: SocketAddrV4, seconds: u64) -> io::Result<Shot> {
        let (connections, path) = (self.connections, self.path);
        let words = [
            "wrk".to_owned(),
            "-t1".to_owned(),
            format!("-c{connections}"),
            format!("-d{seconds}s"),
            "-s".to_owned(),
        ];
        let mut argv: Vec<OsString> = words.map(OsString::from).into();
        argv.extend([
            self.script.clone().into(),
            format!("http://{server}{path}").into(),
        ]);
        let mut process = Process::start("wrk", &argv, cores()[1])?;
        let line_max = Duration::from_secs(seconds) + END_MAX;
        loop {
            let line = process.line(line_max)?;
            let Some(shot) = parse(&line)? else { continue };
            let quantiles = shot.quantiles.filter(|_| self.depth <= 1);
            return Ok(Shot { quantiles, ..shot });
        }
    }
}

/// An error that says so if wrk cannot be started.
pub(crate) fn is_there() -> io::Result<()> {
    let mut command = Command::new("wrk");
    command
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let missing = |error: io::Error| io::Error::new(error.kind(), format!("wrk: {error}"));
    command.status().map(drop).map_err(missing)
}

fn script(depth: usize) -> String {
    if depth <= 1 {
        return DONE.to_owned();
    }
    let requests = format!(
        "
init = function(args)
  local all = {{}}
  for i = 1, {depth} do all[i] = wrk.format('GET') end
  together = table.concat(all)
end
request = function() return together end
"
    );
    requests + DONE
}

/// The script's line; none for the lines that wrk prints itself. Failed requests are an error.
fn parse(line: &str) -> io::Result<Option<Shot>> {
    if !line.starts_with('{') {
        return Ok(None);
    }
    let value: Value = serde_json::from_str(line).map_err(io::Error::other)?;
    let number = |name: &str| {
        let missing = || io::Error::other(format!("no `{name}` from wrk: {line}"));
        value[name].as_f64().ok_or_else(missing)
    };
    let (errors, requests) = (number("errors")?, number("requests")?);
    if errors > 0.0 || requests <= 0.0 {
        let text = format!("{errors} of {requests} requests failed");
        return Err(io::Error::other(text));
    }
    Ok(Some(Shot {
        requests,
        duration_us: number("duration_us")?,
        bytes: number("bytes")?,
        quantiles: Some(Quantiles {
            p50_us: number("p50_us")?,
            p99_us: number("p99_us")?,
        }),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"requests":2400000,"duration_us":2000000,"bytes":360000000,"errors":0,"p50_us":220,"p99_us":510}"#;

    #[test]
    fn summary_is_read_and_the_other_lines_are_passed_over() {
        let shot = parse(LINE).expect("because nothing failed");
        let shot = shot.expect("because it is the summary");
        assert!((shot.per_second() - 1.2e6).abs() < 1.0);
        let quantiles = shot.quantiles.map(|told| [told.p50_us, told.p99_us]);
        assert_eq!(quantiles, Some([220.0, 510.0]));
        for line in ["Running 2s test @ http://127.0.0.1:1/", "", "  1 threads"] {
            assert_eq!(parse(line).ok(), Some(None));
        }
    }

    #[test]
    fn failed_requests_and_broken_summaries_are_errors() {
        assert!(parse(&LINE.replace(r#""errors":0"#, r#""errors":3"#)).is_err());
        assert!(parse(&LINE.replace("2400000", "0")).is_err());
        assert!(parse(&LINE.replace("p99_us", "p98_us")).is_err());
        assert!(parse("{").is_err());
    }

    #[test]
    fn script_sends_several_requests_at_once_only_if_told() {
        assert!(!script(1).contains("request = function"));
        assert!(script(16).contains("for i = 1, 16 do"));
        assert!(script(16).ends_with(DONE));
    }
}
