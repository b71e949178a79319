//! Tables of bad input in the documents: read, and turned into bytes and patterns.

use std::path::Path;

/// `input → reply → log line`; `None`: nothing.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) input: String,
    pub(crate) reply: String,
    pub(crate) log: Option<String>,
}

/// The table below a heading of a document in docs/servers.
pub(crate) fn rows(document: &str, heading: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/servers")
        .join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let part = text.split("\n## ").find(|part| part.starts_with(heading));
    let part = part.unwrap_or_else(|| panic!("{document} has no part `{heading}`"));
    let lines = part.lines().skip_while(|line| !line.starts_with("|---"));
    let rows: Vec<Row> = lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(row)
        .collect();
    assert!(!rows.is_empty(), "{document}: `{heading}` has no rows");
    rows
}

fn row(line: &str) -> Row {
    let columns: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [input, reply, log] = columns[..] else {
        panic!("not three columns: {line}");
    };
    let span = |text: &str| {
        let inner = text
            .strip_prefix('`')
            .and_then(|text| text.strip_suffix('`'));
        assert!(
            inner.is_some() || text == "-",
            "neither a code span nor nothing: {text}"
        );
        inner.map(|text| text.replace("&#96;", "`"))
    };
    Row {
        input: span(input).unwrap_or_default(),
        reply: span(reply).unwrap_or_default(),
        log: span(log),
    }
}

/// The bytes that a column stands for.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((count, body, after)) = repeat(rest) {
            bytes.extend(self::bytes(body).repeat(count));
            rest = after;
        } else if let Some((body, after)) = braced(rest, "{frame:") {
            let body = self::bytes(body);
            bytes.extend(i32::try_from(body.len()).unwrap().to_ne_bytes());
            bytes.extend(body);
            rest = after;
        } else if let Some((number, after)) = braced(rest, "{length:") {
            bytes.extend(number.parse::<i32>().unwrap().to_ne_bytes());
            rest = after;
        } else if let Some(escape) = rest.strip_prefix('\\') {
            let (byte, length) = escaped(escape);
            bytes.push(byte);
            rest = &escape[length..];
        } else {
            rest = &rest[first.len_utf8()..];
            bytes.extend(first.to_string().into_bytes());
        }
    }
    bytes
}

/// `{x*600}` at the start of the text.
fn repeat(text: &str) -> Option<(usize, &str, &str)> {
    let (inner, after) = text.strip_prefix('{')?.split_once('}')?;
    let (body, count) = inner.rsplit_once('*')?;
    Some((count.parse().ok()?, body, after))
}

/// What is between `start` and the brace that closes it.
fn braced<'a>(text: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let inner = text.strip_prefix(start)?;
    let mut depth = 1;
    for (at, c) in inner.char_indices() {
        depth = match c {
            '{' => depth + 1,
            '}' => depth - 1,
            _ => depth,
        };
        if depth == 0 {
            return Some((&inner[..at], &inner[at + 1..]));
        }
    }
    None
}

fn escaped(text: &str) -> (u8, usize) {
    match text.as_bytes()[0] {
        b'n' => (b'\n', 1),
        b'r' => (b'\r', 1),
        b't' => (b'\t', 1),
        b'0' => (0, 1),
        b'\\' => (b'\\', 1),
        b'x' => (u8::from_str_radix(&text[1..3], 16).unwrap(), 3),
        _ => panic!("no such escape: \\{text}"),
    }
}

/// Whether bytes are what a pattern says; `…` stands for any.
pub(crate) fn is_like(found: &[u8], pattern: &str) -> bool {
    let parts: Vec<Vec<u8>> = pattern.split('…').map(bytes).collect();
    let (first, others) = parts.split_first().unwrap();
    let Some(mut rest) = found.strip_prefix(&first[..]) else {
        return false;
    };
    let Some((last, middle)) = others.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let at = (0..=rest.len()).find(|at| rest[*at..].starts_with(part));
        let Some(at) = at else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn patterns_match_what_they_say() {
    assert_eq!(bytes(r"a{\n*2}\x41{length:1}"), b"a\n\nA\x01\0\0\0");
    assert_eq!(bytes(r#"{frame:{"a":1}}x"#), b"\x07\0\0\0{\"a\":1}x");
    for (pattern, is_it) in [
        ("abc", true),
        ("…", true),
        ("a…", true),
        ("…c", true),
        ("a…b…c", true),
        ("…b", false),
        ("ab", false),
        ("abc…c", false),
    ] {
        assert_eq!(is_like(b"abc", pattern), is_it, "{pattern}");
    }
}
