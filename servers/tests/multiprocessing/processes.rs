//! Starting, ending, and what a process has of its parent.

use crate::watch;
use greenroom_servers::multiprocessing::{
    self, Builder, Connection, ExitStatus, Handed, Process, current_process, pipe,
};
use std::io::{Read, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    exit_codes_are_those_of_the_function_or_the_signal,
    process_knows_itself_and_its_parent,
    process_has_the_statics_of_the_fork_and_keeps_its_own,
    join_with_a_time_out_waits_no_longer,
    hundred_processes_at_once_are_all_reaped,
    huge_argument_arrives,
    process_cannot_start_processes,
    process_runs_green_threads,
    process_has_the_signals_of_the_program,
    process_has_no_descriptor_that_was_not_given,
    descriptors_of_every_kind_are_handed_over,
    too_many_descriptors_are_an_error,
    descriptor_in_another_serialisation_is_an_error,
    active_children_are_those_that_live,
    names_and_daemons_are_as_built,
];

fn exit_codes_are_those_of_the_function_or_the_signal() {
    fn end(how: u8) {
        match how {
            0 => (),
            1 => std::process::exit(3),
            2 => panic!("on purpose"),
            3 => std::process::abort(),
            _ => greenroom::thread::park(),
        }
    }
    let join = |how| Process::spawn(end, how).unwrap().join();
    assert_eq!(join(0), ExitStatus::Exited(0));
    assert_eq!(join(1), ExitStatus::Exited(3));
    assert_eq!(join(2), ExitStatus::Exited(1));
    assert_eq!(join(3), ExitStatus::Signaled(6));
    let process = Process::spawn(end, 4).unwrap();
    assert_eq!((process.is_alive(), process.exit_code()), (true, None));
    process.terminate().unwrap();
    process.join();
    assert_eq!(
        (process.is_alive(), process.exit_code()),
        (false, Some(-15))
    );
    // Nothing happens to who has that number now.
    process.kill().unwrap();
    let process = Process::spawn(end, 4).unwrap();
    process.kill().unwrap();
    assert_eq!(process.join().code(), -9);
}

fn process_knows_itself_and_its_parent() {
    type Facts = (String, u32, u32, bool);
    fn tell(to: Connection<Facts, ()>) {
        let here = current_process();
        let facts = (
            here.name().to_owned(),
            here.pid(),
            here.parent_pid(),
            here.is_daemon(),
        );
        to.send(&facts).unwrap();
    }
    let (ours, theirs) = pipe::<(), Facts>().unwrap();
    let process = Process::spawn(tell, theirs).unwrap();
    let name = process.name().to_owned();
    assert!(name.starts_with("Process-"), "{name}");
    let parent = std::process::id();
    assert_eq!(ours.recv().unwrap(), (name, process.pid(), parent, false));
    assert_ne!(process.pid(), parent);
    assert_eq!(process.join(), ExitStatus::Exited(0));
}

static COUNT: AtomicUsize = AtomicUsize::new(100);

fn process_has_the_statics_of_the_fork_and_keeps_its_own() {
    fn add(to: Connection<usize, ()>) {
        to.send(&COUNT.fetch_add(1, Ordering::Relaxed)).unwrap();
    }
    COUNT.store(7, Ordering::Relaxed);
    for _ in 0..2 {
        let (ours, theirs) = pipe::<(), usize>().unwrap();
        let process = Process::spawn(add, theirs).unwrap();
        assert_eq!(ours.recv().unwrap(), 100);
        process.join();
    }
    assert_eq!(COUNT.load(Ordering::Relaxed), 7);
}

fn join_with_a_time_out_waits_no_longer() {
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let wait = |from: Connection<(), ()>| drop(from.recv());
    let process = Process::spawn(wait, theirs).unwrap();
    assert_eq!(process.join_timeout(Duration::ZERO), None);
    assert_eq!(process.join_timeout(Duration::from_millis(5)), None);
    ours.send(&()).unwrap();
    let ended = process.join_timeout(Duration::from_secs(60));
    assert_eq!(ended, Some(ExitStatus::Exited(0)));
    assert_eq!(process.join_timeout(Duration::ZERO), ended);
}

