//! Rough circumstances: errors and panics that are told, streams that nobody reads, descriptors that run out,
//! code that came late, signals to everybody.
#![expect(
    unsafe_code,
    reason = "dlopen, for a function that came late; setuid, which is safe"
)]

use crate::child::{Ended, Running};
use crate::roles::program;
use crate::watch;
use greenroom_servers::multiprocessing::{self, Builder, Connection, Handed, Process, pipe};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::io::{self, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    errors_and_panics_are_told_under_the_name_of_the_process,
    process_without_a_standard_error_ends_and_runs_no_part_of_main,
    daemon_that_does_not_listen_is_killed_before_others_are_waited_for,
    function_that_was_loaded_late_is_refused,
    descriptors_beyond_the_limit_of_the_receiver_cost_one_message,
    descriptors_that_the_kernel_refuses_cost_one_message,
    descriptors_beyond_the_limit_of_the_fork_server_are_an_error_of_the_start,
    parent_without_descriptors_gets_an_error_and_goes_on,
    interrupt_of_the_whole_group_leaves_nobody,
    process_runs_programs_and_reaps_them,
    thousand_processes_one_after_the_other_leak_nothing,
];

/// A program's body, by role.
pub(crate) fn body(role: &str) -> Option<fn()> {
    let body: fn() = match role {
        "tells" => tell,
        "deaf daemon" => deaf_daemon,
        "late" => late,
        "narrow" => narrow,
        "refused" => refused,
        "full" => full,
        "thousand" => thousand,
        _ => return None,
    };
    Some(body)
}

fn run(role: &'static str) -> Ended {
    greenroom::unblock(move || Running::start(&mut program(role)).end())
}

fn fail(how: u8) -> Result<(), String> {
    match how {
        0 => Ok(()),
        1 => Err("no bread".to_owned()),
        _ => panic!("no butter"),
    }
}

fn tell() {
    for how in 0..3 {
        let process = Builder::new().name("baker").spawn(fail, how).unwrap();
        println!("{} {}", process.pid(), process.join());
    }
}

fn errors_and_panics_are_told_under_the_name_of_the_process() {
    let ended = run("tells");
    let lines: Vec<_> = ended
        .stdout
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let codes = lines[..3].iter().map(|line| line.1.as_bytes().last());
    assert!(codes.eq([Some(&b'0'), Some(&b'1'), Some(&b'1')]), "{ended}");
    assert!(ended.stderr.contains("baker: no bread\n"), "{ended}");
    let head = format!("baker (pid {}): green thread 'main'", lines[2].0);
    assert!(ended.stderr.contains(&head), "{ended}");
    assert!(ended.stderr.contains("no butter"), "{ended}");
}

/// A `main` that catches what comes up the stack.
pub(crate) fn catching_main() {
    let pid = std::process::id();
    let caught = catch_unwind(AssertUnwindSafe(|| multiprocessing::run(tell).unwrap()));
    println!("main {}, {}", std::process::id() == pid, caught.is_ok());
}

fn process_without_a_standard_error_ends_and_runs_no_part_of_main() {
    let text = greenroom::unblock(|| {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut command = program("catching main");
        let mut program = command
            .stdout(Stdio::piped())
            .stderr(writer)
            .spawn()
            .unwrap();
        let mut text = String::new();
        let mut stdout = program.stdout.take().unwrap();
        stdout.read_to_string(&mut text).unwrap();
        assert!(program.wait().unwrap().success(), "{text}");
        text
    });
    let ends: Vec<_> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    let code = |code| format!("exited with code {code}");
    assert_eq!(ends, [code(0), code(1), code(1), "true, true".to_owned()]);
}

