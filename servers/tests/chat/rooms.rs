//! Names, rooms, messages, and every way to leave.

use crate::talker::{DEADLINE, Ground};
use crate::watchdog::watchdog;
use greenroom_servers::Limits;
use greenroom_servers::chat::ChatLimits;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

#[test]
fn people_talk_in_rooms_and_in_private() {
    let _watchdog = watchdog();
    Ground::each(|ground| {
        let mut ada = ground.talker("ada");
        let mut bob = ground.talker("bob");
        ada.hear("* bob joins lobby");
        ada.say("hello");
        for talker in [&mut ada, &mut bob] {
            talker.hear("ada: hello");
        }
        bob.say("/join tea");
        ada.hear("* bob goes to tea");
        bob.hear("* bob joins tea");
        ada.say("alone");
        ada.hear("ada: alone");
        ada.say("/msg BOB psst");
        ada.hear("ada (to bob): psst");
        bob.hear("ada (to you): psst");
        bob.say("/nick Rob");
        bob.hear("* bob is now Rob");
        ada.say("/rooms");
        ada.hear("* lobby: 1");
        ada.hear("* tea: 1");
        bob.say("/who");
        bob.hear("* in tea: 1 people");
        bob.hear("* - Rob");
        ada.say("/msg bob psst");
        ada.hear("! nobody is called bob");
        ground.chat.announce("tea is ready\n* ada leaves");
        for talker in [&mut ada, &mut bob] {
            talker.hear(r"* tea is ready\n* ada leaves");
        }
        bob.say("/quit");
        bob.hear("* goodbye");
        bob.hear_end();
        ground.until_members(1);
        ada.say("/rooms");
        ada.hear("* lobby: 1");
    });
}

#[test]
fn names_are_unique_whatever_their_case_and_kept_while_refused() {
    let _watchdog = watchdog();
    Ground::each(|ground| {
        let mut ada = ground.talker("Ada");
        let mut other = ground.stranger();
        other.hear("* welcome: what is your name?");
        for (name, complaint) in [
            ("ADA", "! ADA is taken"),
            ("a b", "! bad name: it has 1 to 24 of a-z A-Z 0-9 - _"),
            ("*", "! bad name: it has 1 to 24 of a-z A-Z 0-9 - _"),
            ("ad\u{430}", "! bad name: it has 1 to 24 of a-z A-Z 0-9 - _"),
        ] {
            other.say(name);
            other.hear(complaint);
        }
        other.say("/nick bob");
        other.hear("* bob joins lobby");
        ada.hear("* bob joins lobby");
        other.say("/nick ada");
        other.hear("! ada is taken");
        other.say("x");
        other.hear("bob: x");
        ada.hear("bob: x");
        // One's own name in another case is nobody else's.
        ada.say("/nick ADA");
        ada.hear("* Ada is now ADA");
    });
}

#[test]
fn names_are_free_after_every_end() {
    let _watchdog = watchdog();
    Ground::each(|ground| {
        let mut watcher = ground.talker("watcher");
        let hear_both = |watcher: &mut crate::talker::Talker| {
            watcher.hear("* ada joins lobby");
            watcher.hear("* ada leaves");
        };
        // A reset.
        let ada = ground.talker("ada");
        SockRef::from(&ada.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop(ada);
        hear_both(&mut watcher);
        // A half-close, after which the rest is still heard.
        let mut ada = ground.talker("ada");
        ada.stream.write_all(b"no line end").unwrap();
        ada.stream.shutdown(Shutdown::Write).unwrap();
        ada.hear("ada: no line end");
        ada.hear_end();
        watcher.hear("* ada joins lobby");
        watcher.hear("ada: no line end");
        watcher.hear("* ada leaves");
        // `/quit` among other lines: what follows is not obeyed.
        let mut ada = ground.stranger();
        ada.say("ada\n/quit\nafter");
        hear_both(&mut watcher);
        ground.until_members(1);
    });
}

#[test]
fn cancelled_clients_free_their_names() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let mut ground = Ground::usual(workers);
        let talkers: Vec<_> = (0..20).map(|i| ground.talker(&format!("t{i}"))).collect();
        assert_eq!(ground.chat.totals().members, 20);
        // Nobody was told: all of them are cut off.
        let totals = ground.shutdown(Duration::ZERO);
        assert_eq!(totals.panics, 0);
        assert_eq!(ground.chat.totals().members, 0);
        drop(talkers);
    }
}

#[test]
fn shutdown_tells_everyone_and_waits_for_nobody() {
    let _watchdog = watchdog();
    Ground::each(|ground| {
        let mut talkers = vec![
            ground.talker("ada"),
            ground.talker("bob"),
            ground.stranger(),
        ];
        talkers[2].hear("* welcome: what is your name?");
        talkers[0].hear("* bob joins lobby");
        ground.chat.close();
        // Who has no name yet too.
        for talker in &mut talkers {
            talker.hear("* the server shuts down: goodbye");
            talker.hear_end();
        }
        // And who comes now.
        let mut late = ground.stranger();
        late.hear("* the server shuts down: goodbye");
        late.hear_end();
        drop((talkers, late));
        ground.shutdown(DEADLINE);
        assert_eq!(ground.chat.totals().members, 0);
    });
}