fn hundred_processes_at_once_are_all_reaped() {
    fn echo(peer: Connection<u32, u32>) {
        let number = peer.recv().unwrap();
        peer.send(&number).unwrap();
    }
    let start = |_| {
        let (ours, theirs) = pipe::<u32, u32>().unwrap();
        (ours, Process::spawn(echo, theirs).unwrap())
    };
    let all: Vec<_> = (0..100).map(start).collect();
    for (number, (peer, process)) in (0..).zip(&all) {
        assert!(process.is_alive());
        peer.send(&number).unwrap();
    }
    for (number, (peer, process)) in (0..).zip(&all) {
        assert_eq!(peer.recv().unwrap(), number);
        assert_eq!(process.join(), ExitStatus::Exited(0));
    }
    let left = watch::children(watch::fork_server());
    for (_, process) in &all {
        assert!(!left.contains(&process.pid()), "a zombie");
    }
}

fn huge_argument_arrives() {
    fn sum((text, to): (String, Connection<(usize, u64), ()>)) {
        let sum = text.bytes().map(u64::from).sum();
        to.send(&(text.len(), sum)).unwrap();
    }
    let text = "0123456789".repeat(1 << 20);
    let (ours, theirs) = pipe::<(), (usize, u64)>().unwrap();
    let process = Process::spawn(sum, (text, theirs)).unwrap();
    let tenth: u64 = b"0123456789".iter().map(|&byte| u64::from(byte)).sum();
    assert_eq!(ours.recv().unwrap(), (10 << 20, tenth << 20));
    process.join();
}

