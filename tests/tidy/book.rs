//! Rules about prose: design.md and README.md point at what exists, the unsafe ledger is complete.

use crate::Breach;
use crate::source::{Source, lines_with_word};

const LEDGER: &str = "## Unsafe ledger";

/// The library's unsafe code and the ledger name the same files.
///
/// Unsafe in tests needs no entry. A file elsewhere in the repository may have one.
pub(crate) fn ledger(book: &str, text: &str, sources: &[Source]) -> Vec<Breach> {
    let listed = ledger_entries(text);
    if listed.is_empty() {
        let rule = format!("no table with files in backticks below `{LEDGER}`");
        return vec![Breach::new(book, 1, rule)];
    }
    let is_listed = |file: &str| listed.iter().any(|(_, entry)| entry == file);
    let mut breaches = Vec::new();
    for source in sources.iter().filter(|source| {
        ["runtime/", "servers/src/"]
            .iter()
            .any(|of| source.file.starts_with(of))
    }) {
        let first = lines_with_word(&source.shipped, "unsafe").next();
        if let Some(line) = first.filter(|_| !is_listed(&source.file)) {
            let rule = format!("unsafe, but not in the ledger of {book}");
            breaches.push(Breach::new(&source.file, line, rule));
        }
    }
    for (line, entry) in &listed {
        let has_unsafe = |source: &Source| lines_with_word(&source.code, "unsafe").next().is_some();
        let is_true = sources
            .iter()
            .any(|source| source.file == *entry && has_unsafe(source));
        if !is_true {
            breaches.push(Breach::new(
                book,
                *line,
                format!("`{entry}` has no unsafe code"),
            ));
        }
    }
    breaches
}

/// First columns of the ledger's table, with their lines.
fn ledger_entries(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().zip(1..);
    let section = lines
        .skip_while(|(line, _)| line.trim_end() != LEDGER)
        .skip(1);
    let section = section.take_while(|(line, _)| !line.starts_with("## "));
    let entry = |(line, number): (&str, usize)| {
        let column = line.strip_prefix('|')?.split('|').next()?.trim();
        let file = column.strip_prefix('`')?.strip_suffix('`')?;
        Some((number, file.to_owned()))
    };
    section.filter_map(entry).collect()
}

/// Every test that the book names, in paragraphs that begin with `*Tests:*`, is a function somewhere.
pub(crate) fn named_tests(book: &str, text: &str, sources: &[Source]) -> Vec<Breach> {
    let mut is_inside = false;
    let mut breaches = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        is_inside = (is_inside && !line.trim().is_empty()) || line.starts_with("*Tests:*");
        if !is_inside {
            continue;
        }
        for name in line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| is_test_name(name))
        {
            let definition = format!("fn {name}(");
            if !sources
                .iter()
                .any(|source| source.code.contains(&definition))
            {
                breaches.push(Breach::new(
                    book,
                    number,
                    format!("no test is called `{name}`"),
                ));
            }
        }
    }
    breaches
}

fn is_test_name(name: &str) -> bool {
    name.contains('_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[test]
fn test_that_is_named_and_does_not_exist_is_a_breach() {
    let sources = [Source::new("tests/a.rs", "fn wake_is_kept() {}")];
    let book =
        "Text `no_such_thing`.\n*Tests:* `wake_is_kept`,\n`wake_is_lost`.\n\n`again_no_test`\n";
    let breaches = named_tests("b.md", book, &sources);
    assert_eq!(
        breaches,
        [Breach::new("b.md", 3, "no test is called `wake_is_lost`")]
    );
}

/// Relative links lead to files, and `#fragments` to headings of the same book.
pub(crate) fn links(book: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (line, number) in prose(text) {
        for target in link_targets(line) {
            let is_broken = match target.split_once('#') {
                _ if target.contains("://") || target.starts_with("mailto:") => false,
                Some(("", fragment)) => !has_heading(text, fragment),
                Some((file, _)) => !exists(file),
                None => !exists(target),
            };
            if is_broken {
                breaches.push(Breach::new(book, number, format!("broken link `{target}`")));
            }
        }
    }
    breaches
}

/// Code spans that look like paths of the repository are; from its root or from `runtime/`.
pub(crate) fn paths(book: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (line, number) in prose(text) {
        for path in line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter_map(repository_path)
        {
            if !exists(path) && !exists(&format!("runtime/{path}")) {
                breaches.push(Breach::new(
                    book,
                    number,
                    format!("`{path}` does not exist"),
                ));
            }
        }
    }
    breaches
}

/// Lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut is_fenced = false;
    text.lines().zip(1..).filter(move |(line, _)| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    })
}

fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    let inside = line.split("](").skip(1);
    inside.filter_map(|rest| rest.split([')', ' ']).next())
}