fn deaf_daemon() {
    fn ignore((ready, _held): (Connection<(), ()>, Connection<(), ()>)) {
        let all = [greenroom::signal::Signal::Terminate];
        let _signals = greenroom::signal::Signals::new(&all).unwrap();
        ready.send(&()).unwrap();
        greenroom::thread::park();
    }
    let ((near, far), (ours, theirs)) = (pipe::<(), ()>().unwrap(), pipe().unwrap());
    let daemon = Builder::new().daemon(true);
    daemon.spawn(ignore, (theirs, far)).unwrap();
    ours.recv().unwrap();
    // Until the daemon is gone.
    Process::spawn(|end: Connection<(), ()>| drop(end.recv()), near).unwrap();
}

fn daemon_that_does_not_listen_is_killed_before_others_are_waited_for() {
    let ended = run("deaf daemon");
    assert_eq!(ended.stdout, "main returns\n", "{ended}");
}

unsafe extern "C" {
    fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    safe fn setuid(user: c_uint) -> c_int;
}

fn open(name: &CStr) -> *mut c_void {
    const RTLD_NOW: c_int = 2;
    // SAFETY: the name is a C string; the library's initialisers are the C library's own.
    unsafe { dlopen(name.as_ptr(), RTLD_NOW) }
}

fn find(library: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: the handle is dlopen's, the name a C string.
    unsafe { dlsym(library, name.as_ptr()) }
}

fn late() {
    // A part of the C library that programs are not linked to.
    let library = open(c"libresolv.so.2");
    assert!(!library.is_null(), "there is no libresolv.so.2");
    let address = find(library, c"__dn_count_labels");
    assert!(!address.is_null(), "it has no __dn_count_labels");
    // SAFETY: never called, neither here nor there: that is the test.
    let function = unsafe { std::mem::transmute::<*mut c_void, fn(())>(address) };
    let error = Process::spawn(function, ()).unwrap_err();
    println!("{:?}: {error}", error.kind());
}

fn function_that_was_loaded_late_is_refused() {
    let ended = run("late");
    assert!(ended.stdout.starts_with("InvalidInput: "), "{ended}");
    assert!(
        ended.stdout.contains("was loaded after the fork server"),
        "{ended}"
    );
}

fn limit_descriptors(max: u64) -> Rlimit {
    let before = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: Some(max),
        ..before
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    before
}

fn nulls(count: usize) -> Vec<Handed> {
    let open = |_| Handed::from(std::fs::File::open("/dev/null").unwrap());
    (0..count).map(open).collect()
}

fn narrow() {
    let (ours, theirs) = pipe::<Vec<Handed>, Vec<Handed>>().unwrap();
    ours.send(&nulls(3)).unwrap();
    ours.send(&nulls(2)).unwrap();
    let before = limit_descriptors(3);
    let error = theirs.recv().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    println!("{error}");
    setrlimit(Resource::Nofile, before).unwrap();
    println!("{}", theirs.recv().unwrap().len());
}

fn descriptors_beyond_the_limit_of_the_receiver_cost_one_message() {
    let ended = run("narrow");
    assert!(ended.stdout.contains("RLIMIT_NOFILE"), "{ended}");
    assert!(ended.stdout.ends_with("\n2\nmain returns\n"), "{ended}");
}

/// The kernel counts what a user has under way, and refuses more than the limit; the superuser is free of it.
fn refused() {
    let _ = setuid(65_534);
    let (ours, theirs) = pipe::<Vec<Handed>, Vec<Handed>>().unwrap();
    limit_descriptors(60);
    let sent = (1..20)
        .take_while(|_| ours.send(&nulls(16)).is_ok())
        .count();
    let wait = std::time::Duration::from_secs(60);
    for _ in 0..sent {
        assert_eq!(theirs.recv_timeout(wait).unwrap().len(), 16);
    }
    println!("{}", theirs.recv_timeout(wait).unwrap_err());
    ours.send(&nulls(2)).unwrap();
    println!("{}", theirs.recv_timeout(wait).unwrap().len());
}

