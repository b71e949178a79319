//! What the chat's two programs agree on: datagrams, their limits, what may reach a terminal, typed lines.
//!
//! Not an example: `udp_chat` and `udp_chat_client` include it. A datagram is UTF-8, its fields stand between tabs:
//!
//! | from | datagram | |
//! |---|---|---|
//! | client | `hello` ME | the server learns the name and its address |
//! | client | `say` ME TO TEXT | TO is a name, or `server` for who sits there |
//! | client | `bye` ME | the server forgets the name |
//! | server | `ok`, or `error` WHY | answers each of these, and whatever it does not understand |
//! | server | `from` WHO TEXT | delivers what WHO said |
//!
//! Subtle: what a server sends is never answered. Two servers that answer each other's errors would not end.
#![allow(dead_code, reason = "each of the two uses its own part")]

use crate::cli::is_harmless;
pub(crate) use crate::cli::printable;
use greenroom::eprintln;
use greenroom::io::{self, BufRead, IsTerminal, Read};

/// The notes' buffer. Also bounds a typed line, which otherwise could fill the memory.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 1024;
/// With two names of 24 four-byte letters beside it, a datagram still fits into its limit.
pub(crate) const TEXT_BYTES_MAX: usize = 800;
/// A name is to be typed.
pub(crate) const NAME_CHARS_MAX: usize = 24;
/// The name of who sits at the server.
pub(crate) const OPERATOR: &str = "server";

/// What a client may ask for.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    Hello {
        me: &'a str,
    },
    Say {
        me: &'a str,
        to: &'a str,
        text: &'a str,
    },
    Bye {
        me: &'a str,
    },
}

/// Understands a client's datagram, or says what is wrong with it.
pub(crate) fn parse(datagram: &[u8]) -> Result<Request<'_>, String> {
    if datagram.len() > DATAGRAM_BYTES_MAX {
        return Err(format!(
            "too long: a datagram has at most {DATAGRAM_BYTES_MAX} bytes"
        ));
    }
    let line = str::from_utf8(datagram).map_err(|_| "not UTF-8")?;
    // `nc` sends it.
    let line = line.strip_suffix('\n').unwrap_or(line);
    let fields: Vec<&str> = line.splitn(5, '\t').collect();
    match fields[..] {
        ["hello", me] => Ok(Request::Hello { me: name(me)? }),
        ["bye", me] => Ok(Request::Bye { me: name(me)? }),
        ["say", me, to, what] => Ok(Request::Say {
            me: name(me)?,
            to: name(to)?,
            text: text(what)?,
        }),
        _ => Err("not understood: hello ME, say ME TO TEXT, bye ME, with tabs between".to_owned()),
    }
}

/// Whether it is what only a server sends.
pub(crate) fn is_answer(datagram: &[u8]) -> bool {
    datagram == b"ok" || datagram.starts_with(b"error\t") || datagram.starts_with(b"from\t")
}

/// A name, if it may be one.
pub(crate) fn name(name: &str) -> Result<&str, String> {
    let is_fit = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || !name.chars().all(is_fit) {
        return Err(format!(
            "bad name: it has 1 to {NAME_CHARS_MAX} letters, digits, - _ or ."
        ));
    }
    Ok(name)
}

/// A message, if it may be one.
pub(crate) fn text(text: &str) -> Result<&str, String> {
    if text.is_empty() {
        return Err("empty message".to_owned());
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!(
            "too long: a message has at most {TEXT_BYTES_MAX} bytes"
        ));
    }
    if !text.chars().all(is_harmless) {
        return Err("control characters in the message".to_owned());
    }
    Ok(text)
}

/// Whether standard output wants colours: <https://no-color.org>.
pub(crate) fn is_coloured() -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !is_refused
}

/// A message as it is shown: the notes' bold on blue.
pub(crate) fn paint(text: &str, is_coloured: bool) -> String {
    let text = printable(text);
    if is_coloured {
        format!("\x1b[1;44m{text}\x1b[0m")
    } else {
        text
    }
}

/// The next typed line that is not empty. `None`: the end of the input, or `quit`. Parks.
pub(crate) fn read_line() -> io::Result<Option<String>> {
    let mut stdin = io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let limit = DATAGRAM_BYTES_MAX as u64 + 1;
        stdin.by_ref().take(limit).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") && line.len() > DATAGRAM_BYTES_MAX {
            stdin.skip_until(b'\n')?;
            eprintln!("error: too long: a line has at most {DATAGRAM_BYTES_MAX} bytes");
            continue;
        }
        match str::from_utf8(&line).map(str::trim) {
            Ok("quit") => return Ok(None),
            Ok("") => {}
            Ok(line) => return Ok(Some(line.to_owned())),
            Err(_) => eprintln!("error: not UTF-8"),
        }
    }
}

/// What is to be said of a typed line. `@NAME TEXT` says it to NAME from now on; `@NAME` alone says nothing yet.
pub(crate) fn addressed<'a>(line: &'a str, partner: &mut String) -> Option<&'a str> {
    let Some(rest) = line.strip_prefix('@') else {
        return Some(line);
    };
    let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
    name.clone_into(partner);
    Some(text.trim()).filter(|text| !text.is_empty())
}
