//! The panic hook: one line that names the green thread, then whatever hook was there before.
//!
//! Set once per process, at the first runtime's start or when an OS thread makes its first generator or
//! greenlet. std's own message names the OS thread (the worker), which says little about who panicked. A
//! user's hook set later replaces this one, as usual.

use super::current;
use std::io::Write as _;
use std::panic;
use std::sync::Once;

/// Installs the hook; later calls do nothing. Not while panicking: std forbids it then, and the next
/// runtime's start does it instead.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    if std::thread::panicking() {
        return;
    }
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // For `park/panics`: what unwinds this stack from here on is a panic.
            current::with_context(|context| {
                context.interrupts.set(0);
                context.panics.set(context.panics.get().saturating_add(1));
            });
            if let Some(task) = current::task() {
                // Nobody may read it, and a panic in a hook is the end of the process.
                let _ = writeln!(
                    std::io::stderr(),
                    "green thread {} (spawned at {}) panicked:",
                    task.label(),
                    task.spawned_at()
                );
            }
            previous(info);
        }));
    });
}
