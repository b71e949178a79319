//! The header fields of a request, as they lie in the connection's buffer.

use std::fmt;

/// The header fields of a request, in order. Names are compared without regard to case; values have no
/// blanks around them, and no control characters but tabs inside.
///
/// # Examples
/// ```
/// use greenroom_servers::http::{Response, Router};
/// let router = Router::new().get("/", |request| {
///     let agent = request.headers().get("User-Agent").unwrap_or("somebody");
///     Response::text(format!("hello, {agent}"))
/// });
/// # drop(router);
/// ```
#[derive(Clone, Copy)]
pub struct Headers<'c> {
    slots: &'c [httparse::Header<'c>],
}

impl<'c> Headers<'c> {
    pub(super) fn new(slots: &'c [httparse::Header<'c>]) -> Headers<'c> {
        Headers { slots }
    }

    /// The first value of that name, if it is UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'c str> {
        self.get_bytes(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The first value of that name.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&'c [u8]> {
        self.get_all(name).next()
    }

    /// All values of that name, in order.
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'c [u8]> + use<'c, 'n> {
        self.iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether a field that is a list (`Connection`, `Upgrade`, …) has this token, in any case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name).any(|value| has_token(value, token))
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'c str, &'c [u8])> + use<'c> {
        self.slots.iter().map(|slot| (slot.name, slot.value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// Whether a comma-separated list has a token.
pub(super) fn has_token(list: &[u8], token: &str) -> bool {
    tokens(list).any(|each| each.eq_ignore_ascii_case(token.as_bytes()))
}

/// The elements of a comma-separated list; empty ones count for nothing.
pub(super) fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |(name, value)| (name, String::from_utf8_lossy(value).into_owned());
        f.debug_map().entries(self.iter().map(text)).finish()
    }
}
