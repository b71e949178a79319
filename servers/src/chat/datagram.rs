//! What a datagram of the UDP chat asks for.
//!
//! One request in one datagram, UTF-8, a line end allowed. What a server sends begins with `ok`, `error`, `from`
//! or `all`, and is never answered: two servers that answer each other's errors would not end.

use super::rules;

/// The notes' buffer.
pub(super) const DATAGRAM_BYTES_MAX: usize = 1024;
/// What is passed on has a name in front, and fits into a datagram all the same.
const TEXT_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - "from : ".len() - rules::NAME_CHARS_MAX;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request<'a> {
    Register(&'a str),
    To { name: &'a str, text: &'a str },
    Broadcast(&'a str),
    List,
    Bye,
}

/// Why a datagram is not obeyed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its sender is told.
    Answer(String),
    /// Nobody is told, and it is counted.
    Ignore,
}

impl From<String> for Refusal {
    fn from(why: String) -> Refusal {
        Refusal::Answer(why)
    }
}

/// Understands a datagram.
pub(super) fn parse(datagram: &[u8]) -> Result<Request<'_>, Refusal> {
    if datagram.trim_ascii().is_empty() || is_answer(datagram) {
        return Err(Refusal::Ignore);
    }
    if datagram.len() > DATAGRAM_BYTES_MAX {
        let why = format!("too long: a datagram has at most {DATAGRAM_BYTES_MAX} bytes");
        return Err(why.into());
    }
    // `nc` sends it.
    let line = datagram.strip_suffix(b"\n").unwrap_or(datagram);
    let line = rules::text(line.strip_suffix(b"\r").unwrap_or(line))?;
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match (word, rest.trim()) {
        ("register", name) => Ok(Request::Register(rules::name(name)?)),
        ("to", rest) => {
            let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let name = rules::name(name)?;
            let text = said(text)?;
            Ok(Request::To { name, text })
        }
        ("broadcast", text) => Ok(Request::Broadcast(said(text)?)),
        ("list", "") => Ok(Request::List),
        ("bye", "") => Ok(Request::Bye),
        _ => {
            let all = "register NAME, to NAME TEXT, broadcast TEXT, list, bye";
            Err(format!("not understood: {all}").into())
        }
    }
}

fn said(text: &str) -> Result<&str, Refusal> {
    match text.trim() {
        "" => Err("empty message".to_owned().into()),
        text if text.len() > TEXT_BYTES_MAX => {
            let why = format!("too long: a message has at most {TEXT_BYTES_MAX} bytes");
            Err(why.into())
        }
        text => Ok(text),
    }
}

/// Whether it is what only a server sends.
fn is_answer(datagram: &[u8]) -> bool {
    let word = datagram.split(|byte| b" \r\n".contains(byte)).next();
    let words: [&[u8]; 4] = [b"ok", b"error", b"from", b"all"];
    word.is_some_and(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Request, parse};

    #[test]
    fn datagrams_are_understood() {
        for (datagram, wanted) in [
            ("register ada\n", Request::Register("ada")),
            (
                "to bob  hi there \r\n",
                Request::To {
                    name: "bob",
                    text: "hi there",
                },
            ),
            ("broadcast hi", Request::Broadcast("hi")),
            ("list", Request::List),
            ("bye\n", Request::Bye),
        ] {
            assert_eq!(parse(datagram.as_bytes()), Ok(wanted));
        }
    }

    #[test]
    fn answers_and_nothing_are_ignored() {
        for datagram in [
            "",
            "\n",
            "  ",
            "ok",
            "ok\n",
            "error x",
            "from ada: x",
            "all ada: x",
        ] {
            assert_eq!(
                parse(datagram.as_bytes()),
                Err(Refusal::Ignore),
                "{datagram:?}"
            );
        }
        assert!(matches!(parse(b"okay"), Err(Refusal::Answer(_))));
    }
}
