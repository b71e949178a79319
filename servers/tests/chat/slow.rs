//! Slow readers: dropped with a notice, and nobody waits for them.

use crate::talker::{DEADLINE, Ground, Talker, until};
use crate::watchdog::watchdog;
use greenroom_servers::Limits;
use greenroom_servers::chat::ChatLimits;
use socket2::SockRef;

const TALKERS: usize = 50;
const ROUNDS: usize = 50;
/// Lines of each talker in a round, in one write.
const BURST: usize = 4;

/// 10,000 lines of 400 bytes: more than the kernel and the outbox hold for who does not read.
fn line(number: usize) -> String {
    format!("{number} {}", "x".repeat(400))
}

/// Says his lines in bursts; returns all that he has heard.
///
/// A round begins when the lines of the one before have been heard, everybody's. So what waits for anybody is bounded by
/// two rounds, less than an outbox, however late a busy machine lets him read: the only slow reader is who is meant to be one.
fn talk(mut talker: Talker, name: &str) -> Vec<String> {
    let mut heard = Vec::new();
    for round in 0..ROUNDS {
        let burst: Vec<_> = (0..BURST).map(|i| line(round * BURST + i)).collect();
        talker.say(&burst.join("\n"));
        while heard.len() < (round + 1) * BURST * TALKERS {
            let next = talker.next();
            assert!(!next.is_empty(), "{name} was dropped in round {round}");
            assert!(!next.starts_with('!'), "{name}: {next}");
            if !next.starts_with('*') {
                heard.push(next);
            }
        }
    }
    heard
}

#[test]
fn client_that_never_reads_is_dropped_and_slows_nobody() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ground = Ground::usual(workers);
        let mut sloth = ground.stranger();
        SockRef::from(&sloth.stream)
            .set_recv_buffer_size(4096)
            .unwrap();
        sloth.say("sloth");
        ground.until_members(1);
        let names: Vec<String> = (0..TALKERS).map(|i| format!("t{i}")).collect();
        let talkers: Vec<Talker> = names
            .iter()
            .map(|name| {
                let mut talker = ground.stranger();
                talker.say(name);
                talker
            })
            .collect();
        ground.until_members(TALKERS + 1);
        let heard: Vec<Vec<String>> = std::thread::scope(|s| {
            let all = talkers.into_iter().zip(&names);
            let all: Vec<_> = all
                .map(|(talker, name)| s.spawn(move || talk(talker, name)))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        // Everybody has heard the same, in the same order; each speaker's lines in his own.
        for (other, name) in heard.iter().zip(&names) {
            assert!(*other == heard[0], "{name} has heard something else");
            let own = heard[0]
                .iter()
                .filter(|line| line.starts_with(&format!("{name}: ")));
            assert!(
                own.eq((0..ROUNDS * BURST)
                    .map(|number| format!("{name}: {}", line(number)))
                    .collect::<Vec<_>>()
                    .iter())
            );
        }
        let totals = ground.chat.totals();
        assert_eq!(
            (totals.dropped, totals.lines),
            (1, (TALKERS * ROUNDS * BURST) as u64)
        );
        // Its name is free, though it has not even noticed.
        ground.talker("sloth");
        drop(sloth);
    }
}

#[test]
fn dropped_client_and_its_room_are_told() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let limits = ChatLimits {
            outbox_bytes_max: 4096,
            farewell: DEADLINE,
            ..ChatLimits::default()
        };
        let ground = Ground::new(workers, limits, Limits::default());
        let mut sloth = ground.stranger();
        SockRef::from(&sloth.stream)
            .set_recv_buffer_size(4096)
            .unwrap();
        sloth.say("sloth");
        ground.until_members(1);
        let mut ada = ground.talker("ada");
        let mut heard = Vec::new();
        // One line at a time, so that only who does not read is slow.
        while ground.chat.totals().dropped == 0 {
            ada.say(&line(0));
            heard.push(ada.next());
        }
        ada.say("/who");
        let mut rest = vec![ada.next()];
        while rest.last().is_some_and(|line| line != "* - ada") {
            rest.push(ada.next());
        }
        let who = &rest[rest.len() - 2..];
        assert_eq!(who, ["* in lobby: 1 people", "* - ada"]);
        let notice = "* sloth reads too slowly, and is dropped";
        heard.extend(rest);
        assert!(heard.iter().any(|line| line == notice), "{notice}");
        // It reads at last: what was on the way, then why nothing more comes.
        let mut last = String::new();
        loop {
            match sloth.next() {
                end if end.is_empty() => break,
                line => last = line,
            }
        }
        assert_eq!(last, "! you read too slowly: goodbye");
    }
}

#[test]
fn flood_waits_and_makes_nobody_a_slow_reader() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let limits = ChatLimits {
            outbox_bytes_max: 16 << 10,
            kernel_bytes_max: 4096,
            // 4,000 at once: in the time of this test nobody's box is filled by one who talks.
            bytes_per_second: 2000,
            ..ChatLimits::default()
        };
        let ground = Ground::new(workers, limits, Limits::default());
        let idle = ground.talker("idle");
        SockRef::from(&idle.stream)
            .set_recv_buffer_size(4096)
            .unwrap();
        let mut ada = ground.talker("ada");
        let flood = ground.talker("flood");
        ada.hear("* flood joins lobby");
        let mut sends = flood.stream.try_clone().unwrap();
        let flooding = std::thread::spawn(move || {
            let many = format!("{}\n", line(0)).repeat(100);
            // Until it is cut off.
            while std::io::Write::write_all(&mut sends, many.as_bytes()).is_ok() {}
        });
        for _ in 0..4000 / 450 {
            assert!(ada.next().starts_with("flood: "));
        }
        // Others are heard meanwhile.
        ada.say("hello");
        while ada.next() != "ada: hello" {}
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 500 {
            assert_eq!(ground.chat.totals().dropped, 0);
            std::thread::yield_now();
        }
        flood.stream.shutdown(std::net::Shutdown::Both).unwrap();
        flooding.join().unwrap();
        drop(idle);
    }
}

#[test]
fn client_that_asks_and_never_reads_answers_is_dropped() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let ground = Ground::usual(workers);
        let mut ada = ground.talker("ada");
        let mut eve = ground.talker("eve");
        ada.hear("* eve joins lobby");
        SockRef::from(&eve.stream)
            .set_recv_buffer_size(4096)
            .unwrap();
        let asking = std::thread::spawn(move || {
            let many = "/help\n".repeat(1000);
            // Until the server has hung up.
            while std::io::Write::write_all(&mut eve.stream, many.as_bytes()).is_ok() {}
        });
        ada.hear("* eve reads too slowly, and is dropped");
        ada.say("still here");
        ada.hear("ada: still here");
        asking.join().unwrap();
        until(|| ground.chat.totals().members == 1);
    }
}
