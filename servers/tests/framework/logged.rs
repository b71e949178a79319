//! What was logged, for tests that ask.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::sync::{Mutex, Once};

static LINES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

struct Keeper;

impl Log for Keeper {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = (record.level(), record.args().to_string());
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

/// From now on lines are kept.
pub(crate) fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Keeper).unwrap();
        log::set_max_level(LevelFilter::Info);
    });
}

/// How many lines of a level have `text` in them. Tests run side by side: it must be the test's own.
pub(crate) fn count(level: Level, text: &str) -> usize {
    let lines = LINES.lock().unwrap();
    let is_wanted = |line: &&(Level, String)| line.0 == level && line.1.contains(text);
    lines.iter().filter(is_wanted).count()
}
