//! Rules about one Rust file: its header, its length, and words it must not use.

use crate::Breach;
use crate::source::{Source, lines_with_word};

const LINES_MAX: usize = 500;
const HEADER_LINES_MIN: usize = 2;

/// Words that mean "not finished", and panics without a reason.
const LEFTOVERS: [&str; 5] = [
    "todo!",
    "unimplemented!",
    "dbg!",
    "static mut ",
    ".unwrap()",
];

pub(crate) fn header(source: &Source) -> Vec<Breach> {
    let lines = source.header().len();
    if lines >= HEADER_LINES_MIN {
        return Vec::new();
    }
    let rule = format!("starts with {lines} lines of `//!`, at least {HEADER_LINES_MIN} wanted");
    vec![Breach::new(&source.file, 1, rule)]
}

pub(crate) fn length(source: &Source) -> Vec<Breach> {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    let rule = format!("{lines} lines, {LINES_MAX} is the end: split it");
    vec![Breach::new(&source.file, lines, rule)]
}

pub(crate) fn libc(source: &Source) -> Vec<Breach> {
    word_only_in(source, "libc", |file| file.starts_with("runtime/sys/"))
}

pub(crate) fn corosensei(source: &Source) -> Vec<Breach> {
    let homes = ["runtime/context/fiber.rs", "runtime/context/big_stack.rs"];
    word_only_in(source, "corosensei", |file| homes.contains(&file))
}

/// std's macro. Ours has its name: its definition, the calls to itself there, and its users above the API
/// are no breach.
pub(crate) fn thread_local(source: &Source) -> Vec<Breach> {
    let ours = ["macro_rules! thread_local {", "$crate::thread_local! {"];
    match source.file.as_str() {
        "runtime/sched/current.rs" => Vec::new(),
        "runtime/thread/local_key.rs" => {
            let code = ours
                .into_iter()
                .fold(source.shipped.clone(), |code, ours| code.replace(ours, "{"));
            breaches_of_word(&source.file, &code, "thread_local")
        }
        file if file.starts_with("runtime/compat/") => {
            let code = source.shipped.replace("crate::thread_local", "");
            breaches_of_word(&source.file, &code, "thread_local")
        }
        _ => breaches_of_word(&source.file, &source.shipped, "thread_local"),
    }
}

pub(crate) fn parking_lot(source: &Source) -> Vec<Breach> {
    word_only_in(source, "parking_lot", |_| false)
}

fn word_only_in(source: &Source, word: &str, is_home: impl Fn(&str) -> bool) -> Vec<Breach> {
    if is_home(&source.file) {
        return Vec::new();
    }
    breaches_of_word(&source.file, &source.shipped, word)
}

fn breaches_of_word(file: &str, code: &str, word: &str) -> Vec<Breach> {
    let breach = |line| Breach::new(file, line, format!("`{word}` is not named here"));
    lines_with_word(code, word).map(breach).collect()
}

pub(crate) fn leftovers(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (line, number) in source.shipped.lines().zip(1..) {
        let found = LEFTOVERS.iter().filter(|word| line.contains(**word));
        let breach = |word| Breach::new(&source.file, number, format!("`{word}` in the library"));
        breaches.extend(found.map(breach));
    }
    breaches
}

pub(crate) fn ignored(source: &Source) -> Vec<Breach> {
    let lines = source.code.lines().zip(1..);
    let ignored = lines.filter(|(line, _)| line.contains("#[ignore"));
    ignored
        .map(|(_, number)| Breach::new(&source.file, number, "an ignored test tests nothing"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(text: &str) -> Source {
        Source::new("runtime/net/x.rs", text)
    }

    #[test]
    fn header_rule_can_fail() {
        assert_eq!(header(&library("//! One.\nuse x;\n")).len(), 1);
        assert_eq!(header(&library("use x;\n//! One.\n//! Two.\n")).len(), 1);
        assert_eq!(header(&library("//! One.\n//! Two.\n")), []);
    }

    #[test]
    fn length_rule_can_fail() {
        assert_eq!(length(&library(&"\n".repeat(501))).len(), 1);
        assert_eq!(length(&library(&"\n".repeat(500))), []);
    }

    #[test]
    fn word_rules_can_fail() {
        let text = "use libc::read; // libc\nuse corosensei as c;\nthread_local! {}\n";
        assert_eq!(libc(&library(text))[0].line, 1);
        assert_eq!(corosensei(&library(text))[0].line, 2);
        assert_eq!(thread_local(&library(text))[0].line, 3);
        assert_eq!(parking_lot(&library("use parking_lot::Mutex;")).len(), 1);
        assert_eq!(libc(&Source::new("runtime/sys/x.rs", text)), []);
        assert_eq!(
            corosensei(&Source::new("runtime/context/fiber.rs", text)),
            []
        );
        assert_eq!(
            thread_local(&Source::new("runtime/sched/current.rs", text)),
            []
        );
    }

    #[test]
    fn our_macro_is_no_breach_in_its_home_and_std_s_is() {
        let ours = "macro_rules! thread_local {\n    () => { $crate::thread_local! { } };\n}\n";
        let home = |text: &str| thread_local(&Source::new("runtime/thread/local_key.rs", text));
        assert_eq!(home(ours), []);
        for theirs in [
            "thread_local! {}",
            "std::thread_local! {}",
            "use std::thread_local;",
        ] {
            let breaches = home(&format!("{ours}{theirs}\n"));
            assert_eq!(breaches.len(), 1, "{theirs}");
            assert_eq!(breaches[0].line, 4, "{theirs}");
        }
        assert_eq!(thread_local(&library(ours)).len(), 2);
        let above = |text| thread_local(&Source::new("runtime/compat/x.rs", text)).len();
        assert_eq!(above("crate::thread_local! {}\n"), 0);
        assert_eq!(above("std::thread_local! {}\n"), 1);
    }

    #[test]
    fn words_in_comments_are_no_breach() {
        let text = "//! The only `thread_local!`; no libc.\n/// `x.unwrap()`, todo!\nfn f() {}\n";
        let found = [libc, thread_local, leftovers].map(|rule| rule(&library(text)).len());
        assert_eq!(found, [0, 0, 0]);
    }

    #[test]
    fn leftovers_rule_can_fail() {
        for word in LEFTOVERS {
            let found = leftovers(&library(&format!("fn f() {{\n    x{word}x;\n}}\n")));
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!(found[0].line, 2, "{word}");
        }
        assert_eq!(
            leftovers(&library(
                "#[cfg(test)]\nmod tests { fn f() { x.unwrap() } }"
            )),
            []
        );
    }

    #[test]
    fn ignored_rule_can_fail() {
        let text = format!("#[test]\n#[{}]\nfn f() {{}}\n", "ignore = \"slow\"");
        assert_eq!(ignored(&library(&text))[0].line, 2);
        assert_eq!(ignored(&library("// #[ignore]\n")), []);
    }
}
