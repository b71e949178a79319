//! What the server answers: a code of three digits and a text, in one line or several.
//!
//! No text can forge a line: control characters in it become question marks.

use super::lines::INTERPRET_AS_COMMAND;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// In the last line, or the only one.
    pub(crate) text: Vec<u8>,
    /// The lines before it.
    before: Vec<Vec<u8>>,
}

impl Reply {
    pub(crate) fn new(code: u16, text: impl Into<Vec<u8>>) -> Reply {
        Reply {
            code,
            text: text.into(),
            before: Vec::new(),
        }
    }

    /// An answer of several lines; `first` and `text` frame `between`.
    pub(crate) fn lines(
        code: u16,
        first: &str,
        between: impl IntoIterator<Item = Vec<u8>>,
        text: &str,
    ) -> Reply {
        let mut before = vec![first.as_bytes().to_vec()];
        // The blank says that no digits at the start of a line can be those of the last one.
        let indented = |line: Vec<u8>| [b" ", &line[..]].concat();
        before.extend(between.into_iter().map(indented));
        Reply {
            before,
            ..Reply::new(code, text)
        }
    }

    /// Whether it says that something was not done.
    pub(crate) fn is_refusal(&self) -> bool {
        self.code >= 400
    }

    /// As it is sent.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (line, number) in self.before.iter().zip(0..) {
            if number == 0 {
                bytes.extend(format!("{}-", self.code).into_bytes());
            }
            push_line(&mut bytes, line);
        }
        bytes.extend(format!("{} ", self.code).into_bytes());
        push_line(&mut bytes, &self.text);
        bytes
    }
}

fn push_line(bytes: &mut Vec<u8>, line: &[u8]) {
    for byte in line.iter().copied().map(harmless) {
        bytes.push(byte);
        // Telnet's escape, in a name that is not UTF-8: twice, or the client takes it for a command.
        if byte == INTERPRET_AS_COMMAND {
            bytes.push(byte);
        }
    }
    bytes.extend(b"\r\n");
}

/// The byte, or a question mark in place of a control character. Bytes of names that are not UTF-8 stay.
pub(crate) fn harmless(byte: u8) -> u8 {
    match byte.is_ascii_control() {
        true => b'?',
        false => byte,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_have_one_line_or_a_frame() {
        assert_eq!(Reply::new(200, "OK").encode(), b"200 OK\r\n");
        let many = Reply::lines(
            211,
            "Features:",
            [b"SIZE".to_vec(), b"211 x".to_vec()],
            "End",
        );
        assert_eq!(
            many.encode(),
            b"211-Features:\r\n SIZE\r\n 211 x\r\n211 End\r\n"
        );
    }

    #[test]
    fn control_characters_in_a_text_forge_no_line() {
        let reply = Reply::new(550, &b"a\r\n226 done\0\xff\xc3\xa9"[..]);
        assert_eq!(reply.encode(), b"550 a??226 done?\xff\xff\xc3\xa9\r\n");
    }
}
