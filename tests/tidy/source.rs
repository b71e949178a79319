//! Rust text as the rules want it: comments and literals blanked out, line for line.
//!
//! A scanner of the five token kinds that matter, not a parser: line and nested block comments,
//! strings, raw strings, character literals (told apart from lifetimes).

/// One Rust file.
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) file: String,
    pub(crate) text: String,
    /// `text` without comments and the contents of literals.
    pub(crate) code: String,
    /// `code` without what is compiled for tests only.
    pub(crate) shipped: String,
}

impl Source {
    pub(crate) fn new(file: impl Into<String>, text: impl Into<String>) -> Source {
        let (file, text) = (file.into(), text.into());
        let code = without_comments(&text);
        let is_test_file = file.ends_with("/tests.rs") || file.contains("/tests/");
        let shipped = if is_test_file {
            String::new()
        } else {
            without_tests(&code)
        };
        Source {
            file,
            text,
            code,
            shipped,
        }
    }

    /// The leading `//!` lines.
    pub(crate) fn header(&self) -> Vec<&str> {
        self.text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect()
    }
}

/// Line numbers (from 1) on which `word` stands as a whole identifier.
pub(crate) fn lines_with_word<'a>(
    code: &'a str,
    word: &'a str,
) -> impl Iterator<Item = usize> + 'a {
    let has_word = move |line: &&str| identifiers(line).any(|found| found == word);
    code.lines()
        .zip(1..)
        .filter(move |(line, _)| has_word(line))
        .map(|(_, number)| number)
}

fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c| !is_identifier(c))
        .filter(|word| !word.is_empty())
}

pub(crate) fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Replaces comments, and what is between the quotes of literals, by blanks. Lines stay.
pub(crate) fn without_comments(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = blank_until(&chars, at);
        let blanks = chars[at..end]
            .iter()
            .map(|&c| if c == '\n' { '\n' } else { ' ' });
        out.extend(blanks);
        at = end;
        out.extend(chars.get(at));
        at += 1;
    }
    out
}

/// The end of the comment or literal that begins at `at`; `at` itself if none does.
fn blank_until(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match (chars[at], next) {
        ('/', Some('/')) => end_of(chars, at, |rest| rest[0] == '\n'),
        ('/', Some('*')) => end_of_block_comment(chars, at),
        ('"', _) => end_of_string(chars, at, '"'),
        ('\'', Some('\\')) => end_of_string(chars, at, '\''),
        ('\'', _) if chars.get(at + 2) == Some(&'\'') => at + 2,
        ('r', Some('"' | '#')) if !is_inside_word(chars, at) => end_of_raw_string(chars, at),
        _ => at,
    }
}

fn end_of(chars: &[char], from: usize, is_end: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len())
        .find(|&at| is_end(&chars[at..]))
        .unwrap_or(chars.len())
}

fn end_of_block_comment(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// The closing quote of the literal whose opening one is at `from`.
fn end_of_string(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at.min(chars.len())
}

fn end_of_raw_string(chars: &[char], from: usize) -> usize {
    let hashes = chars[from + 1..].iter().take_while(|&&c| c == '#').count();
    let open = from + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return from; // A raw identifier.
    }
    let closes = |rest: &[char]| {
        rest[0] == '"'
            && rest[1..]
                .iter()
                .take_while(|&&c| c == '#')
                .take(hashes)
                .count()
                == hashes
    };
    (end_of(chars, open + 1, closes) + hashes).min(chars.len())
}

/// Whether `at` continues an identifier; the prefixes of byte and C strings do not count.
fn is_inside_word(chars: &[char], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|index| chars[index]);
    match before(1) {
        Some('b' | 'c') => before(2).is_some_and(is_identifier),
        other => other.is_some_and(is_identifier),
    }
}

/// Blanks every item under `#[cfg(test)]` or `#[cfg(all(test, …))]`. `code` has no comments.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for marker in ["#[cfg(test)]", "#[cfg(all(test"] {
        while let Some(start) = out.find(marker) {
            let end = end_of_item(&out, start);
            let blanks: String = out[start..end]
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' })
                .collect();
            out.replace_range(start..end, &blanks);
        }
    }
    out
}

/// Just after the item's `;` or its closing brace.
fn end_of_item(code: &str, start: usize) -> usize {
    let mut depth = 0;
    for (offset, c) in code[start..].char_indices() {
        match c {
            ';' if depth == 0 => return start + offset + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return start + offset + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn comments_and_literals_are_blanked_line_for_line() {
    let cases = [
        ("a // b\nc", "a\nc"),
        ("a /* b /* c\n */ d */ e", "a\n e"),
        (r#"f("x \" y", z)"#, "f( , z)"),
        (r##"f(r#"x " y"#, z)"##, "f( , z)"),
        (r#"f(br"x\", z)"#, "f(b , z)"),
        ("f('\"', 'a', '\\'', z)", "f( , , , z)"),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("r#type + for_r\"x\"", "r#type + for_r "),
        ("f(\"é\", z) // ü\n", "f( , z)\n"),
    ];
    for (text, expected) in cases {
        let blanked = without_comments(text);
        assert_eq!(blanked.lines().count(), text.lines().count(), "{text}");
        let squeeze = |text: &str| {
            let kept = text.replace(['"', '\'', '#', '/', ' '], "");
            kept.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(squeeze(&blanked), squeeze(expected), "{text}");
    }
}

#[test]
fn test_items_are_not_shipped() {
    let text = "a\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\nmod t { fn f() { x } }\nc\n";
    let source = Source::new("runtime/x.rs", text);
    assert_eq!(
        source.shipped.split_whitespace().collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert_eq!(source.shipped.lines().count(), 7);
    assert_eq!(Source::new("runtime/x/tests.rs", text).shipped, "");
    let braced = Source::new(
        "runtime/x.rs",
        "#[cfg(all(test, y))]\nfn f() -> [u8; 2] { z }\nk",
    );
    assert!(braced.shipped.contains('k'));
}

#[test]
fn words_are_whole_identifiers() {
    let code = "unsafe_code\n#[x(unsafe)]\nis_unsafe unsafely\nunsafe {";
    assert_eq!(lines_with_word(code, "unsafe").collect::<Vec<_>>(), [2, 4]);
}
