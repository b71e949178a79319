//! The chat's server among enemies: what they send gets an error and a log line, and the chat goes on.

use super::chat_program::{Peer, Program, client, server};
use super::run::example;
use super::watchdog::watchdog;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

#[test]
fn each_bad_datagram_gets_an_error_and_a_log_line() {
    let _watchdog = watchdog();
    let (server, address) = server(&[]);
    let peer = Peer::of(address);
    let say = |text: &str| format!("say\tmallory\tserver\t{text}").into_bytes();
    let bad_name = "bad name";
    let bad: [(Vec<u8>, &str); 20] = [
        (b"".to_vec(), "not understood"),
        (b"good morning".to_vec(), "not understood"),
        (b"\x00\x01\x02\x7f".to_vec(), "not understood"),
        (b"say\tmallory\tserver".to_vec(), "not understood"),
        (b"say\tmallory\tserver\tone\ttwo".to_vec(), "not understood"),
        (b"\xff\xfe\xfd".to_vec(), "not UTF-8"),
        (b"say\tmallory\tserver\tcut \xe4\xbd".to_vec(), "not UTF-8"),
        (vec![b'x'; 1025], "too long: a datagram"),
        (vec![b'x'; 65_507], "too long: a datagram"),
        (say(&"x".repeat(801)), "too long: a message"),
        (say(""), "empty message"),
        (say("\x1b[2Jgone"), "control characters"),
        (say("a\rb"), "control characters"),
        (say("csi \u{9b}2J"), "control characters"),
        (say("\u{202e}txet"), "control characters"),
        (b"hello\t\x1b[31mred".to_vec(), bad_name),
        (b"hello\t".to_vec(), bad_name),
        (b"hello\ttwo words".to_vec(), bad_name),
        (format!("hello\t{}", "x".repeat(25)).into_bytes(), bad_name),
        (b"say\tmallory\t\x07\thi".to_vec(), bad_name),
    ];
    for (datagram, complaint) in &bad {
        let answer = peer.asks(datagram);
        assert!(answer.starts_with("error\t"), "{datagram:?}: {answer:?}");
        assert!(answer.contains(complaint), "{datagram:?}: {answer:?}");
        assert!(
            answer.chars().skip(6).all(|c| !c.is_control()),
            "{answer:?}"
        );
    }
    assert_eq!(peer.asks(say("peace")), "ok");
    let ended = server.end();
    assert!(ended.status.success(), "{ended}");
    for (_, complaint) in &bad {
        let logged = format!("{}: refused: {complaint}", peer.0.local_addr().unwrap());
        assert!(ended.stderr.contains(&logged), "{logged}: {ended}");
    }
    assert_eq!(ended.stderr.lines().count(), bad.len(), "{ended}");
    // Only what was said in peace was shown.
    assert_eq!(ended.stdout.lines().count(), 4, "{ended}");
    assert!(ended.stdout.contains("mallory: peace"), "{ended}");
    let is_raw = |c: char| c.is_control() && c != '\n';
    assert!(
        !ended.stdout.contains(is_raw) && !ended.stderr.contains(is_raw),
        "{ended}"
    );
}

#[test]
fn names_belong_to_their_address_until_they_are_given_back() {
    let _watchdog = watchdog();
    let fixed = Peer::of("127.0.0.1:9".parse().unwrap());
    let book = format!("carol={}", fixed.0.local_addr().unwrap());
    let (server, address) = server(&["--book", &book]);
    let (alice, mallory) = (Peer::of(address), Peer::of(address));
    fixed.0.connect(address).unwrap();
    let taken = |name: &str| format!("error\t{name}: this name is taken");

    assert_eq!(alice.asks("hello\talice"), "ok");
    assert_eq!(mallory.asks("hello\talice"), taken("alice"));
    assert_eq!(mallory.asks("say\talice\tserver\tit is me"), taken("alice"));
    assert_eq!(mallory.asks("bye\talice"), "error\talice: not your name");
    assert_eq!(mallory.asks("hello\tserver"), taken("server"));
    assert_eq!(mallory.asks("hello\tcarol"), taken("carol"));
    assert_eq!(
        mallory.asks("say\tmallory\tdave\thi"),
        "error\tnobody here is called \"dave\""
    );

    // Of the options: she can be spoken to before she has said anything.
    assert_eq!(alice.asks("say\talice\tcarol\thi"), "ok");
    assert_eq!(fixed.hears(), "from\talice\thi");
    assert_eq!(fixed.asks("bye\tcarol"), "ok");
    assert_eq!(mallory.asks("hello\tcarol"), taken("carol"));

    // Who is refused keeps his name, who takes another gives it back.
    assert_eq!(alice.asks("say\talice\tmallory\tstill there?"), "ok");
    assert_eq!(mallory.hears(), "from\talice\tstill there?");
    assert_eq!(mallory.asks("hello\tmel"), "ok");
    assert_eq!(alice.asks("hello\tmallory"), "ok");
    assert_eq!(alice.asks("bye\tmallory"), "ok");
    assert_eq!(mallory.asks("hello\talice"), "ok");
    let ended = server.end();
    assert!(
        ended.stderr.contains("refused: alice: this name is taken"),
        "{ended}"
    );
}

