//! Two greenlets that sleep: while one waits, the other runs, and nobody says when to switch.
//!
//! Port of: the notes, "gevent" (file 002, section 3.3 of the second count).
//!
//! Run: `cargo run --example gevent_joinall`
//!
//! Try: `time` it: the sleeps overlap.
//!
//! Output:
//! ```text
//! running in foo
//! running in bar
//! bar goes on
//! foo goes on
//! both together took … ms, no longer than the longer one
//! ```
//! Differs: tenths of the notes' seconds. Both are bound to one worker here, as gevent has one; otherwise
//! either might begin first.

use greenroom::gevent;
use std::io;
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    // Greenlets run on all workers; gevent has one thread.
    let runtime = greenroom::Runtime::builder().workers(1).build()?;
    runtime.run(|| {
        let begun = Instant::now();
        let greenlets = [gevent::spawn(foo), gevent::spawn(bar)];
        gevent::joinall(&greenlets, None, true, None)
            .expect("because nobody sets a limit or panics");
        println!(
            "both together took {} ms, no longer than the longer one",
            begun.elapsed().as_millis()
        );
    });
    Ok(())
}

fn foo() {
    println!("running in foo");
    gevent::sleep(Duration::from_millis(200));
    println!("foo goes on");
}

fn bar() {
    println!("running in bar");
    gevent::sleep(Duration::from_millis(100));
    println!("bar goes on");
}
