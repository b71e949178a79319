//! The framings and the line reader, given anything: what was written is read back, and what lies costs no
//! memory.
//!
//! `corpus/framing/` holds streams that once were of interest; each is read whole, cut at every byte, and
//! changed at random.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../tests/support/fuzz_cases.rs"]
mod fuzz_cases;

use fuzz_cases::cases;
use greenroom_servers::framing::{read_frame, read_text_frame, write_frame, write_text_frame};
use greenroom_servers::{Line, LineReader};
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

/// Counts what a thread takes at once, at most.
struct Meter;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn note(bytes: usize) {
    // Gone when the thread ends: what is taken then is nobody's concern.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(bytes)));
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: every call is the system allocator's own, with the same arguments.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static METER: Meter = Meter;

/// The largest piece of memory that `body` takes.
fn largest<T>(body: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let result = body();
    (result, LARGEST.get())
}

/// Gives so many bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buf.len());
        buf[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

const MAX: usize = 100;
/// The first reservation, and what errors and buffers take.
const MEMORY_MAX: usize = 64 << 10;

type Messages = (Vec<Vec<u8>>, Option<ErrorKind>);

fn all(mut next: impl FnMut() -> io::Result<Option<Vec<u8>>>) -> Messages {
    let mut all = Vec::new();
    loop {
        match next() {
            Ok(Some(message)) => all.push(message),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.kind())),
        }
    }
}

fn frames(stream: &[u8], piece: usize) -> Messages {
    let mut reader = Pieces(stream, piece);
    all(|| read_frame(&mut reader, "frame", 100))
}

fn texts(stream: &[u8], piece: usize) -> Messages {
    let mut reader = BufReader::with_capacity(8, Pieces(stream, piece));
    all(|| read_text_frame(&mut reader, "frame", MAX))
}

fn lines(stream: &[u8], piece: usize) -> Messages {
    let mut lines = LineReader::new(Pieces(stream, piece), MAX);
    all(|| {
        Ok(lines.next_line()?.map(|line| match line {
            Line::Text(line) | Line::Cut(line) => line.to_vec(),
            Line::TooLong => b"TOO LONG".to_vec(),
        }))
    })
}

/// What must hold of any stream.
fn check(stream: &[u8], piece: usize) {
    for (name, read) in [
        ("frames", frames as fn(&[u8], usize) -> Messages),
        ("texts", texts),
        ("lines", lines),
    ] {
        let ((whole, whole_memory), (cut, cut_memory)) = (
            largest(|| read(stream, stream.len().max(1))),
            largest(|| read(stream, piece)),
        );
        assert_eq!(whole, cut, "{name}: {}", stream.escape_ascii());
        let memory = whole_memory.max(cut_memory);
        assert!(
            memory <= MEMORY_MAX,
            "{name}: {memory} bytes for {}",
            stream.len()
        );
        let (messages, error) = whole;
        assert!(
            messages.iter().all(|message| message.len() <= MAX),
            "{name}"
        );
        assert!(
            error.is_none_or(|kind| kind == ErrorKind::InvalidData),
            "{name}: {error:?}"
        );
    }
}

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/framing");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(path).unwrap(),
            )
        })
        .collect();
    all.sort();
    assert!(!all.is_empty(), "the corpus is gone");
    all
}

#[test]
fn corpus_is_read_alike_in_all_pieces() {
    for (name, stream) in corpus() {
        println!("{name}");
        for piece in 1..=stream.len().min(64) {
            check(&stream, piece);
        }
        for end in 0..stream.len().min(300) {
            check(&stream[..end], 7);
        }
    }
}

#[test]
fn lengths_that_lie_are_errors_with_their_reason() {
    let rows: [(&[u8], &str); 4] = [
        (
            &(-1i32).to_ne_bytes(),
            "a frame of 4294967295 bytes, allowed are 0 to 100",
        ),
        (
            &101i32.to_ne_bytes(),
            "a frame of 101 bytes, allowed are 0 to 100",
        ),
        (&[1, 2, 3], "the stream ends in a prefix"),
        (
            &100i32.to_ne_bytes(),
            "the stream ends in a frame of 100 bytes",
        ),
    ];
    for (stream, why) in rows {
        assert_eq!(
            read_frame(stream, "frame", 100).unwrap_err().to_string(),
            why
        );
    }
    let rows = [
        ("\n", "a length that is no number"),
        ("-1\n", "a length that is no number"),
        ("+1\n", "a length that is no number"),
        (" 1\n", "a length that is no number"),
        ("1", "a length without an end"),
        ("000000000000000000000001\n", "a length without an end"),
        (
            "99999999999999999999\n",
            "a frame of 99999999999999999999 bytes, allowed are 0 to 100",
        ),
        ("101\n", "a frame of 101 bytes, allowed are 0 to 100"),
        ("5\nhell", "the stream ends in a frame of 5 bytes"),
    ];
    for (stream, why) in rows {
        let error = read_text_frame(stream.as_bytes(), "frame", MAX).unwrap_err();
        assert_eq!(error.to_string(), why, "{stream:?}");
    }
}

#[test]
fn length_that_lies_takes_no_memory() {
    let stream = [&i32::MAX.to_ne_bytes()[..], b"little"].concat();
    let (outcome, memory) = largest(|| read_frame(&stream[..], "frame", i32::MAX));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidData);
    assert!(memory <= MEMORY_MAX, "{memory}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_come_back_as_they_were(messages: Vec<Vec<u8>>, piece in 1usize..40) {
        prop_assume!(messages.iter().all(|message| message.len() <= MAX));
        let (mut prefixed, mut texted) = (Vec::new(), Vec::new());
        for message in &messages {
            write_frame(&mut prefixed, message).unwrap();
            write_text_frame(&mut texted, message).unwrap();
        }
        prop_assert_eq!(&frames(&prefixed, piece), &(messages.clone(), None));
        prop_assert_eq!(&texts(&texted, piece), &(messages, None));
    }

    #[test]
    fn anything_is_read_alike_and_in_bounds(stream: Vec<u8>, piece in 1usize..40) {
        check(&stream, piece);
    }

    #[test]
    fn changed_corpus_is_read_alike_and_in_bounds(
        pick: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        piece in 1usize..40,
    ) {
        let corpus = corpus();
        let mut stream = pick.get(&corpus).1.clone();
        for (at, byte) in changes {
            if !stream.is_empty() {
                let at = at.index(stream.len());
                stream[at] = byte;
            }
        }
        check(&stream, piece);
    }
}