#[test]
fn address_book_has_a_limit_and_forgets_the_silent() {
    let _watchdog = watchdog();
    let (server_of_two, address) = server(&["--names", "2"]);
    let peers = [0; 3].map(|_| Peer::of(address));
    let full = "error\tthe address book is full: 2 names";
    assert_eq!(peers[0].asks("hello\ta"), "ok");
    assert_eq!(peers[1].asks("hello\tb"), "ok");
    assert_eq!(peers[2].asks("hello\tc"), full);
    assert_eq!(peers[2].asks("say\tc\tserver\thi"), full);
    assert_eq!(peers[0].asks("bye\ta"), "ok");
    assert_eq!(peers[2].asks("hello\tc"), "ok");
    let ended = server_of_two.end();
    assert!(
        ended.stderr.contains("refused: the address book is full"),
        "{ended}"
    );

    // Whoever is silent for no time at all.
    let (_server, address) = server(&["--names", "1", "--idle", "0"]);
    let peers = [0; 2].map(|_| Peer::of(address));
    assert_eq!(peers[0].asks("hello\ta"), "ok");
    assert_eq!(peers[1].asks("hello\ta"), "ok");
    assert_eq!(peers[0].asks("hello\tb"), "ok");
}

#[test]
fn flood_of_names_and_garbage_costs_no_memory() {
    let _watchdog = watchdog();
    let (mut server, address) = server(&[]);
    let resident = |server: &Program| -> u64 {
        let status = format!("/proc/{}/status", server.running.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let peer = Peer::of(address);
    assert_eq!(peer.asks("hello\tfirst"), "ok");
    let before = resident(&server);
    // Each from a name of its own, as long as it may be.
    for round in 0..2_000 {
        peer.asks(format!("hello\t{round:024}"));
        peer.asks(vec![b'\xff'; 60_000]);
    }
    let grown = resident(&server).saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} kB more");
    let mut alice = client("alice", address);
    alice.types("still alive?");
    server.shows("alice: still alive?");
}

#[test]
fn answers_are_never_answered() {
    let _watchdog = watchdog();
    let (server, address) = server(&[]);
    let peer = Peer::of(address);
    for answer in ["ok", "error\tnot understood", "from\talice\thi"] {
        peer.0.send(answer.as_bytes()).unwrap();
    }
    // The next answer is the one to this.
    assert_eq!(peer.asks("hello\talice"), "ok");
    let ended = server.end();
    assert_eq!(
        ended.stderr.matches("ignored: it is for clients").count(),
        3,
        "{ended}"
    );
}

#[test]
fn chat_whose_screen_has_gone_ends_rather_than_lives_half() {
    let _watchdog = watchdog();
    let program = example("udp_chat", &[]);
    let mut piped = Command::new("sh");
    piped
        .args(["-c", r#""$0" --port 0 | head -n 1"#])
        .arg(program.get_program());
    let mut server = Program::start(&mut piped);
    let address: SocketAddr = server.running.line("listening on ").parse().unwrap();
    // Its next line finds no reader, or the one after it: `head` may still be about to leave.
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    while server.running.child.try_wait().unwrap().is_none() {
        peer.send_to(b"say\talice\tserver\thi", address).unwrap();
        // An answer, or time for it to end.
        let _ = peer.recv(&mut [0; 99]);
    }
}
