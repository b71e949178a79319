//! Ending processes from outside, and how one can see what became of them.
//!
//! Port of: the notes, "terminate and is_alive" (file 004, "join", example 3) and "exitcode" (the same file)
//!
//! Run: `cargo run -p greenroom-servers --example process_terminate`
//!
//! Output:
//! ```text
//! p1 (pid …): alive: true, exit code: None
//! p1 after terminate: alive: false, exit code: Some(-15)
//! p1 after one more: alive: false, exit code: Some(-15)
//! p2 after kill: alive: false, exit code: Some(-9)
//! p3 after its return: alive: false, exit code: Some(0)
//! p4 after exit(3): alive: false, exit code: Some(3)
//! p5 after a panic: alive: false, exit code: Some(1)
//! children left: 0
//! ```
//!
//! Differs: the notes look 10 ms after `terminate` whether the process is alive, and mostly see that it is. `terminate`
//! asks, `join` waits; after that the answer is sure.

use greenroom::{println, thread};
use greenroom_servers::multiprocessing::{self, Builder, Process};
use std::io;
use std::time::Duration;

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        from_outside()?;
        by_themselves()?;
        let left = multiprocessing::active_children().len();
        println!("children left: {left}");
        Ok(())
    })?
}

fn from_outside() -> io::Result<()> {
    let p1 = Builder::new().name("p1").spawn(sleep, 300)?;
    show(&p1, &format!("(pid {})", p1.pid()));
    p1.terminate()?;
    p1.join();
    show(&p1, "after terminate");
    // Its number may be another process's by now; the signal is not sent.
    p1.terminate()?;
    show(&p1, "after one more");

    let p2 = Builder::new().name("p2").spawn(sleep, 300)?;
    p2.kill()?;
    p2.join();
    show(&p2, "after kill");
    Ok(())
}

fn by_themselves() -> io::Result<()> {
    let p3 = Builder::new().name("p3").spawn(sleep, 0)?;
    let p4 = Builder::new()
        .name("p4")
        .spawn(|code| std::process::exit(code), 3)?;
    let p5 = Builder::new()
        .name("p5")
        .spawn(|()| panic!("this is the panic of p5"), ())?;
    for (process, when) in [
        (p3, "after its return"),
        (p4, "after exit(3)"),
        (p5, "after a panic"),
    ] {
        process.join();
        show(&process, when);
    }
    Ok(())
}

fn show(process: &Process, when: &str) {
    println!(
        "{} {when}: alive: {}, exit code: {:?}",
        process.name(),
        process.is_alive(),
        process.exit_code()
    );
}

fn sleep(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}
