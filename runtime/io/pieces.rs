//! The front of a vectored write, cut at a number of bytes and not at the borders of its buffers.
//!
//! What a pipe takes whole must reach it in one call: two calls for two buffers would let another writer
//! come between them, which writev(2) rules out. Called by `descriptor` and `stdio`.

use std::io::IoSlice;

/// As many bytes of `bufs` as there are, at most `bytes_max`.
pub(super) fn front<'a>(bufs: &'a [IoSlice<'_>], bytes_max: usize) -> Vec<IoSlice<'a>> {
    let mut left = bytes_max;
    let mut piece = Vec::new();
    for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
        if left == 0 {
            break;
        }
        let part = &buf[..buf.len().min(left)];
        left -= part.len();
        piece.push(IoSlice::new(part));
    }
    piece
}

/// How many bytes there are.
pub(super) fn len(bufs: &[IoSlice<'_>]) -> usize {
    bufs.iter()
        .fold(0, |sum, buf| sum.saturating_add(buf.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_is_cut_at_bytes_and_skips_what_is_empty() {
        let bufs = [&b"ab"[..], b"", b"cdef", b"g"].map(IoSlice::new);
        for (bytes_max, expected) in [(0, vec![]), (2, vec!["ab"]), (4, vec!["ab", "cd"])] {
            let piece = front(&bufs, bytes_max);
            let texts: Vec<_> = piece
                .iter()
                .map(|buf| std::str::from_utf8(buf).unwrap())
                .collect();
            assert_eq!(texts, expected);
        }
        assert_eq!(len(&front(&bufs, usize::MAX)), 7);
    }
}