/// `path` or `path:12` with a slash, plain characters and an ending that this repository uses.
fn repository_path(span: &str) -> Option<&str> {
    let path = span.split(':').next()?;
    let is_plain = path
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let is_ours = [".rs", ".md", ".toml"]
        .iter()
        .any(|end| path.ends_with(end));
    (is_plain && is_ours && path.contains('/') && !path.starts_with('/')).then_some(path)
}

/// Whether a heading has this fragment, by the rules of the usual renderers.
fn has_heading(text: &str, fragment: &str) -> bool {
    prose(text)
        .filter(|(line, _)| line.starts_with('#'))
        .any(|(line, _)| {
            let title = line
                .trim_start_matches('#')
                .trim()
                .to_lowercase()
                .replace(' ', "-");
            title
                .chars()
                .filter(|&c| c.is_alphanumeric() || "-_".contains(c))
                .eq(fragment.chars())
        })
}

/// Tabs and trailing blanks make diffs of nothing; so does a missing end of line.
pub(crate) fn blanks(file: &str, text: &str) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (line, number) in text.split('\n').zip(1..) {
        if line.contains('\t') {
            breaches.push(Breach::new(file, number, "a tab"));
        }
        if line.ends_with([' ', '\r']) {
            breaches.push(Breach::new(file, number, "a trailing blank"));
        }
    }
    if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
        breaches.push(Breach::new(
            file,
            text.lines().count(),
            "not one end of line at the end",
        ));
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "# X\n`runtime/z.rs`\n## Unsafe ledger\nWhy.\n\n| File | Why |\n|---|---|\n\
                        | `runtime/a.rs` | x |\n| `runtime/b.rs` | y |\n## Next\n| `q.rs` |\n";

    #[test]
    fn ledger_rule_can_fail() {
        let source = Source::new;
        let good = [
            source("runtime/a.rs", "unsafe {}"),
            source("runtime/b.rs", "unsafe fn f();"),
        ];
        assert_eq!(ledger("design.md", BOOK, &good), []);
        let unlisted = [source("runtime/c.rs", "\nunsafe {}")];
        let found = ledger("design.md", BOOK, &unlisted);
        assert_eq!(
            found.iter().map(|breach| breach.line).collect::<Vec<_>>(),
            [2, 8, 9]
        );
        let stale = [
            source("runtime/a.rs", "// unsafe"),
            source("runtime/b.rs", "unsafe {}"),
        ];
        assert_eq!(ledger("design.md", BOOK, &stale)[0].line, 8);
        assert_eq!(ledger("design.md", "# No ledger\n", &good).len(), 1);
    }

    #[test]
    fn unsafe_in_tests_needs_no_entry() {
        let sources = [
            Source::new("runtime/a.rs", "unsafe {}"),
            Source::new("runtime/b.rs", "unsafe {}"),
            Source::new("runtime/c.rs", "#[cfg(test)]\nmod tests { unsafe {} }"),
            Source::new("benches/src/d.rs", "unsafe {}"),
        ];
        assert_eq!(ledger("design.md", BOOK, &sources), []);
    }

    #[test]
    fn link_rule_can_fail() {
        let text = "# One Two!\n[a](x.md) [b](gone.md#y) [c](https://z/w)\n\
                    [d](#one-two) [e](#three)\n```\n[f](gone.md)\n```\n";
        let found = links("design.md", text, |path| path == "x.md");
        let targets: Vec<(usize, &str)> = found
            .iter()
            .map(|breach| (breach.line, breach.rule.as_str()))
            .collect();
        assert_eq!(
            targets,
            [(2, "broken link `gone.md#y`"), (3, "broken link `#three`")]
        );
    }

    #[test]
    fn path_rule_can_fail() {
        let text = "`sys/fd.rs` `tests/gone.rs:12` `gone.rs` `a/*.rs` `/proc/x.rs` a/b.rs\n\
                    ```\n`c/d.rs`\n```\n`Cargo.toml` `benches/Cargo.toml`\n";
        let found = paths("README.md", text, |path| path == "runtime/sys/fd.rs");
        let rules: Vec<&str> = found.iter().map(|breach| breach.rule.as_str()).collect();
        assert_eq!(
            rules,
            [
                "`tests/gone.rs` does not exist",
                "`benches/Cargo.toml` does not exist"
            ]
        );
    }

    #[test]
    fn blank_rule_can_fail() {
        let lines = |text| {
            blanks("x", text)
                .iter()
                .map(|breach| breach.line)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("a\n\tb\nc \nd\r\n"), [2, 3, 4]);
        assert_eq!(lines("a"), [1]);
        assert_eq!(lines("a\n\n"), [2]);
        assert_eq!(lines("a\n"), [0; 0]);
    }
}
