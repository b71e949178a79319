//! Two ways to start a thread: hand `spawn` a function, or write a type whose `run` is what the thread does.
//!
//! Port of: the notes, "Threads: two ways to create them" (file 002, section 3.1)
//!
//! Run: `cargo run --example thread_spawn`
//!
//! Output: (threads run at the same time, so their lines come in any order)
//! ```text
//! test... t1
//! test... t2
//! running on number: 1
//! running on number: 2
//! started t1
//! started t2
//! started number-1
//! started number-2
//! all done in …
//! ```
//!
//! Differs: a thread has a name only if it is given one, before it starts; there is no class to inherit from,
//! so the second way is a struct with a `start` of its own. `main` joins: it would not wait by itself.

use greenroom::println;
use greenroom::thread::{self, Builder, JoinHandle};
use std::io;
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    greenroom::run(|| {
        let began = Instant::now();
        // The first way. `spawn(|| run("t1"))` would do if it needed no name.
        let t1 = Builder::new().name("t1".into()).spawn(|| run("t1"))?;
        let t2 = Builder::new().name("t2".into()).spawn(|| run("t2"))?;
        // The second way.
        let t3 = Numbered { number: 1 }.start()?;
        let t4 = Numbered { number: 2 }.start()?;

        let threads = [t1, t2, t3, t4];
        for thread in &threads {
            println!(
                "started {}",
                thread.thread().name().unwrap_or("one without a name")
            );
        }
        for thread in threads {
            thread
                .join()
                .expect("because no thread of this program panics");
        }
        // Each sleeps 0.2 seconds, and so do all together.
        println!("all done in {:.1?}", began.elapsed());
        Ok(())
    })
}

/// What a thread of the first way does.
fn run(name: &str) {
    println!("test... {name}");
    thread::sleep(Duration::from_millis(200));
}

/// A thread of the second way: what it needs are its fields, what it does is its `run`.
struct Numbered {
    number: u32,
}

impl Numbered {
    fn start(self) -> io::Result<JoinHandle<()>> {
        let name = format!("number-{}", self.number);
        Builder::new().name(name).spawn(move || self.run())
    }

    fn run(self) {
        println!("running on number: {}", self.number);
        thread::sleep(Duration::from_millis(200));
    }
}
