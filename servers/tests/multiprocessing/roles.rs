//! Programs of their own, for what a test cannot do to itself.

use crate::{rough, watch};
use greenroom_servers::multiprocessing::{
    self, Builder, Connection, Lock, Manager, Pool, Process, Queue, pipe,
};
use std::process::ExitCode;
use std::time::Duration;

const ROLE: &str = "GREENROOM_TEST_ROLE";

pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// This binary in `role`.
pub(crate) fn program(role: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, role).env_remove("RUST_LOG");
    command.stdin(std::process::Stdio::null());
    command
}

pub(crate) fn play(role: &str) -> ExitCode {
    let body: fn() = match role {
        "threads" => return with_a_thread(),
        "outside" => return outside(),
        "exits" => return exits(),
        "panics" => return panics(),
        "load" => load,
        "server" => lose_the_server,
        "leak" => leak,
        "status" => || {
            let process = Process::spawn(|()| std::process::exit(3), ());
            println!("{}", process.unwrap().join());
        },
        "exit" => exit_in_the_middle,
        "catching main" => return returned(rough::catching_main),
        "low" => return returned(rough::low),
        other => rough::body(other).unwrap_or_else(|| panic!("no such role: {other}")),
    };
    multiprocessing::run(body).unwrap();
    println!("main returns");
    ExitCode::SUCCESS
}

fn returned(main: fn()) -> ExitCode {
    main();
    ExitCode::SUCCESS
}

fn with_a_thread() -> ExitCode {
    let (_alive, end) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || end.recv());
    println!("{}", multiprocessing::run(|| ()).unwrap_err());
    ExitCode::SUCCESS
}

fn outside() -> ExitCode {
    println!("{}", Process::spawn(|()| (), ()).unwrap_err());
    ExitCode::SUCCESS
}

/// A daemon that would stay, one that does not listen, and a process that takes its time.
fn start_three() {
    fn ignore(ready: Connection<(), ()>) {
        let all = [greenroom::signal::Signal::Terminate];
        let _signals = greenroom::signal::Signals::new(&all).unwrap();
        ready.send(&()).unwrap();
        greenroom::thread::park();
    }
    fn slow(text: String) {
        greenroom::thread::sleep(Duration::from_millis(100));
        println!("{text}");
    }
    let daemon = Builder::new().daemon(true);
    let stays = daemon
        .clone()
        .spawn(|()| greenroom::thread::park(), ())
        .unwrap();
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let deaf = daemon.spawn(ignore, theirs).unwrap();
    ours.recv().unwrap();
    println!("pids {} {}", stays.pid(), deaf.pid());
    Process::spawn(slow, "the slow one is done".to_owned()).unwrap();
}

fn exits() -> ExitCode {
    multiprocessing::run(start_three).unwrap();
    println!(
        "main returns, {} children",
        watch::children(std::process::id()).len()
    );
    ExitCode::SUCCESS
}

fn panics() -> ExitCode {
    let run = || {
        multiprocessing::run(|| {
            start_three();
            panic!("on purpose");
        })
    };
    let caught = std::panic::catch_unwind(run);
    println!("main returns, {}", caught.map(drop).is_err());
    ExitCode::SUCCESS
}

fn pass((from, to): (Queue<u64>, Queue<u64>)) {
    while let Ok(number) = from.get() {
        if to.put(number).is_err() {
            break;
        }
    }
}

fn take_turns(lock: Lock) {
    while let Ok(guard) = lock.lock() {
        drop(guard);
    }
}

fn print_pids() {
    let mut all = vec![watch::fork_server()];
    all.extend(multiprocessing::active_children().iter().map(Process::pid));
    let all: Vec<String> = all.iter().map(u32::to_string).collect();
    println!("pids {}", all.join(" "));
}

