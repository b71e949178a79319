//! Seconds since 1970 as a date, for listings and MDTM. Pure; always UTC, without leap seconds.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_SECONDS: i64 = 86_400;
/// How old a file may be for LIST to show the time of its day rather than its year: half a year, as `ls` does.
const RECENT_SECONDS: i64 = 182 * DAY_SECONDS;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
}

fn seconds(time: SystemTime) -> i64 {
    let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX / 2);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since.as_secs()),
        // A part of a second before 1970 is in the second before.
        Err(error) => {
            let before = error.duration();
            -whole(before.as_secs()) - i64::from(before.subsec_nanos() > 0)
        }
    }
}

fn date(seconds: i64) -> Date {
    // Years that begin in March end with the day that not all of them have. 719_468 days lie between
    // the first of March of the year 0 and 1970; 146_097 days are 400 years.
    let days = seconds.div_euclid(DAY_SECONDS) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = match month_from_march {
        0..=9 => month_from_march + 3,
        _ => month_from_march - 9,
    };
    Date {
        year: era * 400 + year_of_era + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        second_of_day: seconds.rem_euclid(DAY_SECONDS),
    }
}

/// `YYYYMMDDHHMMSS`: RFC 3659's.
pub(crate) fn stamp(time: SystemTime) -> String {
    let date = date(seconds(time));
    let (hour, minute, second) = date.clock();
    let Date {
        year, month, day, ..
    } = date;
    // Four digits are all that the form has.
    let year = year.clamp(0, 9999);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

/// `Nov 21 17:05` or `Nov 21  2024`: that of `ls -l`.
pub(crate) fn list_date(time: SystemTime, now: SystemTime) -> String {
    let (then, now) = (seconds(time), seconds(now));
    let date = date(then);
    let (hour, minute, _) = date.clock();
    let month = usize::try_from(date.month - 1).unwrap_or(0);
    let (month, day) = (MONTHS[month], date.day);
    match (now - RECENT_SECONDS..=now + DAY_SECONDS).contains(&then) {
        true => format!("{month} {day:2} {hour:02}:{minute:02}"),
        false => format!("{month} {day:2} {:5}", date.year.clamp(0, 9999)),
    }
}

impl Date {
    fn clock(self) -> (i64, i64, i64) {
        let second = self.second_of_day;
        (second / 3600, second / 60 % 60, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn stamps_are_those_of_date() {
        for (seconds, stamped) in [
            (0, "19700101000000"),
            (951_782_399, "20000228235959"),
            (951_782_400, "20000229000000"),
            (951_868_800, "20000301000000"),
            (4_107_542_399, "21000228235959"),
            (4_107_542_400, "21000301000000"),
            (1_795_301_156, "20261121224556"),
        ] {
            assert_eq!(stamp(at(seconds)), stamped);
        }
        assert_eq!(
            stamp(UNIX_EPOCH - Duration::from_millis(1)),
            "19691231235959"
        );
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut before = date(0);
        for number in 1..146_097 {
            let next = date(number * DAY_SECONDS);
            let is_new_month = next.day == 1 && (28..=31).contains(&before.day);
            assert!(is_new_month || (next.day, next.month) == (before.day + 1, before.month));
            before = next;
        }
        assert_eq!((before.year, before.month, before.day), (2369, 12, 31));
    }

    #[test]
    fn lists_show_the_time_or_the_year() {
        let now = at(1_795_301_156);
        assert_eq!(list_date(now, now), "Nov 21 22:45");
        assert_eq!(list_date(at(951_868_800), now), "Mar  1  2000");
        assert_eq!(
            list_date(now + Duration::from_secs(172_800), now),
            "Nov 23  2026"
        );
    }
}
