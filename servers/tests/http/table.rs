//! The tables of `docs/servers/http.md`, read and run.

use super::logs;
use super::site::{Site, impatient, patient};
use super::talk::Talk;
use super::watchdog::watchdog;

const BOOK: &str = include_str!("../../../docs/servers/http.md");

/// One row: bytes, and what becomes of them.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// As it is written.
    pub(crate) sent: String,
    pub(crate) bytes: Vec<u8>,
    /// The client ends its direction.
    pub(crate) ends: bool,
    pub(crate) replies: Vec<Reply>,
    pub(crate) stays_open: bool,
    log: Option<String>,
}

/// One answer that is expected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    status: u16,
    is_bare: bool,
    text: Option<String>,
}

/// The rows of all tables, or of those below a heading.
pub(crate) fn rows(heading: &str) -> Vec<Row> {
    let lines = BOOK.lines().skip_while(|line| !line.ends_with(heading));
    let below = lines.skip(1).take_while(|line| !line.starts_with('#'));
    let rows = below.filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<Row> = rows.map(row).collect();
    assert!(!rows.is_empty(), "no rows below {heading}");
    rows
}

fn row(line: &str) -> Row {
    let (sent, rest) = line.split_once("` |").unwrap();
    let cells: Vec<&str> = rest.split('|').map(str::trim).collect();
    let [reply, then, log, _] = cells[..] else {
        panic!("not four cells: {line}");
    };
    let ends = sent.ends_with("{end}");
    Row {
        bytes: expand(sent.trim_end_matches("{end}")),
        sent: sent.to_owned(),
        ends,
        replies: reply
            .split(", ")
            .filter(|reply| !reply.is_empty())
            .flat_map(replies)
            .collect(),
        stays_open: match then {
            "open" => true,
            "closed" => false,
            other => panic!("{other}: {line}"),
        },
        log: (!log.is_empty()).then(|| log.to_owned()),
    }
}

/// `200`, `200 bare`, `200 "text"`, `100 * 200`.
fn replies(text: &str) -> Vec<Reply> {
    if let Some((count, reply)) = text.split_once(" * ") {
        return vec![replies(reply).remove(0); count.parse().unwrap()];
    }
    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
    let reply = Reply {
        status: status.parse().unwrap(),
        is_bare: rest == "bare",
        text: rest
            .strip_prefix('"')
            .map(|text| text.trim_end_matches('"').to_owned()),
    };
    vec![reply]
}

/// Undoes escapes and repetitions.
fn expand(text: &str) -> Vec<u8> {
    let Some((before, rest)) = text.split_once('{') else {
        return unescape(text);
    };
    let (inside, after) = rest.split_once('}').unwrap();
    let (count, what) = inside.split_once(" * ").unwrap();
    let repeated = unescape(what).repeat(count.parse().unwrap());
    [unescape(before), repeated, expand(after)].concat()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let escaped = match byte {
            b'\\' => rest.next().unwrap(),
            _ => {
                bytes.push(byte);
                continue;
            }
        };
        bytes.push(match escaped {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => 0,
            b'x' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => panic!("\\{}", char::from(other)),
        });
    }
    bytes
}

/// Whether the answers are those of the row.
pub(crate) fn check(row: &Row, talk: &mut Talk) {
    for expected in &row.replies {
        let answer = talk.answer(expected.is_bare);
        let answer = answer.unwrap_or_else(|| panic!("{}: no answer", row.sent));
        assert_eq!(answer.status, expected.status, "{}: {answer:?}", row.sent);
        if let Some(text) = &expected.text {
            assert_eq!(answer.text(), text, "{}", row.sent);
        }
    }
    if row.stays_open {
        assert!(talk.is_open(), "{}: closed", row.sent);
        talk.end();
    }
    assert!(talk.is_closed(), "{}: open", row.sent);
}

fn run(row: &Row, site: &Site) {
    let mut talk = Talk::new(site.address);
    talk.send(&row.bytes);
    if row.ends {
        talk.end();
    }
    check(row, &mut talk);
    let logged = logs::about(talk.local);
    assert_eq!(
        logged,
        row.log.iter().cloned().collect::<Vec<_>>(),
        "{}",
        row.sent
    );
}

/// Runs all rows and names all that differ.
fn run_all(rows: &[Row], site: &Site) {
    let outcome = |row| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(row, site)));
    let failed: Vec<&str> = rows
        .iter()
        .filter(|row| outcome(row).is_err())
        .map(|row| row.sent.as_str())
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn row_of_the_table_gets_what_it_says() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let site = Site::start(workers, patient());
        run_all(&rows("## What bad input gets"), &site);
    }
}

#[test]
fn row_about_slowness_gets_what_it_says() {
    let _watchdog = watchdog();
    let site = Site::start(1, impatient());
    run_all(&rows("### What slowness gets"), &site);
}
