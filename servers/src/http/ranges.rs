//! The `Range` field, judged: RFC 9110, section 14.
//!
//! Pure. Several ranges get the whole file, as the RFC allows: nobody can make a short request cause many
//! copies of the same bytes, and clients that resume or seek ask for one.

use std::str::FromStr;

/// What part of a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it: there is no range, or none that means something.
    Whole,
    /// From a byte on, so many.
    Range { offset: u64, length: u64 },
    /// One that the file does not have.
    Unsatisfiable,
}

/// Judges the fields of that name for a file of `len` bytes: two are as good as none.
pub(super) fn part_of<'c>(mut fields: impl Iterator<Item = &'c [u8]>, len: u64) -> Part {
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Part::Whole;
    };
    let field = std::str::from_utf8(field).ok();
    field
        .and_then(|field| parse(field, len))
        .unwrap_or(Part::Whole)
}

/// None for what is malformed, and so to be ignored.
fn parse(field: &str, len: u64) -> Option<Part> {
    let (unit, set) = field.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    if first.is_empty() {
        let wanted = number(last)?.min(len);
        return Some(match (wanted, len) {
            (_, 0) if number(last)? > 0 => Part::Whole,
            (0, _) => Part::Unsatisfiable,
            _ => Part::Range {
                offset: len - wanted,
                length: wanted,
            },
        });
    }
    let offset = number(first)?;
    let last = match last.is_empty() {
        true => u64::MAX,
        false => number(last)?,
    };
    if last < offset {
        return None;
    }
    if offset >= len {
        return Some(Part::Unsatisfiable);
    }
    let length = last.min(len - 1) - offset + 1;
    Some(Part::Range { offset, length })
}

/// Digits only; what does not fit is beyond every file.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| u64::from_str(text).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter;

    fn one(field: &str) -> impl Iterator<Item = &[u8]> {
        iter::once(field.as_bytes())
    }

    #[test]
    fn range_is_judged_as_the_rfc_says() {
        let range = |offset, length| Part::Range { offset, length };
        for (field, len, expected) in [
            ("bytes=0-0", 10, range(0, 1)),
            ("bytes=0-9", 10, range(0, 10)),
            ("bytes=0-99", 10, range(0, 10)),
            ("bytes=3-", 10, range(3, 7)),
            ("bytes=-3", 10, range(7, 3)),
            ("bytes=-99", 10, range(0, 10)),
            ("BYTES=1-2", 10, range(1, 2)),
            ("bytes= 1-2 ", 10, range(1, 2)),
            ("bytes=9-", 10, range(9, 1)),
            ("bytes=0-18446744073709551616", 10, range(0, 10)),
            ("bytes=10-", 10, Part::Unsatisfiable),
            ("bytes=10-12", 10, Part::Unsatisfiable),
            ("bytes=-0", 10, Part::Unsatisfiable),
            ("bytes=99999999999999999999-", 10, Part::Unsatisfiable),
            ("bytes=0-", 0, Part::Unsatisfiable),
            ("bytes=-1", 0, Part::Whole),
            ("bytes=2-1", 10, Part::Whole),
            ("bytes=", 10, Part::Whole),
            ("bytes=-", 10, Part::Whole),
            ("bytes=a-b", 10, Part::Whole),
            ("bytes=+1-2", 10, Part::Whole),
            ("bytes=1 - 2", 10, Part::Whole),
            ("bytes=--1", 10, Part::Whole),
            ("bytes=0-1,3-4", 10, Part::Whole),
            ("lines=0-1", 10, Part::Whole),
            ("bytes", 10, Part::Whole),
            ("", 10, Part::Whole),
        ] {
            assert_eq!(part_of(one(field), len), expected, "{field} of {len}");
        }
        assert_eq!(part_of(iter::empty(), 10), Part::Whole);
        assert_eq!(
            part_of(one("bytes=0-0").chain(one("bytes=0-0")), 10),
            Part::Whole
        );
        assert_eq!(part_of(iter::once(&b"bytes=0-0\xff"[..]), 10), Part::Whole);
        let huge = u64::MAX;
        assert_eq!(part_of(one("bytes=-1"), huge), range(huge - 1, 1));
        assert_eq!(part_of(one("bytes=0-"), huge), range(0, huge));
    }
}
