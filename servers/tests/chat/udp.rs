//! The address book over real datagrams, hostile ones among them.

use crate::watchdog::watchdog;
use greenroom::Runtime;
use greenroom_servers::chat::{UdpChat, UdpChatLimits, UdpChatTotals};
use greenroom_servers::{Concurrency, Datagram, DatagramHandler, UdpServer};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// Runs `test` against a chat on one worker and on two, and gives what it has seen to `check`.
fn each(limits: UdpChatLimits, test: impl Fn(SocketAddr), check: impl Fn(UdpChatTotals)) {
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let chat = Arc::new(UdpChat::new(limits));
        let handler = Arc::clone(&chat);
        let running = runtime.run(|| {
            let server = UdpServer::bind("127.0.0.1:0").unwrap();
            let server = server.concurrency(Concurrency::Inline);
            let hear = move |datagram: &Datagram| handler.handle(datagram);
            server.serve_in_background(hear).unwrap()
        });
        test(running.local_addr());
        runtime.run(|| running.shutdown(Duration::from_secs(10)));
        check(chat.totals());
    }
}

struct Peer(UdpSocket);

impl Peer {
    fn new(server: SocketAddr) -> Peer {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Peer(socket)
    }

    fn send(&self, datagram: &[u8]) {
        self.0.send(datagram).unwrap();
    }

    #[track_caller]
    fn hear(&self, text: &str) {
        let mut buffer = [0; 2048];
        let length = self.0.recv(&mut buffer).unwrap();
        assert_eq!(String::from_utf8_lossy(&buffer[..length]), text);
    }

    #[track_caller]
    fn ask(&self, datagram: &str, answer: &str) {
        self.send(datagram.as_bytes());
        self.hear(answer);
    }
}

#[test]
fn people_find_each_other_by_name() {
    let _watchdog = watchdog();
    let talk = |server| {
        let [ada, bob, eve] = [(); 3].map(|()| Peer::new(server));
        ada.ask("list", "error who are you? register NAME");
        ada.ask("register ada\n", "ok");
        bob.ask("register bob", "ok");
        eve.ask("register ADA", "error ADA is taken");
        eve.ask("register eve", "ok");
        ada.ask("to BOB  hello there\r\n", "ok");
        bob.hear("from ada: hello there");
        ada.ask("to nobody x", "error nobody is called nobody");
        bob.ask("broadcast hi", "ok");
        for other in [&ada, &eve] {
            other.hear("all bob: hi");
        }
        ada.ask("list", "ok 3: ada bob eve");
        // A name goes with its address: taking another gives the old one back.
        ada.ask("register lovelace", "ok");
        eve.ask("register ada", "ok");
        bob.ask("to ada psst", "ok");
        eve.hear("from bob: psst");
        bob.ask("bye", "ok");
        ada.ask("to bob x", "error nobody is called bob");
    };
    each(UdpChatLimits::default(), talk, |totals| {
        assert_eq!((totals.names, totals.dropped), (2, 0));
    });
}

#[test]
fn what_is_passed_on_fits_into_a_datagram() {
    let _watchdog = watchdog();
    let talk = |server| {
        let [ada, bob] = [(); 2].map(|()| Peer::new(server));
        let name = "a".repeat(24);
        ada.ask(&format!("register {name}"), "ok");
        bob.ask("register b", "ok");
        let longest = "x".repeat(993);
        for (request, heard) in [("to b", "from"), ("broadcast", "all")] {
            ada.ask(&format!("{request} {longest}"), "ok");
            let heard = format!("{heard} {name}: {longest}");
            assert!(heard.len() <= 1024);
            bob.hear(&heard);
            let why = "error too long: a message has at most 993 bytes";
            ada.ask(&format!("{request} {longest}x"), why);
        }
    };
    each(UdpChatLimits::default(), talk, |totals| {
        assert_eq!((totals.refused, totals.sent), (2, 8));
    });
}

#[test]
fn hostile_datagrams_are_answered_or_counted() {
    let _watchdog = watchdog();
    let talk = |server| {
        let eve = Peer::new(server);
        // Nothing comes back for these, and the next answer is the next request's.
        for silent in [
            &b""[..],
            b"\n",
            b"ok",
            b"error x",
            b"from ada: x",
            b"all ada: x",
        ] {
            eve.send(silent);
        }
        eve.ask("register eve", "ok");
        let huge = vec![b'x'; 60_000];
        eve.send(&huge);
        eve.hear("error too long: a datagram has at most 1024 bytes");
        for (datagram, why) in [
            (&b"\xff\xfe"[..], "not UTF-8"),
            (b"broadcast \x1b[2J", "control characters are not allowed"),
            (
                b"register ada:\n",
                "bad name: it has 1 to 24 of a-z A-Z 0-9 - _",
            ),
            (b"register", "bad name: it has 1 to 24 of a-z A-Z 0-9 - _"),
            (b"to eve", "empty message"),
            (
                b"say x",
                "not understood: register NAME, to NAME TEXT, broadcast TEXT, list, bye",
            ),
        ] {
            eve.send(datagram);
            eve.hear(&format!("error {why}"));
        }
    };
    each(UdpChatLimits::default(), talk, |totals| {
        assert_eq!((totals.dropped, totals.refused), (6, 7));
    });
}

#[test]
fn book_is_bounded_and_floods_are_dropped() {
    let _watchdog = watchdog();
    let limits = UdpChatLimits {
        names_max: 2,
        per_second: 1,
        burst: 5,
        ..UdpChatLimits::default()
    };
    let talk = |server| {
        let peers = [(); 3].map(|()| Peer::new(server));
        peers[0].ask("register a", "ok");
        peers[1].ask("register b", "ok");
        peers[2].ask("register c", "error the address book is full: 2 names");
        // Two tokens are left, and one more comes in a second, whatever the port.
        for peer in &peers {
            for _ in 0..100 {
                peer.send(b"list");
            }
        }
        peers[0].hear("ok 2: a b");
    };
    each(limits, talk, |totals| {
        assert!(totals.received < 10 || totals.dropped > 0, "{totals:?}");
        assert!(totals.sent < 100, "{totals:?}");
    });
}