fn descriptors_that_the_kernel_refuses_cost_one_message() {
    let ended = run("refused");
    assert!(ended.stdout.contains("descriptors are missing"), "{ended}");
    assert!(ended.stdout.ends_with("\n2\nmain returns\n"), "{ended}");
}

pub(crate) fn low() {
    let before = limit_descriptors(20);
    multiprocessing::run(|| {
        setrlimit(Resource::Nofile, before).unwrap();
        let count = |all: Vec<Handed>| std::process::exit(i32::try_from(all.len()).unwrap());
        println!("{}", Process::spawn(count, nulls(40)).unwrap_err());
        println!("{}", Process::spawn(count, nulls(3)).unwrap().join());
    })
    .unwrap();
}

fn descriptors_beyond_the_limit_of_the_fork_server_are_an_error_of_the_start() {
    let ended = run("low");
    let expected = "Too many open files (os error 24)\nexited with code 3\n";
    assert_eq!(ended.stdout, expected, "{ended}");
}

fn full() {
    let before = limit_descriptors(3);
    println!("{}", Process::spawn(|()| (), ()).unwrap_err());
    println!("{}", pipe::<(), ()>().unwrap_err());
    setrlimit(Resource::Nofile, before).unwrap();
    println!("{}", Process::spawn(|()| (), ()).unwrap().join());
}

fn parent_without_descriptors_gets_an_error_and_goes_on() {
    let ended = run("full");
    let many = "Too many open files (os error 24)\n";
    let expected = format!("{many}{many}exited with code 0\nmain returns\n");
    assert_eq!(ended.stdout, expected, "{ended}");
}

fn interrupt_of_the_whole_group_leaves_nobody() {
    greenroom::unblock(|| {
        let mut command = program("load");
        let mut running = Running::start(command.process_group(0));
        let line = running.next_line().unwrap();
        let pids = line.strip_prefix("pids ").unwrap().split(' ');
        let pids: Vec<u32> = pids.map(|pid| pid.parse().unwrap()).collect();
        let group = format!("kill -INT -{}", running.child.id());
        let sent = Command::new("sh").args(["-c", &group]).status().unwrap();
        assert!(sent.success(), "{group}");
        let ended = running.end();
        assert!(ended.status.code().is_none(), "{ended}");
        watch::until_gone(&pids);
    });
}

fn process_runs_programs_and_reaps_them() {
    fn run_some(_: ()) -> Result<(), String> {
        for command in ["exit 3", "kill -9 $$"] {
            let mut std = Command::new("sh");
            let std = std.args(["-c", command]).status();
            let mut ours = greenroom::process::Command::new("sh");
            let ours = ours.args(["-c", command]).status();
            if std.ok() != ours.ok() || !watch::children(std::process::id()).is_empty() {
                return Err(format!("{command}: not as it should be"));
            }
        }
        Ok(())
    }
    assert!(Process::spawn(run_some, ()).unwrap().join().success());
}

/// Resident pages of a process.
fn pages(pid: u32) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    text.split(' ').nth(1).unwrap().parse().unwrap()
}

fn thousand() {
    let server = watch::fork_server();
    let count = |pid: u32| {
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count();
        (fds, pages(pid))
    };
    let round = |rounds: u32| {
        for number in 0..rounds {
            let process = Process::spawn(|_: u32| (), number).unwrap();
            assert!(process.join().success());
        }
        [count(std::process::id()), count(server)]
    };
    let (before, after) = (round(100), round(900));
    for (before, after) in before.into_iter().zip(after) {
        assert_eq!(before.0, after.0, "descriptors");
        // A mebibyte: a leak of 1 KiB for each would be seen.
        assert!(after.1 <= before.1 + 256, "{before:?} {after:?}");
    }
    assert!(watch::children(server).is_empty(), "a zombie");
    println!("no leak");
}

fn thousand_processes_one_after_the_other_leak_nothing() {
    let ended = run("thousand");
    assert_eq!(ended.stdout, "no leak\nmain returns\n", "{ended}");
}
