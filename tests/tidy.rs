//! The house rules that a grep can check, as tests: one per rule, each with a self-test that shows it
//! can fail.
//!
//! Rules are functions from text to breaches, so that the self-tests need no files. They look at code
//! with comments and literals blanked out (`source`), because a comment may name what code may not.
//! What rustc and clippy can check is in `Cargo.toml` instead. Run: `cargo test --test tidy`.

#[path = "tidy/book.rs"]
mod book;
#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/examples.rs"]
mod examples;
#[path = "tidy/git.rs"]
mod git;
#[path = "tidy/ranks.rs"]
mod ranks;
#[path = "tidy/source.rs"]
mod source;

use source::Source;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A broken rule, and where.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    rule: String,
}

impl Breach {
    fn new(file: &str, line: usize, rule: impl Into<String>) -> Breach {
        Breach {
            file: file.to_owned(),
            line,
            rule: rule.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository below `top` that ends in `extension`, in a stable order.
fn files(top: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(top)];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for path in entries.map(|entry| entry.expect("a directory that can be read").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_hidden_or_built = name.starts_with('.') || name.starts_with("target");
            if path.is_dir() && !is_hidden_or_built {
                waiting.push(path);
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}: the rules need it", path.display()));
    let name = path
        .strip_prefix(root())
        .expect("it was found below the root");
    (name.to_string_lossy().into_owned(), text)
}

fn sources(top: &str) -> Vec<Source> {
    let found: Vec<Source> = files(top, "rs")
        .iter()
        .map(|path| read(path))
        .map(|(name, text)| Source::new(name, text))
        .collect();
    assert!(
        !found.is_empty(),
        "no Rust files below {top}/: the rules check nothing"
    );
    found
}

/// Fails with every breach, one per line as a compiler would print it.
fn assert_tidy(breaches: impl IntoIterator<Item = Breach>) {
    let lines: Vec<String> = breaches
        .into_iter()
        .map(|breach| breach.to_string())
        .collect();
    assert!(
        lines.is_empty(),
        "{} breaches of a house rule:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

fn check_runtime(rule: impl Fn(&Source) -> Vec<Breach>) {
    assert_tidy(sources("runtime").iter().flat_map(rule));
}

#[test]
fn every_library_file_says_what_it_is() {
    check_runtime(code::header);
}

#[test]
fn no_file_exceeds_five_hundred_lines() {
    assert_tidy(sources("").iter().flat_map(code::length));
}

#[test]
fn libc_is_named_in_sys_only() {
    check_runtime(code::libc);
}

#[test]
fn corosensei_is_named_in_two_files_only() {
    check_runtime(code::corosensei);
}

#[test]
fn thread_locals_are_in_current_only() {
    check_runtime(code::thread_local);
}

#[test]
fn parking_lot_is_not_used_by_the_library() {
    check_runtime(code::parking_lot);
}

#[test]
fn modules_name_their_own_or_lower_ranks() {
    check_runtime(ranks::ranks);
}

#[test]
fn driver_never_names_sched() {
    check_runtime(ranks::driver);
}

#[test]
fn library_holds_no_leftovers() {
    check_runtime(code::leftovers);
}

#[test]
fn no_test_is_ignored() {
    assert_tidy(sources("").iter().flat_map(code::ignored));
}

/// Of all members. What several examples share is no example.
fn examples() -> Vec<Source> {
    let is_package = |folder: &str| root().join(folder).join("Cargo.toml").exists();
    let mut all = sources("");
    all.retain(|source| examples::is_example(&source.file, is_package));
    all
}

#[test]
fn every_example_says_what_it_is_and_how_to_run_it() {
    let (_, book) = read(&root().join("examples/README.md"));
    let all = examples();
    assert_tidy(
        all.iter()
            .flat_map(|example| examples::header(&book, example)),
    );
}

#[test]
fn examples_and_the_tables_of_their_book_agree() {
    let (file, book) = read(&root().join("examples/README.md"));
    let all = examples();
    assert_tidy(examples::listed(&file, &book, &examples::ROWS, &all));
    assert_tidy(examples::functions(&file, &book, &all));
}

#[test]
fn every_example_is_run_by_a_test() {
    let mut tests = sources("tests");
    tests.extend(sources("servers/tests"));
    // Deeper in the other folders such a word may mean something else.
    let folders = [
        "tests",
        "tests/examples",
        "servers/tests",
        "servers/tests/examples",
    ];
    tests.retain(|test| {
        let folder = test.file.rsplit_once('/').map(|(folder, _)| folder);
        folder.is_some_and(|folder| folders.contains(&folder))
    });
    assert_tidy(examples::tested(&examples(), &tests));
}

#[test]
fn no_tracked_file_is_ignored() {
    assert_tidy(git::tracked_and_ignored(root()));
}

#[test]
fn tests_that_the_book_names_exist() {
    let (book, text) = read(&root().join("design.md"));
    let code: Vec<Source> = ["runtime", "tests", "models", "suites", "servers"]
        .into_iter()
        .flat_map(sources)
        .collect();
    assert_tidy(book::named_tests(&book, &text, &code));
}

#[test]
fn unsafe_is_in_the_ledger() {
    let (file, text) = read(&root().join("design.md"));
    assert_tidy(book::ledger(&file, &text, &sources("")));
}

#[test]
fn books_point_at_what_exists() {
    for name in ["design.md", "README.md"] {
        let (file, text) = read(&root().join(name));
        assert_tidy(book::links(&file, &text, |path| root().join(path).exists()));
        assert_tidy(book::paths(&file, &text, |path| root().join(path).exists()));
    }
    for name in ["examples/README.md", "docs/python.md"] {
        let (file, text) = read(&root().join(name));
        let (folder, _) = name.split_once('/').expect("because both lie in a folder");
        assert_tidy(book::links(&file, &text, |path| {
            root().join(folder).join(path).exists()
        }));
        assert_tidy(book::paths(&file, &text, |path| root().join(path).exists()));
    }
}

#[test]
fn text_has_no_tabs_and_no_trailing_blanks() {
    for extension in ["rs", "md", "toml"] {
        let texts = files("", extension).into_iter().map(|path| read(&path));
        assert_tidy(texts.flat_map(|(file, text)| book::blanks(&file, &text)));
    }
}
