//! Numbers of things: at least one, and not more than makes sense.

use std::num::NonZero;

/// The most clients, names or commands at one time: no machine has room for more, such a number is a slip.
pub(crate) const MOST: usize = 1_000_000_000;

/// The most green threads that are started in advance: each has a stack.
pub(crate) const POOL_MOST: usize = 100_000;

/// As clap's value parser.
pub(crate) fn count<const MAX: usize>(text: &str) -> Result<NonZero<usize>, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number: &NonZero<usize>| number.get() <= MAX);
    number.ok_or_else(|| format!("give a number from 1 to {MAX}"))
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_are_from_one_to_the_most() {
        for (text, number) in [("1", 1), ("007", 7), ("255", 255)] {
            assert_eq!(count::<255>(text).map(|count| count.get()), Ok(number));
        }
        let complaint = Err("give a number from 1 to 255".to_owned());
        for bad in [
            "",
            "0",
            "-1",
            "256",
            "1.5",
            "many",
            "99999999999999999999999",
        ] {
            assert_eq!(count::<255>(bad), complaint, "{bad}");
        }
    }
}
