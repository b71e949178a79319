//! What may be a name, a room, a message.

use crate::printable::is_harmless;

/// A name is to be typed.
pub(super) const NAME_CHARS_MAX: usize = 24;

/// The name, if it may be one: of a person or a room.
pub(super) fn name(name: &str) -> Result<&str, String> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(is_fit) {
        return Err(format!(
            "bad name: it has 1 to {NAME_CHARS_MAX} of a-z A-Z 0-9 - _"
        ));
    }
    Ok(name)
}

/// The message, if it may be one.
pub(super) fn text(bytes: &[u8]) -> Result<&str, String> {
    let text = str::from_utf8(bytes).map_err(|_| "not UTF-8")?;
    if !text.chars().all(is_harmless) {
        return Err("control characters are not allowed".to_owned());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{name, text};

    #[test]
    fn names_are_what_can_be_typed_and_told_apart() {
        for good in ["a", "Ada-1_2", "abcdefghijklmnopqrstuvwx"] {
            assert_eq!(name(good), Ok(good));
        }
        let bad = [
            "",
            "a b",
            "a:",
            "*",
            "/me",
            "é",
            "а",
            "abcdefghijklmnopqrstuvwxy",
            "a\n",
        ];
        for bad in bad {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn texts_hold_nothing_that_a_terminal_obeys() {
        assert_eq!(text("grüß 世界 👋".as_bytes()), Ok("grüß 世界 👋"));
        for bad in [
            "\x1b[2J", "a\rb", "a\tb", "\u{9b}2J", "\u{202e}", "\u{2028}", "\0",
        ] {
            assert!(text(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(text(b"\xff").is_err());
    }
}
