//! What standard input has read ahead: std's `BufReader`, from which an interrupted call takes nothing.
//!
//! A cancel or timeout unwinds out of the middle of `read_line`, when a part of the line has left the
//! buffer already. Here that part goes back to the front, so whoever reads next finds it. Rejected:
//! reading the whole line into the buffer first, which holds a long line twice. Knows nothing of
//! descriptors; `stdin` puts the lock around it.

use std::io::{self, BufRead, IoSliceMut, Read};
use std::mem;

/// As std's buffer: a read of at least this length goes around it.
const CAPACITY_BYTES: usize = 8 * 1024;

/// A buffered `R`.
///
/// ```text
///   bytes:  | taken | read ahead | room |
///           0     start         end    len
/// ```
#[derive(Debug)]
pub(super) struct Input<R> {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    inner: R,
}

impl<R: Read> Input<R> {
    pub(super) fn new(inner: R) -> Input<R> {
        Input {
            bytes: vec![0; CAPACITY_BYTES],
            start: 0,
            end: 0,
            inner,
        }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn ahead(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Makes `returned` what is read next.
    fn put_back(&mut self, returned: &[u8]) {
        if returned.len() > self.start {
            let mut bytes = returned.to_vec();
            bytes.extend_from_slice(self.ahead());
            self.start = 0;
            self.end = bytes.len();
            bytes.resize(self.end.max(CAPACITY_BYTES), 0);
            self.bytes = bytes;
        } else {
            let start = self.start - returned.len();
            self.bytes[start..self.start].copy_from_slice(returned);
            self.start = start;
        }
    }

    /// Runs `body`, which appends what it takes to `to`. If it unwinds, all of that goes back.
    fn take_to<T>(
        &mut self,
        to: &mut Vec<u8>,
        body: impl FnOnce(&mut Input<R>, &mut Vec<u8>) -> T,
    ) -> T {
        let start = to.len();
        let taking = Taking {
            input: self,
            to,
            start,
        };
        let outcome = body(taking.input, taking.to);
        mem::forget(taking);
        outcome
    }
}

/// Bytes on their way out; dropped only by unwinding.
struct Taking<'a, R: Read> {
    input: &'a mut Input<R>,
    to: &'a mut Vec<u8>,
    start: usize,
}

impl<R: Read> Drop for Taking<'_, R> {
    fn drop(&mut self) {
        self.input.put_back(&self.to[self.start..]);
        self.to.truncate(self.start);
    }
}

/// A buffer on its way to being full; dropped only by unwinding.
struct Filling<'a, R: Read> {
    input: &'a mut Input<R>,
    buf: &'a mut [u8],
    filled: usize,
}