#[test]
fn silence_is_an_end_with_a_reason() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let bounds = Limits {
            idle_timeout: Some(Duration::from_secs(2)),
            ..Limits::default()
        };
        let ground = Ground::new(workers, ChatLimits::default(), bounds);
        let mut ada = ground.talker("ada");
        ada.hear("! you were silent for too long: goodbye");
        ada.hear_end();
        ground.until_members(0);
    }
}

#[test]
fn line_that_takes_too_long_is_an_end_with_a_reason() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let bounds = Limits {
            request_timeout: Some(Duration::from_secs(1)),
            ..Limits::default()
        };
        let ground = Ground::new(workers, ChatLimits::default(), bounds);
        let mut ada = ground.talker("ada");
        for text in ["bob", "bob\nhi", "eve\n{too long}"] {
            let text = text.replace("{too long}", &"x".repeat(2000));
            let mut slow = ground.stranger();
            slow.stream.write_all(text.as_bytes()).unwrap();
            // Never silent, and never through.
            slow.stream
                .set_read_timeout(Some(Duration::from_millis(100)))
                .unwrap();
            let mut heard = Vec::new();
            let start = std::time::Instant::now();
            while !heard.ends_with(b"! your line took too long: goodbye\n") {
                assert!(start.elapsed() < DEADLINE, "{}", heard.escape_ascii());
                // It may be over by now.
                let _ = slow.stream.write_all(b"x");
                let mut some = [0; 1000];
                if let Ok(count) = slow.stream.read(&mut some) {
                    heard.extend(&some[..count]);
                }
            }
        }
        // Who says nothing has all his time.
        ada.say("still here");
        while ada.next() != "ada: still here" {}
        ground.until_members(1);
    }
}

#[test]
fn refused_lines_are_forgiven_between_good_ones() {
    let _watchdog = watchdog();
    Ground::each(|ground| {
        let mut ada = ground.talker("ada");
        for _ in 0..5 {
            for _ in 0..20 {
                ada.say("/nonsense");
                ada.hear("! not understood: /help tells what there is");
            }
            ada.say("hi");
            ada.hear("ada: hi");
        }
    });
}

#[test]
fn full_house_is_listed_in_part_and_asking_costs_nobody_his_place() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let limits = ChatLimits {
            outbox_bytes_max: 8192,
            ..ChatLimits::default()
        };
        let ground = Ground::new(workers, limits, Limits::default());
        let mut ada = ground.talker("ada");
        let mut others = Vec::new();
        for number in 1..300 {
            let mut one = ground.talker(&format!("guest-number-{number}"));
            one.say(&format!("/join r{number}"));
            ada.hear(&format!("* guest-number-{number} joins lobby"));
            ada.hear(&format!("* guest-number-{number} goes to r{number}"));
            others.push(one);
        }
        ada.say("/rooms");
        for _ in 0..100 {
            assert!(ada.next().ends_with(": 1"));
        }
        ada.hear("* … and 200 more");
        for (one, number) in others.iter_mut().zip(1..) {
            one.hear(&format!("* guest-number-{number} joins r{number}"));
            one.say("/join lobby");
            ada.hear(&format!("* guest-number-{number} joins lobby"));
        }
        ada.say("/who");
        ada.hear("* in lobby: 300 people");
        for _ in 0..100 {
            assert!(ada.next().starts_with("* - "));
        }
        ada.hear("* … and 200 more");
        assert_eq!(ground.chat.totals().dropped, 0);
    }
}

#[test]
fn hostile_lines_are_refused_and_at_last_not_read() {
    let _watchdog = watchdog();
    Ground::each(|ground| {
        let mut watcher = ground.talker("watcher");
        let mut eve = ground.talker("eve");
        watcher.hear("* eve joins lobby");
        eve.stream.write_all(&vec![b'x'; 1 << 20]).unwrap();
        eve.stream.write_all(b"\n").unwrap();
        eve.hear("! too long: a line has at most 512 bytes");
        for line in [
            &b"\x1b]0;x\x07\n"[..],
            b"a\rwatcher: b\n",
            b"\xc3\x28\n",
            b"\xe2\x80\xae\n",
            b"\0\n",
        ] {
            eve.stream.write_all(line).unwrap();
            assert!(eve.next().starts_with("! "), "{line:?}");
        }
        for _ in 6..20 {
            eve.say("/nonsense");
            eve.hear("! not understood: /help tells what there is");
        }
        eve.say("/nonsense");
        eve.hear("! too many refused lines: goodbye");
        eve.hear_end();
        watcher.hear("* eve leaves");
    });
}

#[test]
fn crowd_comes_and_goes_and_leaves_nothing() {
    let _watchdog = watchdog();
    Ground::each(|ground| {
        std::thread::scope(|s| {
            for thread in 0..8 {
                let ground = &*ground;
                s.spawn(move || {
                    for round in 0..25 {
                        let mut one = ground.stranger();
                        one.say(&format!("n{thread}-{round}\nhello\n/join r{thread}"));
                        match round % 3 {
                            0 => drop(one),
                            1 => SockRef::from(&one.stream)
                                .set_linger(Some(Duration::ZERO))
                                .unwrap(),
                            _ => {
                                one.say("/quit");
                                while !one.next().is_empty() {}
                            }
                        }
                    }
                });
            }
        });
        ground.chat.close();
        let totals = ground.shutdown(DEADLINE);
        assert_eq!(totals.panics, 0);
        assert_eq!(ground.chat.totals().members, 0);
    });
}
