//! A traffic light and two cars: an `Event` is a flag for which any number of threads can wait.
//!
//! Port of: the notes, "Threads: event" (file 002, section 3.7)
//!
//! Run: `cargo run --example thread_event -- [--cycles 2]`
//!
//! Try: a terminal, where the lines have their colours.
//!
//! Output: (cars run at the same time as the light: their lines stand where `…` does)
//! ```text
//! …
//! red 2
//! …
//! red 1
//! …
//! green 4
//! …
//! green 1
//! …
//! red 2
//! …
//! green 1
//! …
//! the light is out of order
//! ```
//! The cars' lines: `[tesla] waits at the red light`, `[tesla] drives along`, and the same of `[beetle]`.
//!
//! Differs: in the notes the car looks at the flag once a second; here it waits for the flag. A turn of the
//! light takes a third of a second instead of thirty, and after two of them the cars are cancelled.

use greenroom::sync::{Arc, Event};
use greenroom::{println, thread};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: thread_event [--cycles N]";

/// How long a number of the light is shown, and how far a car looks ahead.
const TICK: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--cycles", "2")]);
    let cycles = args.get("--cycles");
    cli::run("thread_event", || {
        let is_green = Arc::new(Event::new());
        let cars = ["tesla", "beetle"].map(|name| {
            let is_green = Arc::clone(&is_green);
            thread::spawn(move || car(name, &is_green))
        });
        light(cycles, &is_green);
        for car in cars {
            car.cancel(); // It unwinds from whatever it waits for.
            let _cancelled = car.join();
        }
        println!("the light is out of order");
        Ok(())
    })
}

/// Shows red, then green, each with the ticks that are left; the event is set while it is green.
fn light(cycles: u32, is_green: &Event) {
    for _ in 0..cycles {
        is_green.clear();
        for left in [2, 1] {
            println!("{} {left}", coloured("41;1", "red"));
            thread::sleep(TICK);
        }
        for left in [4, 3, 2, 1] {
            println!("{} {left}", coloured("42;1", "green"));
            is_green.set(); // The first time it wakes all cars; then it changes nothing.
            thread::sleep(TICK);
        }
    }
    is_green.clear();
}

/// Drives along for ever, but waits where the light is red.
fn car(name: &str, is_green: &Event) {
    loop {
        if !is_green.is_set() {
            println!(
                "{}",
                coloured("31", &format!("[{name}] waits at the red light"))
            );
            is_green.wait();
        }
        println!("{}", coloured("32", &format!("[{name}] drives along")));
        thread::sleep(TICK);
    }
}

/// The text in a colour, if a person looks at it.
fn coloured(code: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
