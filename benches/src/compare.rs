//! The verdict on a subject measured against a floor in interleaved pairs.
//!
//! Two ratios are formed: the median of the pairs' ratios, and the ratio of both sides' best runs.
//! A machine that changes its speed in the middle of a pair spoils single pairs, which the median
//! survives if there are many; a quiet machine repeats its best run to a fraction of a percent,
//! a busy one never shows it to both sides. So each ratio gets an estimate of its error from the
//! samples themselves, and the one with the smaller error decides.

use crate::stats;
use serde_json::{Value, json};

/// Standard error of a median in quartile distances times the root of the sample count, for
/// nearly normal samples: sqrt(pi / 2) / 1.349.
const MEDIAN_ERROR: f64 = 0.93;
/// Best runs are as well founded as they are near to their next: the share looked at.
const BEST_SHARE: f64 = 0.1;

/// What a ratio has to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Above it the measurement fails.
    pub(crate) gate: f64,
    /// Above it the measurement wants an explanation.
    pub(crate) goal: f64,
}

/// How a ratio stands against its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Within the goal.
    Goal,
    /// Within the gate.
    Gate,
    /// Beyond the gate, or not a number.
    Missed,
    /// There is no target.
    Shown,
}

impl Verdict {
    pub(crate) fn of(ratio: f64, target: Option<Target>) -> Verdict {
        match target {
            None => Verdict::Shown,
            Some(target) if ratio <= target.goal => Verdict::Goal,
            Some(target) if ratio <= target.gate => Verdict::Gate,
            Some(_) => Verdict::Missed,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Verdict::Goal => "goal",
            Verdict::Gate => "gate",
            Verdict::Missed => "MISSED",
            Verdict::Shown => "-",
        }
    }
}

/// A subject's costs beside the floor's, sample by sample.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) target: Option<Target>,
    pub(crate) pairs: Vec<Costs>,
}

/// The costs found by the runs of one pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    pub(crate) floor: [f64; 2],
    pub(crate) subject: [f64; 2],
}

impl Costs {
    fn ratio(&self) -> f64 {
        (self.subject[0] + self.subject[1]) / (self.floor[0] + self.floor[1])
    }
}

impl Comparison {
    /// The columns of [`Comparison::cells`].
    pub(crate) const HEADERS: [&str; 14] = [
        "scenario",
        "unit",
        "floor",
        "best",
        "greenroom",
        "best",
        "x median",
        "±",
        "x best",
        "±",
        "gate",
        "goal",
        "med/best",
        "verdict",
    ];

    fn floor(&self) -> Vec<f64> {
        self.pairs.iter().flat_map(|costs| costs.floor).collect()
    }

    fn subject(&self) -> Vec<f64> {
        self.pairs.iter().flat_map(|costs| costs.subject).collect()
    }

    fn ratios(&self) -> Vec<f64> {
        self.pairs.iter().map(Costs::ratio).collect()
    }

    pub(crate) fn ratio_median(&self) -> f64 {
        stats::median(&self.ratios())
    }

    pub(crate) fn ratio_best(&self) -> f64 {
        stats::best(&self.subject()) / stats::best(&self.floor())
    }

    /// The standard error of the median ratio.
    pub(crate) fn error_median(&self) -> f64 {
        let ratios = self.ratios();
        let spread = stats::quantile(&ratios, 0.75) - stats::quantile(&ratios, 0.25);
        MEDIAN_ERROR * spread / (ratios.len() as f64).sqrt()
    }

    /// How far the best runs stand apart from the next best ones: not a lower bound found again
    /// and again, but a lucky moment.
    pub(crate) fn error_best(&self) -> f64 {
        let gap = |runs: &[f64]| stats::quantile(runs, BEST_SHARE) / stats::best(runs) - 1.0;
        gap(&self.floor()).hypot(gap(&self.subject()))
    }

    fn verdict_median(&self) -> Verdict {
        Verdict::of(self.ratio_median(), self.target)
    }

    fn verdict_best(&self) -> Verdict {
        Verdict::of(self.ratio_best(), self.target)
    }

    /// The better-founded of both ratios.
    pub(crate) fn ratio(&self) -> f64 {
        if self.error_median() <= self.error_best() {
            self.ratio_median()
        } else {
            self.ratio_best()
        }
    }

    /// By the better-founded of both ratios.
    pub(crate) fn verdict(&self) -> Verdict {
        Verdict::of(self.ratio(), self.target)
    }

    /// The floor's and the subject's.
    pub(crate) fn medians(&self) -> [f64; 2] {
        [stats::median(&self.floor()), stats::median(&self.subject())]
    }

    pub(crate) fn cells(&self) -> Vec<String> {
        let limit = |pick: fn(Target) -> f64| match self.target {
            Some(target) => format!("{:.2}", pick(target)),
            None => "-".to_owned(),
        };
        vec![
            self.name.clone(),
            self.unit.to_owned(),
            format!("{:.3}", stats::median(&self.floor())),
            format!("{:.3}", stats::best(&self.floor())),
            format!("{:.3}", stats::median(&self.subject())),
            format!("{:.3}", stats::best(&self.subject())),
            format!("{:.3}", self.ratio_median()),
            format!("{:.3}", self.error_median()),
            format!("{:.3}", self.ratio_best()),
            format!("{:.3}", self.error_best()),
            limit(|target| target.gate),
            limit(|target| target.goal),
            format!(
                "{}/{}",
                self.verdict_median().word(),
                self.verdict_best().word()
            ),
            self.verdict().word().to_owned(),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "gate": self.target.map(|target| target.gate),
            "goal": self.target.map(|target| target.goal),
            "floor": self.floor(),
            "subject": self.subject(),
            "ratio_median": self.ratio_median(),
            "ratio_best": self.ratio_best(),
            "error_median": self.error_median(),
            "error_best": self.error_best(),
            "verdict_median": self.verdict_median().word(),
            "verdict_best": self.verdict_best().word(),
            "verdict": self.verdict().word(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(pairs: &[(f64, f64)]) -> Comparison {
        let pairs = pairs
            .iter()
            .map(|&(f, s)| Costs {
                floor: [f; 2],
                subject: [s; 2],
            })
            .collect();
        let target = Some(Target {
            gate: 1.08,
            goal: 1.02,
        });
        Comparison {
            name: "t".to_owned(),
            unit: "µs",
            target,
            pairs,
        }
    }

    #[test]
    fn one_spoilt_pair_leaves_the_verdict_to_the_median() {
        let quiet = (5.0, 5.05);
        let told = comparison(&[quiet, quiet, (4.0, 6.7), quiet, quiet, quiet, quiet, quiet]);
        assert!(told.error_median() < told.error_best());
        assert_eq!(told.verdict(), Verdict::Goal);
    }

    #[test]
    fn pairs_that_disagree_leave_the_verdict_to_the_best() {
        let told = comparison(&[(5.0, 6.8), (6.7, 5.2), (5.0, 6.9), (5.0, 5.2), (6.8, 5.2)]);
        assert!(told.error_best() < told.error_median());
        assert_eq!(told.verdict(), Verdict::Gate);
    }

    #[test]
    fn ratio_that_is_not_a_number_is_missed() {
        assert_eq!(comparison(&[]).verdict(), Verdict::Missed);
    }
}