impl<R: Read> Filling<'_, R> {
    fn fill(&mut self) -> io::Result<()> {
        while self.filled < self.buf.len() {
            match self.input.read(&mut self.buf[self.filled..]) {
                // An early end, with std's own error.
                Ok(0) => return io::empty().read_exact(&mut [0]),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read> Drop for Filling<'_, R> {
    fn drop(&mut self) {
        self.input.put_back(&self.buf[..self.filled]);
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_empty() && buf.len() >= CAPACITY_BYTES {
            return self.inner.read(buf);
        }
        let count = self.fill_buf()?.read(buf)?;
        self.consume(count);
        Ok(count)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let room = bufs
            .iter()
            .fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        if self.is_empty() && room >= CAPACITY_BYTES {
            return self.inner.read_vectored(bufs);
        }
        let count = self.fill_buf()?.read_vectored(bufs)?;
        self.consume(count);
        Ok(count)
    }

    fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
        if self.ahead().len() >= buf.len() {
            let count = self.ahead().read(buf)?;
            self.consume(count);
            return Ok(());
        }
        let mut filling = Filling {
            input: self,
            buf,
            filled: 0,
        };
        let outcome = filling.fill();
        mem::forget(filling);
        outcome
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.take_to(buf, |input, buf| {
            let ahead = input.ahead().len();
            buf.extend_from_slice(input.ahead());
            input.consume(ahead);
            Ok(ahead + input.inner.read_to_end(buf)?)
        })
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        let mut bytes = Vec::new();
        let outcome = self.read_to_end(&mut bytes);
        // As std's: an error leaves what came before it in a string that was empty, and only there.
        if outcome.is_err() && !buf.is_empty() {
            return outcome;
        }
        let appended = bytes.as_slice().read_to_string(buf);
        outcome.and(appended)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
            if self.bytes.len() > CAPACITY_BYTES {
                self.bytes = vec![0; CAPACITY_BYTES];
            }
            self.end = self.inner.read(&mut self.bytes)?;
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    fn read_until(&mut self, byte: u8, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.take_to(buf, |input, buf| {
            let mut taken = 0;
            loop {
                let mut ahead = match input.fill_buf() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    ahead => ahead?,
                };
                // std's fast search, which ends with the slice.
                let count = ahead.read_until(byte, buf)?;
                input.consume(count);
                taken += count;
                if count == 0 || buf.last() == Some(&byte) {
                    return Ok(taken);
                }
            }
        })
    }

    fn read_line(&mut self, buf: &mut String) -> io::Result<usize> {
        let mut line = Vec::new();
        let outcome = self.read_until(b'\n', &mut line);
        // A slice that ends with the line: what is no UTF-8 is std's own error.
        let appended = line.as_slice().read_line(buf);
        outcome.and(appended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::io::BufReader;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// What the source does at its next read.
    #[derive(Clone, Debug)]
    enum Step {
        Give(Vec<u8>),
        Fail(io::ErrorKind),
        End,
        Unwind,
    }

    #[derive(Clone, Debug)]
    struct Script(VecDeque<Step>);

    impl Read for Script {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            match self.0.pop_front() {
                Some(Step::Give(bytes)) => {
                    let count = bytes.len().min(buf.len());
                    buf[..count].copy_from_slice(&bytes[..count]);
                    if count < bytes.len() {
                        self.0.push_front(Step::Give(bytes[count..].to_vec()));
                    }
                    Ok(count)
                }
                Some(Step::Fail(kind)) => Err(kind.into()),
                Some(Step::End) | None => Ok(0),
                Some(Step::Unwind) => resume_unwind(Box::new(())),
            }
        }
    }

    /// SplitMix64.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
        }

        fn script(&mut self, with_unwinds: bool) -> Script {
            let step = |_| match self.below(12) {
                0 => Step::End,
                1 => Step::Fail(io::ErrorKind::Interrupted),
                2 if !with_unwinds => Step::Fail(io::ErrorKind::TimedOut),
                2..5 if with_unwinds => Step::Unwind,
                _ => {
                    let most = [10, 300, 30_000][self.below(3)];
                    let len = 1 + self.below(most);
                    Step::Give((0..len).map(|_| b"abcd\n;\xffx"[self.below(8)]).collect())
                }
            };
            Script((0..30).map(step).collect())
        }
    }

    /// One call; what it returned and where it put what.
    fn call(reader: &mut impl BufRead, which: usize, size: usize) -> String {
        let (mut buf, mut bytes) = (vec![0; size], vec![b'>']);
        let mut text = [String::new(), String::from(">")][which % 2].clone();
        let outcome = match which {
            0 | 1 => reader.read_line(&mut text).map(|n| n.to_string()),
            2 => reader.read_until(b';', &mut bytes).map(|n| n.to_string()),
            3 => reader.read(&mut buf).map(|n| n.to_string()),
            4 => reader.read_exact(&mut buf).map(|()| "exact".to_owned()),
            5 => reader.read_to_end(&mut bytes).map(|n| n.to_string()),
            6 | 7 => reader.read_to_string(&mut text).map(|n| n.to_string()),
            8 => {
                let (one, two) = buf.split_at_mut(size / 3);
                let mut bufs = [IoSliceMut::new(one), IoSliceMut::new(two)];
                reader.read_vectored(&mut bufs).map(|n| n.to_string())
            }
            _ => reader.fill_buf().map(|ahead| format!("{ahead:?}")),
        };
        format!("{which} {size}: {outcome:?} {buf:?} {bytes:?} {text:?}")
    }

    #[test]
    fn input_is_std_s_buffer_for_any_row_of_calls() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let script = random.script(false);
            let mut ours = Input::new(script.clone());
            let mut theirs = BufReader::new(script);
            for _ in 0..30 {
                let which = random.below(10);
                let most = [8, 500, 20_000][random.below(3)];
                let size = random.below(most);
                let expected = call(&mut theirs, which, size);
                assert_eq!(call(&mut ours, which, size), expected, "seed {seed}");
            }
        }
    }

    #[test]
    fn calls_that_unwind_take_nothing() {
        for seed in 0..500 {
            let mut random = Random(seed);
            let script = random.script(true);
            let is_given = |step: &Step| match step {
                Step::Give(bytes) => bytes.clone(),
                _ => Vec::new(),
            };
            let all: Vec<u8> = script.0.iter().flat_map(is_given).collect();
            let mut input = Input::new(script);
            let mut taken = Vec::new();
            while taken.len() < all.len() {
                let mut buf = vec![0; random.below(20_000)];
                let which = random.below(3);
                let mut bytes = Vec::new();
                let outcome = catch_unwind(AssertUnwindSafe(|| match which {
                    0 => input.read_until(b'\n', &mut bytes),
                    1 => input.read_to_end(&mut bytes),
                    _ => input.read(&mut buf),
                }));
                match outcome {
                    Ok(Ok(count)) if which == 2 => taken.extend_from_slice(&buf[..count]),
                    Ok(Ok(_)) => taken.append(&mut bytes),
                    Ok(Err(error)) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
                    Err(_) => assert_eq!(bytes, [], "seed {seed}: it was taken back"),
                }
                // Also where a call would succeed if it had not to go on.
                let exact = catch_unwind(AssertUnwindSafe(|| input.read_exact(&mut buf)));
                if let Ok(Ok(())) = exact {
                    taken.append(&mut buf);
                } else if let Ok(Err(_)) = exact {
                    // An early end: what there was is gone, as with std's.
                    break;
                }
            }
            assert_eq!(taken, all[..taken.len()], "seed {seed}");
        }
    }
}
