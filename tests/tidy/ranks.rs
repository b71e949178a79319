//! The rule that a module names only its own or a lower rank.
//!
//! Read off `crate::x`, `crate::{x, y::z}` and `super::…::x` where that reaches the root. A name in
//! the root that is no module is the public face of the library and counts as the API's rank.

use crate::Breach;
use crate::source::{Source, is_identifier, lines_with_word};

/// Ranks below the API's, by index.
const BELOW_API: [&str; 6] = ["sys", "context", "task", "driver", "sched", "park"];
const API: usize = BELOW_API.len();

fn rank(module: &str) -> usize {
    match module {
        "inspect" => API + 1,
        "compat" => API + 2,
        _ => BELOW_API
            .iter()
            .position(|&below| below == module)
            .unwrap_or(API),
    }
}

pub(crate) fn ranks(source: &Source) -> Vec<Breach> {
    let path = module_path(&source.file);
    let Some(own) = path.first() else {
        return Vec::new(); // The root names all ranks.
    };
    let breach = |(line, named): (usize, String)| {
        let rule = format!(
            "`{own}` (rank {}) names `{named}` ({})",
            rank(own),
            rank(&named)
        );
        (rank(&named) > rank(own)).then(|| Breach::new(&source.file, line, rule))
    };
    names_of_root(&source.shipped, path.len())
        .into_iter()
        .filter_map(breach)
        .collect()
}

pub(crate) fn driver(source: &Source) -> Vec<Breach> {
    if module_path(&source.file).first() != Some(&"driver") {
        return Vec::new();
    }
    let rule = "the driver returns data, it never names `sched`";
    lines_with_word(&source.shipped, "sched")
        .map(|line| Breach::new(&source.file, line, rule))
        .collect()
}

/// `runtime/net/tcp/mod.rs` and `runtime/net/tcp.rs` are both `net::tcp`; the root is empty.
fn module_path(file: &str) -> Vec<&str> {
    let inner = file.trim_start_matches("runtime/").trim_end_matches(".rs");
    let inner = inner.trim_end_matches("/mod");
    inner.split('/').filter(|part| *part != "lib").collect()
}

/// Every name that the code takes from the root of the crate, with its line.
fn names_of_root(code: &str, depth: usize) -> Vec<(usize, String)> {
    let from_here = "super::".repeat(depth);
    let mut names = Vec::new();
    for prefix in ["crate::", from_here.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            let is_inside_path = code[..at].ends_with(|c| is_identifier(c) || c == ':');
            if is_inside_path {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            let named = names_after(&code[at + prefix.len()..]);
            names.extend(named.into_iter().map(|name| (line, name)));
        }
    }
    names
}

/// `x` of `x::y`, or the first name of each branch of `{x::y, z}`.
fn names_after(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![first_name(rest)];
    };
    let mut depth = 0;
    let mut start = 0;
    let mut names = Vec::new();
    for (at, c) in group.char_indices() {
        let ends_branch = depth == 0 && matches!(c, ',' | '}');
        if ends_branch {
            names.push(first_name(group[start..at].trim()));
            start = at + 1;
        }
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|&c| is_identifier(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(file: &str, text: &str) -> usize {
        ranks(&Source::new(file, text)).len()
    }

    #[test]
    fn ranks_rule_can_fail() {
        assert_eq!(breaches("runtime/sys/x.rs", "use crate::task::T;"), 1);
        assert_eq!(
            breaches("runtime/task/x.rs", "fn f() { crate::park::park() }"),
            1
        );
        assert_eq!(breaches("runtime/park/mod.rs", "use crate::Cancelled;"), 1);
        assert_eq!(
            breaches(
                "runtime/net/x.rs",
                "use crate::{sys::a, inspect, io::{b, c}};"
            ),
            1
        );
        assert_eq!(
            breaches(
                "runtime/driver/a/b.rs",
                "use super::super::super::sched::x;"
            ),
            1
        );
        assert_eq!(breaches("runtime/unblock.rs", "use super::compat;"), 1);
    }

    #[test]
    fn own_and_lower_ranks_are_no_breach() {
        assert_eq!(
            breaches(
                "runtime/net/x.rs",
                "use crate::{io::{park, inspect}, sched};"
            ),
            0
        );
        assert_eq!(
            breaches(
                "runtime/driver/a/b.rs",
                "use super::super::sched; use super::x;"
            ),
            0
        );
        assert_eq!(
            breaches("runtime/sys/x.rs", "use crate::sys::check; // crate::park"),
            0
        );
        assert_eq!(
            breaches("runtime/lib.rs", "pub use crate::thread::spawn;"),
            0
        );
        assert_eq!(
            breaches(
                "runtime/sys/x.rs",
                "#[cfg(test)]\nmod t { use crate::run; }"
            ),
            0
        );
        assert_eq!(
            breaches(
                "runtime/sys/x.rs",
                "use other_crate::task; use $crate::sys::a;"
            ),
            0
        );
    }

    #[test]
    fn driver_rule_can_fail() {
        let sees = |file| driver(&Source::new(file, "// sched\nmod x { fn sched() {} }")).len();
        assert_eq!(sees("runtime/driver/timer/wheel.rs"), 1);
        assert_eq!(sees("runtime/park/mod.rs"), 0);
    }

    #[test]
    fn module_paths_are_read_off_files() {
        assert_eq!(module_path("runtime/net/tcp/mod.rs"), ["net", "tcp"]);
        assert_eq!(module_path("runtime/net/tcp.rs"), ["net", "tcp"]);
        assert_eq!(module_path("runtime/net/mod.rs"), ["net"]);
        assert!(module_path("runtime/lib.rs").is_empty());
    }
}