fn process_cannot_start_processes() {
    fn try_it(to: Connection<String, ()>) {
        let error = Process::spawn(|()| (), ()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
        let nested = multiprocessing::run(|| ()).unwrap_err();
        to.send(&format!("{error}; {nested}")).unwrap();
    }
    let (ours, theirs) = pipe::<(), String>().unwrap();
    let process = Process::spawn(try_it, theirs).unwrap();
    let text = ours.recv().unwrap();
    assert!(text.contains("cannot start others"), "{text}");
    assert!(text.contains("runs or ran already"), "{text}");
    process.join();
}

fn process_runs_green_threads() {
    fn count(to: Connection<usize, ()>) {
        let threads: Vec<_> = (0..1000)
            .map(|number| {
                greenroom::thread::spawn(move || {
                    greenroom::thread::sleep(Duration::from_millis(1));
                    number
                })
            })
            .collect();
        let sum = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        to.send(&sum).unwrap();
    }
    let (ours, theirs) = pipe::<(), usize>().unwrap();
    let process = Process::spawn(count, theirs).unwrap();
    assert_eq!(ours.recv().unwrap(), 499_500);
    process.join();
}

/// Blocked and ignored signals, when `main` began.
static SIGNALS: OnceLock<Vec<u64>> = OnceLock::new();

/// The first 31, in the main thread: two of those above are the C library's own.
fn signals() -> Vec<u64> {
    let pid = std::process::id();
    let status = std::fs::read_to_string(format!("/proc/self/task/{pid}/status")).unwrap();
    let of = |name| {
        let set = status.lines().find_map(|line| line.strip_prefix(name));
        u64::from_str_radix(set.unwrap().trim(), 16).unwrap() & 0x7FFF_FFFF
    };
    vec![of("SigBlk:"), of("SigIgn:")]
}

pub(crate) fn note_signals() {
    SIGNALS.set(signals()).unwrap();
}

fn process_has_the_signals_of_the_program() {
    fn tell(to: Connection<Vec<u64>, ()>) {
        to.send(&signals()).unwrap();
    }
    let (ours, theirs) = pipe::<(), Vec<u64>>().unwrap();
    let process = Process::spawn(tell, theirs).unwrap();
    assert_eq!(&ours.recv().unwrap(), SIGNALS.get().unwrap());
    process.join();
}

fn process_has_no_descriptor_that_was_not_given() {
    fn tell(to: Connection<Vec<String>, ()>) {
        to.send(&watch::descriptors()).unwrap();
    }
    // Files of ours, open now.
    let _here = (
        pipe::<(), ()>().unwrap(),
        std::fs::File::open("/proc/self/exe").unwrap(),
    );
    let (ours, theirs) = pipe::<(), Vec<String>>().unwrap();
    let process = Process::spawn(tell, theirs).unwrap();
    let all = ours.recv().unwrap();
    let is_foreign = |text: &&String| {
        text.starts_with("socket:") || text.contains("memfd") || text.contains("signalfd")
    };
    let foreign: Vec<_> = all.iter().skip(3).filter(is_foreign).collect();
    assert_eq!(foreign.len(), 1, "only the pipe's: {all:?}");
    process.join();
}

fn descriptors_of_every_kind_are_handed_over() {
    fn copy((file, stream, pipe): (Handed, Handed, Handed)) {
        let mut text = String::new();
        file.into_file().read_to_string(&mut text).unwrap();
        stream.into_tcp_stream().write_all(text.as_bytes()).unwrap();
        let mut pipe = std::fs::File::from(pipe.into_fd());
        pipe.write_all(b"done").unwrap();
    }
    let listener = greenroom::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = greenroom::net::TcpStream::connect(address).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let (mut reader, writer) = greenroom::io::pipe().unwrap();
    let file = std::fs::File::open("/proc/sys/kernel/ostype").unwrap();
    let given = (file.into(), Handed::from(stream), Handed::from(writer));
    let process = Process::spawn(copy, given).unwrap();
    let (mut line, mut word) = (String::new(), String::new());
    client.read_to_string(&mut line).unwrap();
    reader.read_to_string(&mut word).unwrap();
    assert_eq!((line.as_str(), word.as_str()), ("Linux\n", "done"));
    assert_eq!(process.join(), ExitStatus::Exited(0));
}

fn too_many_descriptors_are_an_error() {
    fn count((all, to): (Vec<Handed>, Connection<usize, ()>)) {
        to.send(&all.len()).unwrap();
    }
    for (number, is_well) in [(249, true), (250, false)] {
        let open = |_| Handed::from(std::fs::File::open("/dev/null").unwrap());
        let (ours, theirs) = pipe::<(), usize>().unwrap();
        let process = Process::spawn(count, ((0..number).map(open).collect(), theirs));
        assert_eq!(process.is_ok(), is_well);
        match process {
            Ok(_) => assert_eq!(ours.recv().unwrap(), number),
            Err(error) => assert!(error.to_string().contains("more than 250"), "{error}"),
        }
    }
}

fn descriptor_in_another_serialisation_is_an_error() {
    let handed = Handed::from(std::fs::File::open("/dev/null").unwrap());
    let error = serde_json::to_string(&handed).unwrap_err().to_string();
    assert!(error.contains("sent to another process"), "{error}");
}

fn active_children_are_those_that_live() {
    let process = Process::spawn(|()| greenroom::thread::park(), ()).unwrap();
    let is_active = || {
        let all = multiprocessing::active_children();
        all.iter().any(|child| child.pid() == process.pid())
    };
    assert!(is_active());
    process.kill().unwrap();
    process.join();
    assert!(!is_active());
}

fn names_and_daemons_are_as_built() {
    fn tell(to: Connection<(String, bool), ()>) {
        let here = current_process();
        to.send(&(here.name().to_owned(), here.is_daemon()))
            .unwrap();
    }
    let (ours, theirs) = pipe::<(), (String, bool)>().unwrap();
    let process = Builder::new()
        .name("digger")
        .daemon(true)
        .spawn(tell, theirs)
        .unwrap();
    assert_eq!(ours.recv().unwrap(), ("digger".to_owned(), true));
    assert_eq!((process.name(), process.is_daemon()), ("digger", true));
    process.join();
}
