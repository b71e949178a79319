//! Load generators: what they count is what the server counts.

use crate::ground::{Folder, Served, exchange, output};
use crate::watchdog::watchdog;

/// Runs wrk against a server of its own; `depth`: requests that it sends at once on a connection.
fn wrk(depth: u64, more: &[&str]) {
    let folder = Folder::site();
    let server = Served::http(&folder, &["--workers", "1"]);
    // wrk says nothing of bytes that could be compared: they are counted by what one answer has.
    let probe = exchange(
        server.address(),
        "GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    let answer = probe.rfind("HTTP/1.1 200 OK").unwrap() as u64;
    let url = server.url("/small.txt");
    let args = [&["-t1", "-c64", "-d2"], more, &[&url]].concat();
    let Some(printed) = output("wrk", &args, b"") else {
        return;
    };
    for trouble in ["Socket errors", "Non-2xx"] {
        assert!(!printed.contains(trouble), "{printed}");
    }
    let requests = printed
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .map(|(count, _)| count.parse::<u64>().unwrap());
    let requests = requests.unwrap_or_else(|| panic!("no count: {printed}"));
    assert!(requests > 0, "{printed}");
    let (totals, _) = server.end();
    totals.assert_smooth();
    // The probe's, and one that wrk makes to see whether there is a server.
    assert!((65..=66).contains(&totals.served), "{totals:?}");
    // What was under way at the end was answered, and is not counted by wrk.
    let answered = (totals.bytes_out - probe.len() as u64) / answer;
    let under_way = 64 * depth;
    assert!(
        (requests..=requests + under_way).contains(&answered),
        "{answered} answers of {answer} bytes: {totals:?}\n{printed}"
    );
}

#[test]
fn wrk_counts_what_the_server_counts() {
    let _watchdog = watchdog();
    wrk(1, &[]);
}

#[test]
fn wrk_pipelines_sixteen_requests() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    folder.file(
        "pipeline.lua",
        "init = function(args)\n\
           local one = wrk.format()\n\
           all = string.rep(one, 16)\n\
         end\n\
         request = function() return all end\n",
    );
    wrk(16, &["-s", &folder.path("pipeline.lua")]);
}

/// The number after a word of ab's report.
#[track_caller]
fn reported(report: &str, what: &str) -> u64 {
    let line = report.lines().find_map(|line| line.strip_prefix(what));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no `{what}`: {report}"))
}

/// Runs ab; returns how many clients the server has seen.
///
/// Subtle: at its end ab has begun up to 50 requests more than it counts, and connections for them.
fn ab(more: &[&str], kept_alive: u64) -> Option<u64> {
    let folder = Folder::site();
    let server = Served::http(&folder, &[]);
    let url = server.url("/small.txt");
    let args = [&["-q", "-n", "5000", "-c", "50"], more, &[&url]].concat();
    let report = output("ab", &args, b"")?;
    assert_eq!(reported(&report, "Complete requests:"), 5000, "{report}");
    assert_eq!(reported(&report, "Failed requests:"), 0, "{report}");
    assert!(!report.contains("Non-2xx"), "{report}");
    if kept_alive > 0 {
        assert_eq!(reported(&report, "Keep-Alive requests:"), kept_alive);
    }
    let (totals, _) = server.end();
    totals.assert_smooth();
    let transferred = reported(&report, "Total transferred:");
    let beyond = 50 * transferred.div_ceil(5000);
    assert!(
        (transferred..=transferred + beyond).contains(&totals.bytes_out),
        "{totals:?}\n{report}"
    );
    Some(totals.served)
}

#[test]
fn ab_keeps_its_http_1_0_connections() {
    let _watchdog = watchdog();
    if let Some(served) = ab(&["-k"], 5000) {
        assert_eq!(served, 50);
    }
}

#[test]
fn ab_gets_a_connection_for_each_request() {
    let _watchdog = watchdog();
    if let Some(served) = ab(&[], 0) {
        assert!((5000..=5050).contains(&served), "{served} clients");
    }
}
