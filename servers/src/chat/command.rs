//! What a line of a client asks for.

use super::rules;

/// The text of `/help`.
pub(super) const HELP: [&str; 8] = [
    "TEXT             says it to the room; //TEXT says /TEXT",
    "/nick NAME       takes another name",
    "/join ROOM       goes to another room",
    "/rooms           lists the rooms",
    "/who             lists who is in this room",
    "/msg NAME TEXT   says it to NAME only",
    "/help            shows this",
    "/quit            leaves",
];

/// A request, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Say(&'a str),
    Nick(&'a str),
    Join(&'a str),
    Rooms,
    Who,
    Tell { to: &'a str, text: &'a str },
    Help,
    Quit,
}

/// Understands a line. `None`: it says nothing.
pub(super) fn parse(line: &[u8]) -> Result<Option<Command<'_>>, String> {
    let line = rules::text(line)?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    let Some(request) = line.strip_prefix('/') else {
        return Ok(Some(Command::Say(line)));
    };
    if request.starts_with('/') {
        return Ok(Some(Command::Say(request)));
    }
    let (word, rest) = request.split_once(' ').unwrap_or((request, ""));
    let rest = rest.trim();
    let command = match (word, rest) {
        ("nick", name) => Command::Nick(rules::name(name)?),
        ("join", room) => Command::Join(rules::name(room)?),
        ("msg", rest) => {
            let (to, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let (to, text) = (rules::name(to)?, text.trim());
            if text.is_empty() {
                return Err("empty message: /msg NAME TEXT".to_owned());
            }
            Command::Tell { to, text }
        }
        ("rooms", "") => Command::Rooms,
        ("who", "") => Command::Who,
        ("help", "") => Command::Help,
        ("quit", _) => Command::Quit,
        _ => return Err("not understood: /help tells what there is".to_owned()),
    };
    Ok(Some(command))
}

#[cfg(test)]
mod tests {
    use super::{Command, parse};

    #[test]
    fn lines_are_understood_or_refused() {
        let bad = "bad name: it has 1 to 24 of a-z A-Z 0-9 - _";
        let rows = [
            ("", Ok(None)),
            ("  ", Ok(None)),
            ("hi there", Ok(Some(Command::Say("hi there")))),
            ("//shrug", Ok(Some(Command::Say("/shrug")))),
            ("/nick  Ada ", Ok(Some(Command::Nick("Ada")))),
            ("/nick", Err(bad)),
            ("/join a b", Err(bad)),
            (
                "/msg bob  hi there",
                Ok(Some(Command::Tell {
                    to: "bob",
                    text: "hi there",
                })),
            ),
            ("/msg bob", Err("empty message: /msg NAME TEXT")),
            ("/quit bye", Ok(Some(Command::Quit))),
            ("/who me", Err("not understood: /help tells what there is")),
            ("/", Err("not understood: /help tells what there is")),
        ];
        for (line, wanted) in rows {
            assert_eq!(
                parse(line.as_bytes()),
                wanted.map_err(str::to_owned),
                "{line}"
            );
        }
    }
}
