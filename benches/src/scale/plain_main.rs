//! The path of a program whose `main` stays a plain OS thread: accept there, spawn for each.
//!
//! The server is written as one would write it with std, and started as a child; the measurement is
//! `bench echo`'s. Its runtime is the global one: one worker, because it is pinned to one core,
//! which it shares with the accepting thread.

use super::Size;
use crate::compare::{Comparison, Costs};
use crate::echo::pairs::{self, Plan};
use crate::echo::rig::{Load, Sample};
use crate::echo::subject::Subject;
use crate::report::Report;
use greenroom::net::{Shutdown, TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, Read, Write};
use std::time::Duration;

const CHURN: Load = Load {
    churn: true,
    ..Load::echo(64)
};

/// The server: no `greenroom::run` anywhere.
pub(crate) fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        match listener.accept() {
            Ok((stream, _peer)) => {
                thread::spawn(move || drop(echo(&stream)));
            }
            // As a server has to: it is the connection's fault, or will pass.
            Err(error) => {
                eprintln!("accept: {error}");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

fn echo(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return stream.shutdown(Shutdown::Write),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// CPU per message and per churned connection against the floor.
pub(super) fn run(size: &Size, report: &mut Report) -> io::Result<()> {
    let exe = std::env::current_exe()?;
    let subject = Subject::Command(format!("{} plain-main-server", exe.display()));
    let plan = Plan {
        pairs: size.pairs,
        rounds: 3,
        run: Duration::from_millis(100),
        warm: Duration::from_millis(20),
        first_warm: Duration::from_millis(300),
    };
    let loads = [
        ("plain-main echo-64", "µs/msg", Load::echo(64)),
        ("plain-main echo-1000", "µs/msg", Load::echo(1000)),
        ("plain-main churn-64", "µs/conn", CHURN),
    ];
    for (name, unit, load) in loads {
        let pairs = pairs::measure(&Subject::Floor, &subject, &load, &plan)?;
        let costs = pairs.iter().map(|pair| Costs {
            floor: pair.floor.each_ref().map(Sample::cpu_us_per_message),
            subject: pair.subject.each_ref().map(Sample::cpu_us_per_message),
        });
        report.comparison(&Comparison {
            name: name.to_owned(),
            unit,
            target: None,
            pairs: costs.collect(),
        });
    }
    Ok(())
}
