//! What a new process does: unpack its arguments, start a runtime of its own, call the function, exit.
//!
//! It is a copy of the fork server, so it has one thread and no runtime ever existed in it; it starts one as
//! any program does. Standard streams, signal dispositions (SIGCHLD's is the default) and mask, environment,
//! working directory are those that the program had when it called the entry. It leaves by `exit`, never by a return: the frames up the
//! stack are the program's `main`.

use super::code::Code;
use super::current::{self, CurrentProcess};
use super::handover::Packed;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};
use std::process::exit;

/// What a process is told about itself, in front of its arguments.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) name: String,
    pub(super) is_daemon: bool,
}

/// Of a function that returned an error, or panicked, as in Python; the hook has printed a panic's message.
const FAILED: i32 = 1;

/// Runs `code` with the arguments in the first descriptor, and exits.
pub(super) fn main(owner: Pid, code: Code, fds: Vec<OwnedFd>) -> ! {
    let run = AssertUnwindSafe(|| try_main(owner, code, fds));
    exit(match panic::catch_unwind(run) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            current::complain(&error);
            FAILED
        }
        Err(_panic) => FAILED,
    })
}

fn try_main(owner: Pid, code: Code, mut fds: Vec<OwnedFd>) -> io::Result<()> {
    if fds.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut memory = File::from(fds.remove(0));
    memory.rewind()?;
    let mut bytes = Vec::new();
    memory.read_to_end(&mut bytes)?;
    drop(memory);
    let letter = postcard::take_from_bytes::<Letter>(&bytes);
    let (letter, arguments) = letter.map_err(|error| io::Error::other(error.to_string()))?;
    let arguments = arguments.to_vec();
    current::become_child(CurrentProcess::child(letter.name, letter.is_daemon, owner));
    let packed = Packed {
        bytes: arguments,
        fds,
    };
    greenroom::run(move || {
        name_panics();
        code.run(packed)
    })?;
    Ok(())
}

/// Puts this process's name in front of messages of panics. Called when the runtime has set its hook.
fn name_panics() {
    let title = format!("{} (pid {})", current::name(), std::process::id());
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Nobody may read it.
        let _ = write!(io::stderr(), "{title}: ");
        previous(info);
    }));
}
