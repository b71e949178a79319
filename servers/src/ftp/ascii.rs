//! TYPE A: line ends on their way to and from the network.
//!
//! Pure. Out: every LF becomes CR LF. In: every CR LF becomes LF, and a lone CR stays. What was sent out and
//! comes back in is what it was, whatever it is: files that have CR LF themselves too.

/// Writes `bytes` to `out` as the network wants them.
pub(crate) fn to_network(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if byte == b'\n' {
            out.push(b'\r');
        }
        out.push(byte);
    }
}

/// The way in; remembers a CR at the end of a piece.
#[derive(Debug, Default)]
pub(crate) struct FromNetwork {
    has_return: bool,
}

impl FromNetwork {
    /// Writes `bytes` to `out` as files have them.
    pub(crate) fn convert(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            if self.has_return && byte != b'\n' {
                out.push(b'\r');
            }
            self.has_return = byte == b'\r';
            if !self.has_return {
                out.push(byte);
            }
        }
    }

    /// The CR that nothing followed.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.has_return) {
            out.push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces(bytes: &[u8], size: usize) -> Vec<u8> {
        let (mut way, mut out) = (FromNetwork::default(), Vec::new());
        bytes
            .chunks(size)
            .for_each(|piece| way.convert(piece, &mut out));
        way.finish(&mut out);
        out
    }

    #[test]
    fn what_goes_out_and_comes_in_is_unchanged() {
        let letters = b"a\r\n";
        // Every text of up to six of them.
        for number in 0..3_usize.pow(6) {
            let text: Vec<u8> = (0..6)
                .map(|place| letters[number / 3_usize.pow(place) % 3])
                .collect();
            for length in 0..=6 {
                let mut network = Vec::new();
                to_network(&text[..length], &mut network);
                for size in 1..=3 {
                    assert_eq!(in_pieces(&network, size), &text[..length]);
                }
            }
        }
    }

    #[test]
    fn line_ends_are_converted_one_by_one() {
        let mut network = Vec::new();
        to_network(b"a\nb\r\n\n", &mut network);
        assert_eq!(network, b"a\r\nb\r\r\n\r\n");
        assert_eq!(in_pieces(b"a\r\nb\rc\nd\r", 1), b"a\nb\rc\nd\r");
    }
}
