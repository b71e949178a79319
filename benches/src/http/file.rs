//! `bench http --file`: a static file of 10 MB over 16 connections, against nginx's sendfile.

use super::contest::{self, Found, Plan, Sample};
use super::servers::{self, Entrant, GREENROOM, Ground, NGINX};
use super::wrk::Aim;
use crate::report::Report;
use crate::stats;
use serde_json::json;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const NAME: &str = "big.bin";
const PATH: &str = "/big.bin";
const BYTES: usize = 10_000_000;
const CONNECTIONS: usize = 16;
const FETCH_MAX: Duration = Duration::from_secs(20);

/// Measures greenroom, and nginx if it is there. There is no gate.
pub(crate) fn run(plan: Plan, report: &mut Report) -> io::Result<()> {
    let mut ground = Ground::new()?;
    ground.files = true;
    let content = content();
    ground.scratch.write(NAME, &content)?;
    let mut entrants = vec![servers::greenroom()];
    entrants.extend(servers::nginx(|complaint| report.note(complaint)));
    for entrant in &entrants {
        check(entrant, &ground, &content)?;
    }
    let aims = [Aim::new(&ground.scratch, "file", PATH, CONNECTIONS, 1)?];
    let found = contest::hold(&entrants, &ground, &aims, plan, report);
    show(&found, report);
    Ok(())
}

/// Every position tells itself from its neighbours: a period that is no power of two.
fn content() -> Vec<u8> {
    (0..=250_u8).cycle().take(BYTES).collect()
}

fn check(entrant: &Entrant, ground: &Ground, content: &[u8]) -> io::Result<()> {
    let server = entrant.start(ground)?;
    let mut stream = TcpStream::connect(server.addr)?;
    stream.set_read_timeout(Some(FETCH_MAX))?;
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let wrong = |text: &str| io::Error::other(format!("{}: {text}", entrant.name));
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let got = stream.read(&mut chunk)?;
        bytes.extend_from_slice(&chunk[..got]);
        let Some(head) = head_len(&bytes) else {
            if got == 0 {
                return Err(wrong("no whole head"));
            }
            continue;
        };
        if bytes.len() == head + content.len() && bytes[head..] == *content {
            return Ok(());
        }
        if got == 0 || bytes.len() >= head + content.len() {
            return Err(wrong("the file that came is another"));
        }
    }
}

fn head_len(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}

fn show(found: &Found, report: &mut Report) {
    const HEADERS: [&str; 7] = [
        "server", "MB/s", "best", "CPU s/GB", "best", "x median", "x best",
    ];
    let title = "a file of 10 MB, 16 connections (x: CPU per byte, to nginx)";
    for (index, &name) in found.names.iter().enumerate() {
        let samples = found.of(0, index);
        let values = |value: fn(&Sample) -> f64| samples.iter().map(value).collect::<Vec<_>>();
        let rates = values(Sample::megabytes_per_second);
        let costs = values(Sample::cpu_s_per_gb);
        let ratio = found.compare(0, [NGINX, name], Sample::cpu_s_per_gb, None);
        let ratio_text = |pick: fn(&crate::compare::Comparison) -> f64| {
            ratio
                .as_ref()
                .map_or("-".to_owned(), |ratio| format!("{:.3}", pick(ratio)))
        };
        let fastest = rates.iter().copied().fold(f64::NAN, f64::max);
        let cells = vec![
            name.to_owned(),
            format!("{:.0}", stats::median(&rates)),
            format!("{fastest:.0}"),
            format!("{:.3}", stats::median(&costs)),
            format!("{:.3}", stats::best(&costs)),
            ratio_text(crate::compare::Comparison::ratio_median),
            ratio_text(crate::compare::Comparison::ratio_best),
        ];
        report.row(title, &HEADERS, cells);
        report.record(json!({
            "name": "file", "server": name, "megabytes_per_second": rates, "cpu_s_per_gb": costs,
        }));
    }
    if !found.names.contains(&NGINX) {
        report.note(format!("the file: {GREENROOM} alone"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_its_length_and_no_period_of_pages() {
        let content = content();
        assert_eq!(content.len(), BYTES);
        assert_ne!(content[..4096], content[4096..8192]);
    }

    #[test]
    fn head_ends_at_the_empty_line() {
        assert_eq!(head_len(b"HTTP/1.1 200 OK\r\n\r\nbody"), Some(19));
        assert_eq!(head_len(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
