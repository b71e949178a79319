//! How long random tests go on.

/// So many cases, unless `GREENROOM_FUZZ_CASES` asks for more. The usual number should take a few seconds in a debug
/// build.
pub(crate) fn cases(usual: u32) -> u32 {
    let asked = std::env::var("GREENROOM_FUZZ_CASES");
    asked.map_or(usual, |text| text.parse().unwrap())
}
