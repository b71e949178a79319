//! Running a model, and showing that it is not vacuous.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Runs `model` in every execution that loom can tell apart.
pub(crate) fn exhaust(model: impl Fn() + Send + Sync + 'static) {
    run(None, model);
}

/// Runs `model` in every execution with at most `preemptions` switches away from a thread that could
/// have gone on. Bugs of this kind of code need one or two; three is the habit of loom's users.
pub(crate) fn exhaust_up_to(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    run(Some(preemptions), model);
}

fn run(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let bound = preemptions.map_or_else(|| "all".to_owned(), |bound| format!("<= {bound}"));
    println!(
        "{} executions (preemptions: {bound})",
        count.load(Ordering::Relaxed)
    );
}

/// Which outcomes some execution had: a model in which one side always comes first checks nothing.
///
/// Not loom's atomics, since it outlives the executions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<AtomicU32>);

impl Seen {
    pub(crate) fn note(&self, outcome: u32) {
        self.0.fetch_or(1 << outcome, Ordering::Relaxed);
    }

    /// Fails unless each of the outcomes `0..count` was noted.
    pub(crate) fn assert_all(&self, count: u32) {
        let seen = self.0.load(Ordering::Relaxed);
        assert_eq!(
            seen,
            (1 << count) - 1,
            "outcomes seen, as bits: the model does not reach all it is about"
        );
    }
}
