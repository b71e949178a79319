//! Dates in the one format that HTTP sends: `Sun, 06 Nov 1994 08:49:37 GMT`.

use nix::time::{ClockId, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment as HTTP writes it. Moments before 1970 count as its begin. Never parks.
///
/// # Examples
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// let at = UNIX_EPOCH + Duration::from_secs(784_111_777);
/// assert_eq!(greenroom_servers::http::format_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
#[must_use]
pub fn format_date(at: SystemTime) -> String {
    format_seconds(unix_seconds(at))
}

/// The time of the kernel's last tick: at most 10 ms ago, and read at a fraction of the cost.
pub(super) fn coarse_seconds() -> u64 {
    match clock_gettime(ClockId::CLOCK_REALTIME_COARSE) {
        Ok(now) => u64::try_from(now.tv_sec()).unwrap_or(0),
        Err(_) => unix_seconds(SystemTime::now()),
    }
}

pub(super) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Year, month 1–12 and day 1–31 of a day since 1970: Hinnant's `civil_from_days`, for days not before.
pub(super) fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

pub(super) fn month_name(month: u64) -> &'static str {
    let index = usize::try_from(month - 1).unwrap_or(0);
    MONTHS[index % 12]
}

pub(super) fn format_seconds(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or(0)];
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let month = month_name(month);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::{coarse_seconds, format_seconds, unix_seconds};
    use std::time::SystemTime;

    #[test]
    fn date_of_known_moments_is_right() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        ] {
            assert_eq!(format_seconds(seconds), expected);
        }
    }

    #[test]
    fn coarse_time_is_within_a_second_of_the_exact_one() {
        let exact = unix_seconds(SystemTime::now());
        assert!(coarse_seconds().abs_diff(exact) <= 1);
    }
}
