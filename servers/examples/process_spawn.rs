//! Two ways to start a process, a function or a type with a `run`, and who is whose parent.
//!
//! Port of: the notes, "Processes: multiprocessing" (file 002, section 4.1) and "Use of the class Process" (file 004)
//!
//! Run: `cargo run -p greenroom-servers --example process_spawn`
//!
//! Output:
//! ```text
//! main: I am MainProcess, pid …, my parent is …
//! function f: I am Process-1, pid …, my parent is …
//! hello bob
//! hello bob from a thread of Process-1
//! type Greeter: I am greeter, pid …, my parent is …
//! hello eve
//! hello eve from a thread of greeter
//! ```
//!
//! Differs: `run` in `main` forks the process that starts all others while there are no threads yet, which is why it
//! comes first. That process is the kernel's answer to who the parent is; `parent_pid` tells who asked for the start. A
//! type is no subclass: it goes to the other process as the argument.

use greenroom::{println, thread};
use greenroom_servers::multiprocessing::{self, Builder, Process};
use serde::{Deserialize, Serialize};
use std::io;

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        info("main");
        let function = Process::spawn(f, "bob".to_owned())?;
        function.join();
        let greeter = Greeter {
            name: "eve".to_owned(),
        };
        greeter.start()?.join();
        Ok(())
    })?
}

fn f(name: String) {
    info("function f");
    greet(&name);
}

#[derive(Serialize, Deserialize)]
struct Greeter {
    name: String,
}

impl Greeter {
    fn start(self) -> io::Result<Process> {
        Builder::new().name("greeter").spawn(Greeter::run, self)
    }

    fn run(self) {
        info("type Greeter");
        greet(&self.name);
    }
}

fn info(title: &str) {
    let here = multiprocessing::current_process();
    println!(
        "{title}: I am {}, pid {}, my parent is {}",
        here.name(),
        here.pid(),
        here.parent_pid()
    );
}

/// A process has green threads of its own. It ends with its function, so the function joins them.
fn greet(name: &str) {
    println!("hello {name}");
    thread::scope(|scope| {
        scope.spawn(|| {
            let process = multiprocessing::current_process();
            println!("hello {name} from a thread of {}", process.name());
        });
    });
}
