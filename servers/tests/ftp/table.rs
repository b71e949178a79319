//! The table of `docs/servers/ftp.md`, row by row: what is sent, what is answered, what is logged.

use super::ground::{Site, logged};
use super::watchdog::watchdog;
use std::io::Read;

const DOCUMENT: &str = include_str!("../../../docs/servers/ftp.md");

/// The rows of the table whose header begins so, by column.
fn rows(header: &str) -> Vec<Vec<String>> {
    let table = DOCUMENT
        .lines()
        .skip_while(|line| !line.starts_with(header));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    let columns = |row: &str| {
        // A bar inside a code span is written `\|`.
        let row = row.replace("\\|", "\u{1}");
        let cells = row.trim_matches('|').split('|');
        cells
            .map(|cell| cell.trim().replace('\u{1}', "|"))
            .collect()
    };
    rows.map(columns).collect()
}

fn spans(cell: &str) -> Vec<String> {
    let spans = cell.split("``").skip(1).step_by(2);
    spans.map(|span| span.trim().to_owned()).collect()
}

/// The bytes that a span stands for.
fn bytes(span: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = span;
    while let Some(c) = rest.chars().next() {
        let (length, byte) = match rest.as_bytes() {
            [b'\\', b'r', ..] => (2, Some(b'\r')),
            [b'\\', b'0', ..] => (2, Some(0)),
            [b'\\', b'x', ..] => (4, u8::from_str_radix(&rest[2..4], 16).ok()),
            _ => (c.len_utf8(), None),
        };
        match byte {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(&rest.as_bytes()[..length]),
        }
        rest = &rest[length..];
    }
    // "x × 600"
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.split_once(" × ") {
        Some((piece, times)) => piece.repeat(times.parse().unwrap()).into_bytes(),
        None => bytes,
    }
}

#[test]
fn bad_input_gets_the_replies_and_log_lines_of_the_document() {
    let _watchdog = watchdog();
    let site = Site::new();
    let rows = rows("| as | input |");
    assert!(rows.len() > 40, "{} rows", rows.len());
    for row in rows {
        let [who, input, reply, log] = &row[..] else {
            panic!("{row:?}")
        };
        let mut raw = match who.as_str() {
            "nobody" => site.connect(),
            user => site.login(user),
        };
        let before = logged(&raw.name()).len();
        let lines = spans(input);
        let lines = lines
            .iter()
            .map(|line| [&bytes(line)[..], b"\r\n"].concat());
        raw.send(&lines.collect::<Vec<_>>().concat());
        for reply in spans(reply) {
            let answer = raw.answer();
            let answer = answer.lines().last().unwrap();
            let is_so = match reply.split_once('…') {
                Some((start, end)) => answer.starts_with(start) && answer.ends_with(end),
                None => answer == reply,
            };
            assert!(is_so, "{row:?}: {answer}");
        }
        // The log is written before the answer.
        let lines: Vec<String> = logged(&raw.name()).split_off(before);
        assert_eq!(lines, spans(log), "{row:?}");
        // And the client may go on.
        raw.ask("NOOP", "200");
    }
}

#[test]
fn events_of_the_document_have_their_tests() {
    let sources = [
        include_str!("table.rs"),
        include_str!("doors.rs"),
        include_str!("manners.rs"),
        include_str!("transfers.rs"),
        include_str!("jail.rs"),
        include_str!("programs.rs"),
    ];
    let rows = rows("| event |");
    assert!(rows.len() > 10, "{} rows", rows.len());
    for row in rows {
        let test = row.last().unwrap().trim_matches('`');
        let definition = format!("fn {test}()");
        assert!(
            sources.iter().any(|source| source.contains(&definition)),
            "{test}"
        );
    }
}

#[test]
fn nonsense_without_end_ends_the_connection() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.connect();
    for _ in 0..100 {
        raw.ask("GET / HTTP/1.1", "500");
    }
    raw.expect("421");
    raw.reader.read_to_end(&mut Vec::new()).unwrap();
}
