//! Requests that nobody wrote: a corpus, mutated and cut at random.
//!
//! Whatever comes, the server does not panic, its answers are well-formed, and they are the same when the
//! bytes come in other pieces. What has no end is held in bounded memory. A failing case is printed by
//! proptest with its bytes: keep it in the corpus.

use super::fuzz_cases::cases;
use super::site::{Site, patient};
use super::talk::Talk;
use super::watchdog::watchdog;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::Write;
use std::time::{Duration, Instant};

const CORPUS: [&[u8]; 10] = [
    include_bytes!("../corpus/http/chunked"),
    include_bytes!("../corpus/http/control"),
    include_bytes!("../corpus/http/expect"),
    include_bytes!("../corpus/http/forms"),
    include_bytes!("../corpus/http/pipelined"),
    include_bytes!("../corpus/http/plain"),
    include_bytes!("../corpus/http/sized"),
    include_bytes!("../corpus/http/smuggled"),
    include_bytes!("../corpus/http/too_long"),
    include_bytes!("../corpus/http/unwanted"),
];

/// Pieces of requests that matter to a parser.
const DICTIONARY: [&[u8]; 16] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b":",
    b"%2f",
    b"..",
    b"Content-Length: 1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: y\r\n",
    b"Connection: close\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff",
    b"HTTP/1.1",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
];

/// What is done to a request. Places are taken modulo its length.
#[derive(Clone, Debug)]
enum Mutation {
    Set(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Insert(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = 0_usize..1_000;
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (place.clone(), 1_usize..20).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (place.clone(), 1_usize..40).prop_map(|(at, count)| Mutation::Repeat(at, count)),
        (place, 0..DICTIONARY.len()).prop_map(|(at, word)| Mutation::Insert(at, word)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let length = bytes.len();
    let range = |at: usize, count: usize| {
        let begin = at % length.max(1);
        begin.min(length)..(begin + count).min(length)
    };
    match *mutation {
        Mutation::Set(at, byte) => bytes[range(at, 1)].fill(byte),
        Mutation::Remove(at, count) => drop(bytes.drain(range(at, count))),
        Mutation::Repeat(at, count) => {
            let piece = bytes[range(at, count)].to_vec();
            let begin = range(at, 0).start;
            bytes.splice(begin..begin, piece);
        }
        Mutation::Insert(at, word) => {
            let begin = range(at, 0).start;
            bytes.splice(begin..begin, DICTIONARY[word].iter().copied());
        }
    }
}

/// All answers to bytes that come in these pieces, and then end.
fn answers(site: &Site, pieces: &[&[u8]]) -> Vec<(u16, Vec<u8>)> {
    let mut talk = Talk::new(site.address);
    for piece in pieces {
        let before = site.totals().bytes_in;
        talk.send(piece);
        // So that the server sees pieces; nothing depends on it.
        let patience = Instant::now() + Duration::from_millis(2);
        while site.totals().bytes_in == before && Instant::now() < patience {
            std::thread::yield_now();
        }
    }
    talk.end();
    let mut all = Vec::new();
    while let Some(answer) = talk.answer(false) {
        all.push((answer.status, answer.body));
    }
    all
}

#[test]
fn mutated_requests_get_the_same_whole_or_in_pieces() {
    let _watchdog = watchdog();
    let site = Site::start(1, patient());
    let config = Config {
        cases: cases(400),
        failure_persistence: None,
        ..Config::default()
    };
    let input = (
        0..CORPUS.len(),
        prop::collection::vec(mutation(), 0..5),
        prop::collection::vec(0_usize..1_000, 1..4),
    );
    let before = resident_bytes();
    let outcome = TestRunner::new(config).run(&input, |(seed, mutations, cuts)| {
        let mut bytes = CORPUS[seed].to_vec();
        mutations.iter().for_each(|each| mutate(&mut bytes, each));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        let mut begin = 0;
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut - begin);
            pieces.push(piece);
            (rest, begin) = (tail, cut);
        }
        pieces.push(rest);
        let whole = answers(&site, &[&bytes]);
        let split = answers(&site, &pieces);
        prop_assert_eq!(whole, split, "{}", String::from_utf8_lossy(&bytes));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert_eq!(site.totals().panics, 0);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
}

/// Bytes of memory that the process holds.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

#[test]
fn input_without_end_is_held_in_bounded_memory() {
    const SENT_MAX: usize = 32 << 20;
    const HELD_MAX: usize = 8 << 20;
    let _watchdog = watchdog();
    let site = Site::start(1, patient());
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (begin, repeated) in [
        ("", "\r\n"),
        ("", "x"),
        ("GET /", "x"),
        ("GET / HTTP/1.1\r\nHost: x\r\n", "A: b\r\n"),
        ("GET / HTTP/1.1\r\nHost: x\r\nA:", " "),
        (chunked, "0"),
        (chunked, "1;e\r\nx\r\n"),
        (&format!("{chunked}1;"), "e"),
        (&format!("{chunked}0\r\n"), "T: v\r\n"),
        // Whoever reads no answers is not read from.
        ("", "GET /sized HTTP/1.1\r\nHost: x\r\n\r\n"),
    ] {
        let mut talk = Talk::new(site.address);
        let patience = Some(Duration::from_millis(300));
        talk.stream.set_write_timeout(patience).unwrap();
        let before = resident_bytes();
        talk.send(begin.as_bytes());
        let piece = repeated.repeat(65_536 / repeated.len());
        let (mut sent, mut most) = (0, 0);
        while sent < SENT_MAX && talk.stream.write_all(piece.as_bytes()).is_ok() {
            sent += piece.len();
            most = most.max(resident_bytes().saturating_sub(before));
        }
        assert!(most < HELD_MAX, "{begin:?} {repeated:?}: {most} bytes");
    }
}
