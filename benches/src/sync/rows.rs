//! The rows of `bench sync` in the order they run. Peers know them by name.

use super::locks::Crowd;
use super::pingpong::Place;
use super::stream::UNBOUNDED;
use super::{Goal, Row, choose, event, locks, pingpong};
use crate::clock::Clock;
use crate::micro::{Side, floor};

const fn one(name: &'static str, goal: Goal, floor: Side, subject: Side) -> Row {
    Row {
        name,
        what: "",
        workers: 1,
        goal,
        known: ["-"; 3],
        floor,
        subject,
    }
}

const fn two(name: &'static str, goal: Goal, floor: Side, subject: Side) -> Row {
    Row {
        workers: 2,
        ..one(name, goal, floor, subject)
    }
}

const fn crowd(tasks: usize, is_yielding: bool) -> Crowd {
    Crowd { tasks, is_yielding }
}

const SWITCH: Side = |lab| floor::yields(lab, 2);
const LOCK: Goal = Goal::Floor(1.3);
const GO: Goal = Goal::Peer("go", 1.0);

pub(crate) const ROWS: &[Row] = &[
    Row {
        what: "Mutex: lock, add, unlock, uncontended; floor: std's in the same thread",
        known: ["21.5", "4.7", "8.8"],
        ..one("lock", LOCK, locks::std_mutex, locks::ours)
    },
    Row {
        what: "the same; floor: parking_lot's",
        ..one("lock-pl", Goal::None, locks::parking_lot, locks::ours)
    },
    Row {
        what: "RwLock: read, unlock, uncontended; floor: std's in the same thread",
        ..one("read", Goal::None, locks::std_read, locks::our_read)
    },
    Row {
        what: "RwLock: write, add, unlock; floor: std's",
        ..one("write", Goal::None, locks::std_write, locks::our_write)
    },
    Row {
        what: "a message to another green thread and one back, each way; floor: a bare switch",
        known: ["57", "107", "79"],
        ..one("pingpong", Goal::Best(1.0), SWITCH, |lab| {
            pingpong::queues(lab, Place::One)
        })
    },
    Row {
        what: "the same with get_timeout(10 s)",
        known: ["144", "227", "466"],
        ..one(
            "pingpong-timeout",
            Goal::Best(0.7),
            SWITCH,
            pingpong::limited,
        )
    },
    Row {
        what: "unbounded queue, 1 producer, 1 consumer, per item; floor: crossbeam, OS threads",
        known: ["26.3", "-", "56.3"],
        ..one(
            "unbounded",
            Goal::None,
            |lab| UNBOUNDED.threads(lab, Clock::Cpu),
            |lab| UNBOUNDED.one(lab),
        )
    },
    Row {
        what: "the same, room for 1,024",
        known: ["39.9", "26", "-"],
        ..one(
            "bounded-1024",
            Goal::Peer("go", 0.8),
            |lab| UNBOUNDED.room(1024).threads(lab, Clock::Cpu),
            |lab| UNBOUNDED.room(1024).one(lab),
        )
    },
    Row {
        what: "the same, room for 1; floor: a bare switch",
        known: ["133", "78", "-"],
        ..one("bounded-1", GO, SWITCH, |lab| UNBOUNDED.room(1).one(lab))
    },
    Row {
        what: "unbounded queue, 4 producers, 4 consumers; floor: crossbeam, OS threads",
        known: ["-", "-", "27"],
        ..one(
            "mpmc",
            Goal::Peer("may", 1.0),
            |lab| UNBOUNDED.pairs(4).threads(lab, Clock::Cpu),
            |lab| UNBOUNDED.pairs(4).one(lab),
        )
    },
    Row {
        what: "the same, room for 1,024",
        known: ["30.8", "29.8", "-"],
        ..one(
            "mpmc-1024",
            Goal::None,
            |lab| UNBOUNDED.pairs(4).room(1024).threads(lab, Clock::Cpu),
            |lab| UNBOUNDED.pairs(4).room(1024).one(lab),
        )
    },
    Row {
        what: "mpmc across two workers, wherever the scheduler puts the tasks",
        known: ["-", "-", "20"],
        ..two(
            "mpmc-2",
            Goal::Peer("may", 1.0),
            |lab| UNBOUNDED.pairs(4).threads(lab, Clock::Wall),
            |lab| UNBOUNDED.pairs(4).two(lab),
        )
    },
    Row {
        what: "mpmc-1024 across two workers",
        known: ["120", "31.9", "-"],
        ..two(
            "mpmc-1024-2",
            Goal::None,
            |lab| UNBOUNDED.pairs(4).room(1024).threads(lab, Clock::Wall),
            |lab| UNBOUNDED.pairs(4).room(1024).two(lab),
        )
    },
    Row {
        what: "mpmc-1024, producers on one worker, consumers on the other",
        ..two(
            "mpmc-1024-apart",
            Goal::None,
            |lab| UNBOUNDED.pairs(4).room(1024).threads(lab, Clock::Wall),
            |lab| UNBOUNDED.pairs(4).room(1024).apart(lab),
        )
    },
    Row {
        what: "pingpong over two of sync::mpsc; floor: a bare switch",
        known: ["57", "107", "79"],
        ..one("mpsc-pingpong", Goal::Best(1.0), SWITCH, pingpong::channels)
    },
    Row {
        what: "mpsc, 1 producer, per item; floor: std's, OS threads",
        known: ["26.3", "-", "56.3"],
        ..one(
            "mpsc-unbounded",
            Goal::None,
            |lab| UNBOUNDED.std_channel(lab),
            |lab| UNBOUNDED.channel(lab),
        )
    },
    Row {
        what: "the same, sync_channel(1024)",
        known: ["39.9", "26", "-"],
        ..one(
            "mpsc-1024",
            Goal::Peer("go", 0.8),
            |lab| UNBOUNDED.room(1024).std_channel(lab),
            |lab| UNBOUNDED.room(1024).channel(lab),
        )
    },
    Row {
        what: "pingpong across two idle workers; floor: OS threads through two eventfds",
        known: ["24000", "36000", "-"],
        ..two("cross", Goal::Floor(1.0), pingpong::eventfds, |lab| {
            pingpong::queues(lab, Place::Cross)
        })
    },
    Row {
        what: "pingpong of a green thread with an OS thread; floor: std's mpsc, two OS threads",
        ..two("os-thread", Goal::None, pingpong::std_channels, |lab| {
            pingpong::queues(lab, Place::Mixed)
        })
    },
    Row {
        what: "64 tasks lock, add, unlock one mutex; floor: std's uncontended",
        known: ["76", "5.5", "8.8"],
        ..one(
            "mutex-64",
            Goal::None,
            |lab| crowd(64, false).least(lab),
            |lab| crowd(64, false).one(lab),
        )
    },
    Row {
        what: "the same with a yield inside; floor: two bare switches among as many",
        known: ["376", "189", "124"],
        ..one(
            "mutex-64-yield",
            Goal::None,
            |lab| crowd(64, true).least(lab),
            |lab| crowd(64, true).one(lab),
        )
    },
    Row {
        what: "1,000 tasks lock, add, unlock one mutex; floor: std's uncontended",
        ..one(
            "mutex-1000",
            GO,
            |lab| crowd(1000, false).least(lab),
            |lab| crowd(1000, false).one(lab),
        )
    },
    Row {
        what: "the same with a yield inside; floor: two bare switches among as many",
        ..one(
            "mutex-1000-yield",
            GO,
            |lab| crowd(1000, true).least(lab),
            |lab| crowd(1000, true).one(lab),
        )
    },
    Row {
        what: "mutex-64 with half of the tasks on each worker; floor: 64 OS threads, std's",
        known: ["103", "16.2", "98.7"],
        ..two(
            "mutex-64-2",
            Goal::None,
            |lab| crowd(64, false).threads(lab),
            |lab| crowd(64, false).two(lab),
        )
    },
    Row {
        what: "the same with a yield inside",
        known: ["490", "193", "128"],
        ..two(
            "mutex-64-yield-2",
            Goal::None,
            |lab| crowd(64, true).threads(lab),
            |lab| crowd(64, true).two(lab),
        )
    },
    Row {
        what: "mutex-1000 with half of the tasks on each worker; floor: 1,000 OS threads",
        ..two(
            "mutex-1000-2",
            GO,
            |lab| crowd(1000, false).threads(lab),
            |lab| crowd(1000, false).two(lab),
        )
    },
    Row {
        what: "the same with a yield inside",
        ..two(
            "mutex-1000-yield-2",
            GO,
            |lab| crowd(1000, true).threads(lab),
            |lab| crowd(1000, true).two(lab),
        )
    },
    Row {
        what: "put into one of 2 queues, select! over both; floor: crossbeam's",
        ..one(
            "select-2",
            Goal::None,
            |lab| choose::crossbeam(lab, 2),
            |lab| choose::ready(lab, 2),
        )
    },
    Row {
        what: "the same, 8 queues",
        ..one(
            "select-8",
            Goal::None,
            |lab| choose::crossbeam(lab, 8),
            |lab| choose::ready(lab, 8),
        )
    },
    Row {
        what: "pingpong, both select over 2 queues, each way; floor: a bare switch",
        ..one("select-2-pingpong", Goal::None, SWITCH, |lab| {
            choose::pingpong(lab, 2)
        })
    },
    Row {
        what: "the same, 8 queues",
        ..one("select-8-pingpong", Goal::None, SWITCH, |lab| {
            choose::pingpong(lab, 8)
        })
    },
    // Last: their stacks stay with the workers.
    Row {
        what: "100,000 tasks wait for an Event, set once; per waiter; floor: each unparked",
        ..one("event", Goal::None, event::unpark_one, event::set_one)
    },
    Row {
        what: "the same on two workers",
        ..two("event-2", Goal::None, event::unpark_two, event::set_two)
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str = include_str!("../../peers/src/job.rs");

    #[test]
    fn every_row_is_known_to_the_peers_by_name_and_workers() {
        for row in ROWS {
            let entry = format!("(\"{}\", {})", row.name, row.workers);
            assert!(THEIRS.contains(&entry), "{entry} is not in their list");
        }
    }

    #[test]
    fn rows_have_names_of_their_own() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }
}
