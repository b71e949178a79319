//! What a bench command leaves behind: aligned tables on stdout, a JSON file, and missed gates.
//!
//! Commands add rows while they measure; [`Report::finish`] prints everything at the end. A table
//! is made by its first row.

use crate::compare::{Comparison, Verdict};
use crate::machine;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

/// The table of all comparisons with a floor.
const COMPARISONS: &str = "against the floor of the same run";

#[derive(Debug)]
struct Table {
    title: String,
    rows: Vec<Vec<String>>,
}

/// Results of one command.
#[derive(Debug)]
pub(crate) struct Report {
    command: &'static str,
    options: Value,
    tables: Vec<Table>,
    records: Vec<Value>,
    missed: Vec<String>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(command: &'static str, options: Value) -> Report {
        let (tables, records) = (Vec::new(), Vec::new());
        Report {
            command,
            options,
            tables,
            records,
            missed: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a row to the table `title`, whose column names are `headers`.
    pub(crate) fn row(&mut self, title: &str, headers: &[&str], cells: Vec<String>) {
        if let Some(table) = self.tables.iter_mut().find(|table| table.title == title) {
            table.rows.push(cells);
            return;
        }
        let headers = headers.iter().map(|&header| header.to_owned()).collect();
        self.tables.push(Table {
            title: title.to_owned(),
            rows: vec![headers, cells],
        });
    }

    /// Adds a comparison as row, JSON and, if so, as a missed gate.
    pub(crate) fn comparison(&mut self, comparison: &Comparison) {
        self.row(COMPARISONS, &Comparison::HEADERS, comparison.cells());
        self.record(comparison.json());
        self.judge(&comparison.name, comparison.verdict());
    }

    /// Keeps `value` for the JSON file.
    pub(crate) fn record(&mut self, value: Value) {
        self.records.push(value);
    }

    /// Remembers a missed gate.
    pub(crate) fn judge(&mut self, name: &str, verdict: Verdict) {
        if verdict == Verdict::Missed {
            self.missed.push(name.to_owned());
        }
    }

    /// A measurement that could not be made counts as missed.
    pub(crate) fn failure(&mut self, name: &str, error: &io::Error) {
        eprintln!("bench: {name}: {error}");
        self.record(json!({ "name": name, "error": error.to_string() }));
        self.missed.push(format!("{name} ({error})"));
    }

    /// Adds a line printed below the tables.
    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    #[cfg(test)]
    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
    }

    /// Prints the tables, writes the JSON, and says whether every gate holds.
    pub(crate) fn finish(&self, json_file: Option<&Path>) -> io::Result<bool> {
        for table in &self.tables {
            println!("\n{}\n{}", table.title, aligned(&table.rows));
        }
        for note in &self.notes {
            println!("{note}");
        }
        match self.missed[..] {
            [] => println!("every gate holds"),
            _ => println!("MISSED: {}", self.missed.join(", ")),
        }
        if let Some(path) = json_file {
            let all = json!({
                "command": self.command,
                "machine": machine::describe(),
                "options": self.options,
                "results": self.records,
                "notes": self.notes,
                "missed": self.missed,
            });
            fs::write(path, format!("{all:#}\n"))?;
        }
        Ok(self.missed.is_empty())
    }
}

/// Rows as text, the first column to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let written = match column {
                0 => write!(text, "  {cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
            written.expect("because writing to a String cannot fail");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_characters_not_bytes() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let text = aligned(&[row("name", "µs"), row("x", "10.5")]);
        assert_eq!(text, "  name    µs\n  x     10.5\n");
    }
}
