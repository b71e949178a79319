//! Conditional requests: `If-*`, in the order of RFC 9110, section 13.2.2.
//!
//! | step | field | if it does not hold |
//! |---|---|---|
//! | 1 | `If-Match` | 412 |
//! | 2 | `If-Unmodified-Since`, without 1 | 412 |
//! | 3 | `If-None-Match` | 304 |
//! | 4 | `If-Modified-Since`, without 3 | 304 |
//! | 5 | `If-Range` | the `Range` counts for nothing |
//!
//! Dates that are none are ignored.

use super::headers::{Headers, tokens};
use crate::root::Facts;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What identifies a version of a file.
#[derive(Clone, Debug)]
pub(super) struct Validators {
    /// Strong: a hash of inode, time of change to the nanosecond, and size. Quoted.
    pub(super) tag: String,
    pub(super) modified: SystemTime,
}

/// What the fields ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The answer that there would be without them.
    Proceed {
        /// The `Range` field, if any, holds for this version.
        ranges: bool,
    },
    NotModified,
    Failed,
}

impl Validators {
    pub(super) fn of(facts: &Facts) -> Validators {
        let since = facts.modified.duration_since(UNIX_EPOCH);
        let nanos = since.map_or(0, |since| since.as_nanos());
        // The kernel's clock of files may tick every 4 ms only: of two versions that were renamed into place
        // within one tick the inode alone tells that they differ, and a tag that is not strong would let
        // clients put halves of both together. Hashed, because numbers of inodes help to forge NFS handles.
        // Not by a key of this process: a tag outlives a restart. It need not outlive a new compiler, which
        // may change the hasher.
        let mut hasher = DefaultHasher::new();
        (facts.inode, nanos, facts.len).hash(&mut hasher);
        Validators {
            tag: format!("\"{:016x}\"", hasher.finish()),
            modified: facts.modified,
        }
    }

    /// Judges a GET or HEAD.
    pub(super) fn judge(&self, headers: &Headers<'_>) -> Verdict {
        let date = |name| headers.get(name).and_then(parse_date);
        if headers.get_bytes("if-match").is_some() {
            if !self.is_listed(headers, "if-match", |tag| tag == self.tag.as_bytes()) {
                return Verdict::Failed;
            }
        } else if date("if-unmodified-since").is_some_and(|since| self.seconds() > since) {
            return Verdict::Failed;
        }
        if headers.get_bytes("if-none-match").is_some() {
            let weakly = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag) == self.tag.as_bytes();
            if self.is_listed(headers, "if-none-match", weakly) {
                return Verdict::NotModified;
            }
        } else if date("if-modified-since").is_some_and(|since| self.seconds() <= since) {
            return Verdict::NotModified;
        }
        let mut versions = headers.get_all("if-range");
        Verdict::Proceed {
            ranges: versions.all(|value| self.is_this_version(value)),
        }
    }

    fn is_listed(&self, headers: &Headers<'_>, name: &str, is: impl Fn(&[u8]) -> bool) -> bool {
        headers
            .get_all(name)
            .any(|list| list.trim_ascii() == b"*" || tokens(list).any(&is))
    }

    /// `If-Range`: a tag, or a date. A date says which version only if there was a second in which to
    /// write no other one.
    fn is_this_version(&self, value: &[u8]) -> bool {
        let Ok(value) = std::str::from_utf8(value) else {
            return false;
        };
        if value.starts_with('"') {
            return value == self.tag;
        }
        let is_settled = self
            .modified
            .elapsed()
            .is_ok_and(|age| age >= Duration::from_secs(1));
        is_settled && parse_date(value) == Some(self.seconds())
    }

    /// As `Last-Modified` tells it.
    fn seconds(&self) -> u64 {
        let since = self.modified.duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }
}

/// Any of the three formats of RFC 9110, section 5.6.7.
fn parse_date(text: &str) -> Option<u64> {
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

    fn judge(fields: &[(&str, &str)]) -> Verdict {
        let slots: Vec<_> = fields
            .iter()
            .map(|(name, value)| httparse::Header {
                name,
                value: value.as_bytes(),
            })
            .collect();
        validators().judge(&Headers::new(&slots))
    }

    fn validators() -> Validators {
        Validators {
            tag: String::from("\"a\""),
            modified: UNIX_EPOCH + Duration::from_millis(784_111_777_500),
        }
    }

    #[test]
    fn tag_that_is_no_text_is_of_another_version() {
        let slots = [httparse::Header {
            name: "if-range",
            value: b"\"\xff\"",
        }];
        let verdict = validators().judge(&Headers::new(&slots));
        assert_eq!(verdict, Verdict::Proceed { ranges: false });
    }

    #[test]
    fn fields_are_judged_in_the_order_of_the_rfc() {
        let (whole, part) = (
            Verdict::Proceed { ranges: false },
            Verdict::Proceed { ranges: true },
        );
        for (fields, expected) in [
            (&[][..], part),
            (&[("if-match", "\"a\"")], part),
            (&[("if-match", "\"b\", \"a\"")], part),
            (&[("if-match", "*")], part),
            (&[("if-match", "\"b\"")], Verdict::Failed),
            (&[("if-match", "W/\"a\"")], Verdict::Failed),
            (&[("if-unmodified-since", DATE)], part),
            (&[("if-unmodified-since", AFTER)], part),
            (&[("if-unmodified-since", BEFORE)], Verdict::Failed),
            (&[("if-unmodified-since", "yesterday")], part),
            (
                &[("if-match", "\"a\""), ("if-unmodified-since", BEFORE)],
                part,
            ),
            (&[("if-none-match", "\"a\"")], Verdict::NotModified),
            (&[("if-none-match", "W/\"a\"")], Verdict::NotModified),
            (&[("if-none-match", "\"b\" , \"a\"")], Verdict::NotModified),
            (&[("if-none-match", "*")], Verdict::NotModified),
            (&[("if-none-match", "\"b\"")], part),
            (
                &[("if-none-match", "\"b\""), ("if-modified-since", DATE)],
                part,
            ),
            (&[("if-modified-since", DATE)], Verdict::NotModified),
            (&[("if-modified-since", AFTER)], Verdict::NotModified),
            (&[("if-modified-since", BEFORE)], part),
            (
                &[("if-match", "\"b\""), ("if-none-match", "\"a\"")],
                Verdict::Failed,
            ),
            (
                &[("if-match", "\"a\""), ("if-none-match", "\"a\"")],
                Verdict::NotModified,
            ),
            (&[("if-range", "\"a\"")], part),
            (&[("if-range", "W/\"a\"")], whole),
            (&[("if-range", "\"b\"")], whole),
            (&[("if-range", "\"a\""), ("if-range", "\"b\"")], whole),
            (&[("if-range", DATE)], part),
            (&[("if-range", AFTER)], whole),
            (&[("if-range", BEFORE)], whole),
        ] {
            assert_eq!(judge(fields), expected, "{fields:?}");
        }
    }
}
