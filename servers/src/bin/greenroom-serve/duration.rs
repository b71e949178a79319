//! Durations as people write them: `500ms`, `30s`, `2m`, `1h`; `0` for none.

use std::time::Duration;

/// What an option of time says; `None`: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

/// As clap's value parser.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    if text == "0" {
        return Ok(Limit(None));
    }
    let complaint =
        || "give a number and a unit, as in 500ms, 30s, 2m, 1h; or 0 for no limit".to_owned();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| complaint())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(complaint()),
    };
    let millis = number.checked_mul(millis).ok_or_else(complaint)?;
    Ok(Limit((millis > 0).then(|| Duration::from_millis(millis))))
}

#[cfg(test)]
mod tests {
    use super::{Limit, limit};
    use std::time::Duration;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(limit(text), Ok(Limit(Some(Duration::from_millis(millis)))));
        }
        assert_eq!(
            (limit("0"), limit("0s")),
            (Ok(Limit(None)), Ok(Limit(None)))
        );
        for bad in [
            "",
            "s",
            "30",
            "-1s",
            "1.5s",
            "1d",
            "1 s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }
}
