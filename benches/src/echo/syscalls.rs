//! System calls a server makes per message, floor and subject, and the gate on them.

use super::rig::Rig;
use super::{Bench, Load, Target, tracer};
use crate::compare::Verdict;
use crate::report::Report;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// A server that reads, sends and waits in batches stays below this at 64 connections.
const TARGET: Target = Target {
    gate: 2.1,
    goal: 2.05,
};
const TITLE: &str = "system calls per message";

/// Calls per message by name, `total` and `other` among them.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) per_message: BTreeMap<String, f64>,
    pub(crate) tool: &'static str,
    /// Why the better tool was not used.
    pub(crate) fallback: Option<String>,
}

impl Counts {
    pub(crate) fn total(&self) -> f64 {
        self.per_message.get("total").copied().unwrap_or(f64::NAN)
    }

    /// All but the waits for events.
    pub(crate) fn without_waits(&self) -> f64 {
        let waits = self
            .per_message
            .iter()
            .filter(|(name, _)| name.starts_with("epoll_") && name.contains("wait"));
        self.total() - waits.map(|(_, count)| count).sum::<f64>()
    }

    /// `recvfrom 1.00 + sendto 1.00 + …`, most frequent first, without what rounds to nothing.
    pub(crate) fn text(&self) -> String {
        let mut calls: Vec<_> = self
            .per_message
            .iter()
            .filter(|(name, count)| *name != "total" && **count >= 0.001)
            .collect();
        calls.sort_by(|a, b| b.1.total_cmp(a.1));
        let calls: Vec<_> = calls
            .iter()
            .map(|(name, count)| format!("{name} {count:.3}"))
            .collect();
        calls.join(" + ")
    }
}

/// Counts for floor and subject; the gate is on the subject's total.
pub(crate) fn run(name: &str, bench: &Bench, load: &Load, report: &mut Report) -> io::Result<()> {
    for (label, subject, target) in [
        ("floor", &bench.floor, None),
        ("greenroom", &bench.subject, Some(TARGET)),
    ] {
        let mut rig = Rig::start(subject, load)?;
        let counts = count(&mut rig, bench.plan.first_warm, bench.plan.run)?;
        let verdict = Verdict::of(counts.total(), target);
        let cells = vec![
            format!("{name} {label}"),
            format!("{:.3}", counts.total()),
            format!("{:.3}", counts.without_waits()),
            verdict.word().to_owned(),
            counts.tool.to_owned(),
            counts.text(),
        ];
        report.row(
            TITLE,
            &["server", "total", "but waits", "verdict", "by", "calls"],
            cells,
        );
        report.record(json!({
            "name": name, "server": label, "per_message": counts.per_message,
            "tool": counts.tool, "fallback": counts.fallback, "verdict": verdict.word(),
        }));
        report.judge(name, verdict);
        if let Some(reason) = counts.fallback {
            report.note(format!(
                "{name}: counted by {}, because {reason}",
                counts.tool
            ));
        }
    }
    Ok(())
}

/// Counts during one run of `measured`.
fn count(rig: &mut Rig, warm: Duration, measured: Duration) -> io::Result<Counts> {
    match tracer::with_perf(rig, warm, measured) {
        Ok(traced) => Ok(Counts {
            per_message: traced.per_message()?,
            tool: "perf stat",
            fallback: None,
        }),
        Err(error) => {
            let per_message = tracer::with_strace(rig, warm, measured)?.per_message()?;
            let fallback = Some(format!("perf: {error}"));
            Ok(Counts {
                per_message,
                tool: "strace -c -f (slows the server)",
                fallback,
            })
        }
    }
}
