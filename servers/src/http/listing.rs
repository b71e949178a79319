//! A directory as a page. Names are data: encoded in links, escaped in text.

use super::files::encode;
use crate::root::{Entry, Kind};
use std::fmt::Write;
use std::io;

/// Names on one page.
const ENTRIES_MAX: usize = 10_000;

/// The page of the directory that is at `path`.
pub(super) fn page(
    path: &str,
    entries: impl Iterator<Item = io::Result<Entry>>,
    shows_hidden: bool,
) -> io::Result<String> {
    let mut lines = Vec::new();
    let mut is_cut = false;
    for entry in entries {
        let entry = entry?;
        // No request can ask for a name that is not UTF-8.
        let Ok(name) = entry.name.into_string() else {
            continue;
        };
        if name.starts_with('.') && !shows_hidden {
            continue;
        }
        is_cut = lines.len() == ENTRIES_MAX;
        if is_cut {
            break;
        }
        match entry.facts.kind {
            Kind::Directory => lines.push((name + "/", String::new())),
            Kind::File => lines.push((name, entry.facts.len.to_string())),
            Kind::Other => {}
        }
    }
    lines.sort();
    let title = escape(path);
    let mut page = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<h1>{title}</h1>\n<ul>\n"
    );
    for (name, size) in lines {
        // With "./", or a name with a colon would be a scheme.
        let (link, name) = (encode(name.as_bytes()), escape(&name));
        let _ = writeln!(page, "<li><a href=\"./{link}\">{name}</a> {size}");
    }
    page.push_str(if is_cut {
        "</ul>\n<p>and more\n"
    } else {
        "</ul>\n"
    });
    Ok(page)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for each in text.chars() {
        match each {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(each),
        }
    }
    escaped
}
