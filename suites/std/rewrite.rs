//! The rewriting of one file: finds its tests, wraps their bodies, leaves some out.
//!
//! A scanner, not a parser: it knows comments, strings and brackets, which is what it takes to find the
//! end of a function. `rustfmt` wrote these files, so a test's attributes begin their lines.

use crate::fitting::{File, UNSTABLE};
use std::fmt::Write;

pub(crate) fn rewrite(file: &File, text: &str, left_out: &mut String) -> String {
    let mut text = text.to_owned();
    for (from, to) in file.edits {
        if !text.contains(from) {
            println!("cargo::warning={}: nothing to edit: {from}", file.path);
        }
        text = text.replace(from, to);
    }
    // Inner attributes cannot stand in an included file.
    let lines = text.lines().filter(|line| !line.starts_with("#!["));
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = poison_tests(&text);
    let text = text
        .replace("::std::", "crate::")
        .replace("std::", "crate::");
    let text = text.replace("#[bench]", "#[cfg(any())]");
    let text = without_unstable_imports(&format!("\n{text}"));
    tests(file, &text, left_out)
}

/// Takes unstable names out of lists of imports.
fn without_unstable_imports(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\nuse ").map(|at| at + 1) {
        let end = at + rest[at..].find(';').map_or(rest.len() - at, |end| end + 1);
        let mut import = rest[at..end].to_owned();
        for name in UNSTABLE {
            import = without_listed(&import, name);
        }
        out.push_str(&rest[..at]);
        if !UNSTABLE.iter().any(|name| names(&import, name)) {
            out.push_str(&import);
        }
        rest = &rest[end..];
    }
    out + rest
}

/// `use a::{b, name, c};` without `name`.
fn without_listed(import: &str, name: &str) -> String {
    let Some((path, list)) = import.split_once('{') else {
        return import.to_owned();
    };
    let Some(list) = list.strip_suffix("};") else {
        return import.to_owned();
    };
    let kept: Vec<&str> = list.split(',').filter(|item| item.trim() != name).collect();
    format!("{path}{{{}}};", kept.join(","))
}

/// Whether `text` has `name` as a whole word; the end of a path may stand for many.
fn names(text: &str, name: &str) -> bool {
    if name.contains("::") {
        return text.contains(name);
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word)
    })
}

/// Tests that std writes for two kinds of locks by a macro of unstable means: the stable kind is kept.
fn poison_tests(text: &str) -> String {
    const CALL: &str = "nonpoison_and_poison_unwrap_test!(";
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(CALL) {
        out.push_str(&rest[..at]);
        let open = at + CALL.len() - 1;
        let end = matching(rest, open);
        let inside = &rest[open + 1..end];
        let name = between(inside, "name: ", ",");
        let body_at = inside.find('{').expect("a body");
        let body = &inside[body_at + 1..matching(inside, body_at)];
        write!(
            out,
            "#[test]\nfn poison_{name}() {{\n    use super::result_unwrap as maybe_unwrap;\n    \
             use crate::sync::poison as locks;\n{body}}}\n"
        )
        .expect("strings take all");
        rest = rest[end + 1..].trim_start_matches(';');
    }
    out + rest
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let at = text.find(before).expect("the text before") + before.len();
    let end = text[at..].find(after).expect("the text after");
    text[at..at + end].trim()
}

