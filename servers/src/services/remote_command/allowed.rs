//! Which commands may be run: the line of a client becomes a [`Command`], or is refused.
//!
//! In one place, for the service and for the notes' program: two readings of an allow-list are one hole.

use crate::framing::bad;
use crate::printable::printable;
use greenroom::process::Command;
use std::io;

/// The command that a line asks for. Never parks.
///
/// With a list, the first word is the program and must be in it, as it is spelt there; the others are its
/// arguments, and no shell sees them. Without one, the line goes to `sh -c`.
///
/// # Errors
/// `InvalidData`: a NUL, no words, a program that is not in the list.
///
/// # Examples
/// ```
/// use greenroom_servers::services::remote_command::command;
/// let allowed = ["date".to_owned()];
/// assert!(command("date -u", Some(&allowed)).is_ok());
/// assert!(command("/bin/date", Some(&allowed)).is_err());
/// ```
pub fn command(line: &str, allowed: Option<&[String]>) -> io::Result<Command> {
    if line.contains('\0') {
        return Err(bad("a command with a NUL"));
    }
    let mut words = line.split_whitespace();
    let Some(program) = words.next() else {
        return Err(bad("an empty command"));
    };
    let Some(allowed) = allowed else {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]);
        return Ok(shell);
    };
    if !allowed.iter().any(|name| name == program) {
        let (program, allowed) = (printable(program), allowed.join(", "));
        return Err(bad(format!("{program} is not allowed; allowed: {allowed}")));
    }
    let mut command = Command::new(program);
    command.args(words);
    Ok(command)
}
