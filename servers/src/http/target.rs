//! Request targets: their forms, and the one place where a path is decoded.
//!
//! A path is decoded once, to UTF-8. Refused with 400: escapes that are none, NUL, bytes that are no
//! UTF-8, and `%2F`: after decoding nobody could tell it from the slash between two names. Dots are left
//! alone: `/a/../b` is a path like others to the router, and it is whoever maps paths to files who has to
//! keep within his root.

use super::framing::check_host;
use super::refusal::Refusal;
use std::borrow::Cow;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'c> {
    /// Decoded, begins with a slash; `*` for the server as a whole.
    pub(super) path: Cow<'c, str>,
    /// What follows the first question mark, as it was sent.
    pub(super) query: Option<&'c str>,
    /// Of the absolute form, which overrides the field.
    pub(super) host: Option<&'c str>,
}

/// Takes a target apart.
pub(super) fn parse<'c>(method: &str, raw: &'c str) -> Result<Target<'c>, Refusal> {
    if method == "CONNECT" {
        return Err(Refusal::new(501, "CONNECT is for proxies"));
    }
    if raw == "*" && method == "OPTIONS" {
        return Ok(Target {
            path: Cow::Borrowed("*"),
            query: None,
            host: None,
        });
    }
    let (host, rest) = match raw.starts_with('/') {
        true => (None, raw),
        false => absolute(raw)?,
    };
    // One pass over what is a plain path nearly always.
    let is_special = |byte: u8| matches!(byte, b'?' | b'#' | b'%');
    if host.is_none() && !rest.bytes().any(is_special) {
        return Ok(Target {
            path: Cow::Borrowed(rest),
            query: None,
            host,
        });
    }
    if rest.contains('#') {
        return Err(Refusal::bad("fragment in the target"));
    }
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let path = if path.is_empty() { "/" } else { path };
    Ok(Target {
        path: decode(path)?,
        query,
        host,
    })
}

/// `http://host/path` as host and the rest.
fn absolute(raw: &str) -> Result<(Option<&str>, &str), Refusal> {
    const BAD: Refusal = Refusal::bad("malformed target");
    let (scheme, rest) = raw.split_once("://").ok_or(BAD)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(BAD);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    if host.is_empty() {
        return Err(BAD);
    }
    check_host(host.as_bytes())?;
    Ok((Some(host), rest))
}

/// Undoes percent-encoding, once.
fn decode(path: &str) -> Result<Cow<'_, str>, Refusal> {
    if !path.contains('%') {
        return Ok(Cow::Borrowed(path));
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = rest
            .split_at_checked(2)
            .ok_or(Refusal::bad("malformed escape"))?;
        match escaped(digits).ok_or(Refusal::bad("malformed escape"))? {
            0 => return Err(Refusal::bad("NUL in the path")),
            b'/' => return Err(Refusal::bad("encoded slash in the path")),
            byte => bytes.push(byte),
        }
        rest = tail;
    }
    let path = String::from_utf8(bytes).map_err(|_| Refusal::bad("path is not UTF-8"))?;
    Ok(Cow::Owned(path))
}

fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(digits[at]).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> Result<String, u16> {
        let target = parse("GET", raw).map_err(|refusal| refusal.status)?;
        Ok(target.path.into_owned())
    }

    #[test]
    fn path_is_decoded_once_or_refused() {
        for (raw, expected) in [
            ("/", Ok("/")),
            ("/a%20b", Ok("/a b")),
            ("/%c3%A4", Ok("/ä")),
            ("/%2541", Ok("/%41")),
            ("/%2e%2e/x", Ok("/../x")),
            ("/a?b=%zz", Ok("/a")),
            ("http://h/x?y", Ok("/x")),
            ("http://h?y", Ok("/")),
            ("HTTPS://h:80", Ok("/")),
            ("/a%", Err(400)),
            ("/a%4", Err(400)),
            ("/a%4g", Err(400)),
            ("/a%+4", Err(400)),
            ("/%00", Err(400)),
            ("/%2f", Err(400)),
            ("/%ff", Err(400)),
            ("/a#b", Err(400)),
            ("*", Err(400)),
            ("a/b", Err(400)),
            ("ftp://h/", Err(400)),
            ("http:///x", Err(400)),
            ("http://u@h/x", Err(400)),
        ] {
            assert_eq!(path(raw), expected.map(str::to_owned), "{raw}");
        }
    }
}