/// Wraps each test's body.
fn tests(file: &File, text: &str, left_out: &mut String) -> String {
    const TEST: &str = "#[test]\n";
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(TEST) {
        // Attributes above `#[test]`, such as `#[should_panic]` or `#[cfg(…)]`, belong to it.
        let attributes_at = first_attribute(&rest[..at]);
        out.push_str(&rest[..attributes_at]);
        let fn_at = at + rest[at..].find("fn ").expect("a test is a function");
        let open = fn_at + rest[fn_at..].find('{').expect("a function has a body");
        let end = matching(rest, open);
        let attributes = &rest[attributes_at..fn_at];
        let name = between(&rest[fn_at..], "fn ", "(");
        let signature = &rest[fn_at..open];
        let body = &rest[open..=end];
        let skipped = file.skip.iter().find(|(skipped, _)| *skipped == name);
        let unstable = UNSTABLE.iter().find(|unstable| names(body, unstable));
        let reason = skipped
            .map(|(_, reason)| (*reason).to_owned())
            .or_else(|| unstable.map(|name| format!("{name} is unstable in std")));
        match reason {
            Some(reason) => {
                writeln!(left_out, "{} {name}: {reason}", file.module).expect("strings take all");
            }
            None => out.push_str(&wrapped(attributes, name, signature, body)),
        }
        rest = &rest[end + 1..];
    }
    out + rest
}

fn first_attribute(before: &str) -> usize {
    let mut at = before.len();
    while let Some(line) = before[..at].trim_end_matches('\n').lines().last() {
        if !line.starts_with("#[") {
            break;
        }
        at = before[..at].trim_end_matches('\n').len() - line.len();
    }
    at
}

/// One test per place, each with a body, and so with statics, of its own.
fn wrapped(attributes: &str, name: &str, signature: &str, body: &str) -> String {
    // Under a `cfg_attr` it is for other systems than this one, and stays what it is.
    let is_panic = |line: &&str| line.starts_with("#[should_panic");
    let panics = attributes.lines().any(|line| is_panic(&line));
    let kept = attributes.lines().filter(|line| !is_panic(line));
    let attributes = kept.collect::<Vec<_>>().join("\n");
    let run = if panics { "run_to_a_panic" } else { "run" };
    let unwrap = if signature.contains("->") {
        ".unwrap()"
    } else {
        ""
    };
    let inner = signature.replacen(&format!("fn {name}("), "fn body(", 1);
    let place = |(place, suffix)| {
        format!(
            "{attributes}\nfn {name}_{suffix}() {{\n    {inner}{body}\n    \
             crate::{place}.{run}(&turn_of_{name}, || {{ body(){unwrap}; }})\n}}\n"
        )
    };
    // The copies of one test take turns: it may change what belongs to the process, its environment say.
    let turn = format!("static turn_of_{name}: crate::Turn = crate::Turn::new(());\n");
    let copies = [
        ("Place::OsThread", "on_an_os_thread"),
        ("Place::Workers(1)", "on_one_worker"),
        ("Place::Workers(2)", "on_two_workers"),
    ]
    .map(place)
    .concat();
    let of_cfg = attributes.lines().filter(|line| line.starts_with("#[cfg("));
    of_cfg.collect::<Vec<_>>().join("\n") + "\n" + &turn + &copies
}

/// The place of the bracket that closes the one at `open`.
fn matching(text: &str, open: usize) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0;
    let mut at = open;
    while at < bytes.len() {
        match bytes[at] {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            b'/' if bytes[at..].starts_with(b"//") => {
                at += text[at..].find('\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'r' if bytes[at..].starts_with(b"r#\"") => {
                at += 3 + text[at + 3..].find("\"#").expect("a raw string ends") + 2;
                continue;
            }
            b'r' if bytes[at..].starts_with(b"r\"") && !is_word(bytes[at - 1]) => {
                at += 2 + text[at + 2..].find('"').expect("a raw string ends");
            }
            b'"' => at = end_of_string(bytes, at),
            b'\'' => at = end_of_char(bytes, at),
            _ => {}
        }
        at += 1;
    }
    panic!(
        "a bracket is not closed: {}",
        &text[open..(open + 80).min(text.len())]
    );
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of_string(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// A quote begins a character, or a lifetime.
fn end_of_char(bytes: &[u8], open: usize) -> usize {
    if bytes[open + 1] == b'\\' {
        let mut at = open + 3;
        while bytes[at] != b'\'' {
            at += 1;
        }
        return at;
    }
    if bytes.get(open + 2) == Some(&b'\'') {
        return open + 2;
    }
    open
}
