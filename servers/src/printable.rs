//! Text of strangers, made fit for a log and a terminal.

/// Whether a terminal only draws it. Escape sequences begin with a control character; the others reverse the
/// direction of what follows, are invisible, or break the line.
///
/// # Examples
/// ```
/// use greenroom_servers::printable::is_harmless;
/// assert!("añ字 ".chars().all(is_harmless));
/// assert!(!"\n\u{1b}\u{9b}\u{202e}\u{200b}".chars().any(is_harmless));
/// ```
pub fn is_harmless(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    !c.is_control() && !is_format
}

/// The text with everything else escaped: one line, whatever it was.
///
/// # Examples
/// ```
/// assert_eq!(greenroom_servers::printable::printable("a\n\u{1b}[2J"), r"a\n\u{1b}[2J");
/// ```
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_harmless(c) {
            true => shown.push(c),
            false => shown.extend(c.escape_default()),
        }
    }
    shown
}
