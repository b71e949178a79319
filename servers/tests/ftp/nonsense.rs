//! Random input, for whole sessions: no panic, an answer for each line, and an end.
//!
//! What once went wrong, or is near to what could, is kept in `tests/corpus/ftp/`: a file is what one client
//! sends.

use super::fuzz_cases::cases;
use super::ground::{Raw, Site, settings};
use super::watchdog::watchdog;
use greenroom_servers::ftp::Settings;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

/// What lines are made of, so that they come further than "not a command".
const WORDS: [&str; 43] = [
    "USER ada",
    "PASS pw",
    "USER anonymous",
    "PASS",
    "PWD",
    "CWD",
    "CDUP",
    "LIST",
    "NLST",
    "MLSD",
    "MLST",
    "RETR",
    "STOR",
    "APPE",
    "DELE",
    "MKD",
    "RMD",
    "RNFR",
    "RNTO",
    "SIZE",
    "MDTM",
    "REST",
    "TYPE A",
    "TYPE I",
    "PASV",
    "EPSV",
    "EPSV ALL",
    "EPSV 1",
    "EPSV\r\nRETR",
    "EPSV\r\nSTOR",
    "EPSV\r\nLIST",
    "ABOR",
    "NOOP",
    "STAT",
    "FEAT",
    "HELP",
    "OPTS MLST",
    "OPTS UTF8 ON",
    "MODE S",
    "STRU F",
    "PORT 1,2,3,4,5,6",
    "ALLO 1",
    "\u{ff}\u{f4}",
];
const NAMES: [&str; 12] = [
    "",
    " a.txt",
    " dir",
    " ..",
    " /",
    " x",
    " 3",
    " -la",
    " out.txt",
    " dir/b c.txt",
    " \0",
    " ../../x",
];
const ENDS: [&str; 4] = ["\r\n", "\n", "\r\r\n", ""];

fn session() -> impl Strategy<Value = Vec<u8>> {
    let line = (0..WORDS.len(), 0..NAMES.len(), 0..ENDS.len());
    let line = line
        .prop_map(|(word, name, end)| [WORDS[word], NAMES[name], ENDS[end]].concat().into_bytes());
    let noise = vec(any::<u8>(), 0..700);
    let piece = prop_oneof![9 => line, 1 => noise];
    // At random next to nobody would log in; and without a QUIT the first transfer would be the end.
    let login = prop::sample::select(&["", "USER ada\r\nPASS pw\r\n", "USER ftp\r\nPASS x\r\n"]);
    let end = prop::sample::select(&["", "\r\nQUIT\r\n"]);
    let pieces = (login, vec(piece, 0..40), end);
    pieces.prop_map(|(login, pieces, end)| {
        [login.as_bytes(), &pieces.concat(), end.as_bytes()].concat()
    })
}

/// Sends it all, closes its direction, and hears the server to its end.
fn talk(site: &Site, input: &[u8]) -> String {
    let raw = Raw::new(TcpStream::connect(site.address).unwrap());
    let mut writer = raw.stream().try_clone().unwrap();
    // The server may leave first.
    if writer.write_all(input).is_ok() {
        drop(writer.shutdown(Shutdown::Write));
    }
    let mut answers = Vec::new();
    let mut reader = raw.reader;
    drop(reader.read_to_end(&mut answers));
    String::from_utf8_lossy(&answers).into_owned()
}

/// Every line is an answer's.
fn check(answers: &str) {
    for line in answers.lines().filter(|line| !line.starts_with(' ')) {
        let is_code = line.len() > 3 && line.as_bytes()[..3].iter().all(u8::is_ascii_digit);
        assert!(is_code, "{line}");
    }
}

fn site() -> Site {
    // A pause for each wrong password and each missing connection would be all that the test does.
    let (now, soon) = (
        std::time::Duration::ZERO,
        std::time::Duration::from_millis(1),
    );
    Site::with(Settings {
        login_delay: now,
        data_wait: soon,
        ..settings()
    })
}

fn serves_on(site: &Site) {
    site.wait_until_empty();
    assert_eq!(site.running.as_ref().unwrap().totals().panics, 0);
    site.login("ada").ask("NOOP", "200");
}

#[test]
fn random_sessions_are_answered_and_ended() {
    let _watchdog = watchdog();
    let site = site();
    let config = Config {
        cases: cases(300),
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&session(), |input| {
        check(&talk(&site, &input));
        Ok(())
    });
    outcome.unwrap();
    serves_on(&site);
}

#[test]
fn sessions_of_the_corpus_are_answered_and_ended() {
    let _watchdog = watchdog();
    let site = site();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/ftp");
    let mut count = 0;
    for entry in corpus.read_dir().unwrap() {
        let input = std::fs::read(entry.unwrap().path()).unwrap();
        check(&talk(&site, &input));
        count += 1;
    }
    assert!(count >= 6, "{count}");
    serves_on(&site);
}

#[test]
fn line_without_end_takes_no_memory() {
    let _watchdog = watchdog();
    let site = site();
    let mut raw = site.connect();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..16 {
        raw.send(&piece);
    }
    raw.send(b"\r\nNOOP\r\n");
    raw.expect("500 Lines have");
    raw.expect("200");
    // The same bytes as Telnet commands.
    let piece = vec![0xff; 1 << 20];
    for _ in 0..16 {
        raw.send(&piece);
    }
    raw.send(b"\r\nNOOP\r\n");
    raw.expect("500 Lines have");
    raw.expect("200");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 1 << 20, "{kilobytes} kB");
}
