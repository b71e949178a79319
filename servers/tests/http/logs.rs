//! Log lines, kept, and found again by the address of the client they are about.

use log::{Log, Metadata, Record};
use std::net::SocketAddr;
use std::sync::{Mutex, Once};

/// Target and text.
pub(crate) static LINES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

struct Keeper;

impl Log for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = (record.target().to_owned(), record.args().to_string());
            LINES.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

/// Keeps what is logged from now on.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Keeper).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}

/// What was logged about a client; taken out.
pub(crate) fn about(client: SocketAddr) -> Vec<String> {
    let prefix = format!("{client}: ");
    let mut lines = LINES.lock().unwrap();
    let (about, others) = lines
        .drain(..)
        .partition(|(_, line)| line.starts_with(&prefix));
    *lines = others;
    let about: Vec<(String, String)> = about;
    let rest = about
        .into_iter()
        .map(|(_, line)| line[prefix.len()..].to_owned());
    rest.collect()
}