/// Everything at once, for ever: for each kind of thing a green thread that works on it until an error.
fn start_load() -> Vec<greenroom::thread::JoinHandle<String>> {
    let (asks, answers) = (Queue::bounded(8), Queue::bounded(8));
    let lock = Lock::new();
    for _ in 0..2 {
        Process::spawn(pass, (asks.clone(), answers.clone())).unwrap();
        Process::spawn(take_turns, lock.clone()).unwrap();
    }
    let manager = Manager::start().unwrap();
    let dict = manager.dict::<u64, u64>().unwrap();
    let pool = Pool::new(2).unwrap();
    let (ours, theirs) = pipe::<u64, u64>().unwrap();
    let echo = |peer: Connection<u64, u64>| {
        while let Ok(number) = peer.recv() {
            peer.send(&number).unwrap();
        }
    };
    Process::spawn(echo, theirs).unwrap();
    print_pids();
    fn until_error(mut f: impl FnMut(u64) -> Result<(), String>) -> String {
        let error = (0..).map(&mut f).find_map(Result::err);
        error.unwrap_or_default()
    }
    let text = |error: std::io::Error| error.to_string();
    type Work = Box<dyn FnMut(u64) -> Result<(), String> + Send>;
    let works: [Work; 4] = [
        Box::new(move |number| {
            asks.put(number).map_err(text)?;
            answers.get().map(drop).map_err(text)
        }),
        Box::new(move |number| dict.insert(&1, &number).map(drop).map_err(text)),
        Box::new(move |number| {
            let value = pool.apply(|number: u64| number + 1, number);
            value.map(drop).map_err(|error| error.to_string())
        }),
        Box::new(move |number| {
            ours.send(&number).map_err(text)?;
            ours.recv().map(drop).map_err(text)
        }),
    ];
    let (lock, _kept) = (lock, manager);
    let start = |work| greenroom::thread::spawn(move || until_error(work));
    let mut threads: Vec<_> = works.into_iter().map(start).collect();
    threads.push(greenroom::thread::spawn(move || {
        // Nobody is left to hold it, in the end; till then it goes round.
        let _kept = _kept;
        while !multiprocessing::active_children().is_empty() {
            drop(lock.lock().unwrap());
            greenroom::thread::yield_now();
        }
        "no children".to_owned()
    }));
    threads
}

fn load() {
    let threads = start_load();
    for thread in threads {
        println!("{}", thread.join().unwrap());
    }
}

fn lose_the_server() {
    let server = watch::fork_server();
    let threads = start_load();
    greenroom::thread::sleep(Duration::from_millis(50));
    watch::kill(server, "KILL");
    for thread in threads {
        println!("error: {}", thread.join().unwrap());
    }
    println!("error: {}", Process::spawn(|()| (), ()).unwrap_err());
}

fn exit_in_the_middle() {
    drop(start_load());
    greenroom::thread::sleep(Duration::from_millis(50));
    std::process::exit(4);
}

/// Rounds of everything; descriptors and green threads do not grow.
fn leak() {
    let round = || {
        let pool = Pool::new(2).unwrap();
        drop(pool.map(|number: u8| number, 0..10));
        let manager = Manager::start().unwrap();
        let dict = manager.dict::<u8, u8>().unwrap();
        let queue = Queue::bounded(2);
        let lock = Lock::new();
        let work = |(dict, queue, lock): (DictOf, Queue<u8>, Lock)| {
            drop(lock.lock().unwrap());
            dict.insert(&1, &1).unwrap();
            queue.put(1).unwrap();
        };
        type DictOf = multiprocessing::DictProxy<u8, u8>;
        let argument = (dict.clone(), queue.clone(), lock.clone());
        let process = Process::spawn(work, argument).unwrap();
        assert_eq!(queue.get().unwrap(), 1);
        process.join();
        let (ours, theirs) = pipe::<(), ()>().unwrap();
        Process::spawn(|peer: Connection<(), ()>| drop(peer.recv()), theirs).unwrap();
        drop(ours);
        pool.close();
        pool.join();
    };
    let settle = |what: &str, most: usize| {
        watch::until(what, || {
            multiprocessing::active_children().is_empty() && watch::descriptors().len() <= most
        });
        watch::descriptors().len()
    };
    round();
    let before = settle("the first round ends", usize::MAX);
    for _ in 0..10 {
        round();
    }
    settle("the others have closed what they opened", before);
    println!("no leak");
}
