//! What goes between the fork server and its owner: messages of one size each.
//!
//! Arguments are not among them: they lie in a memory file whose descriptor goes along, so a request is
//! forty bytes however large they are, and the server never waits for the rest of one.

use super::code::Code;

/// To the server. A `Spawn` has descriptors, as many as it says: first the memory file,
/// then those in the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Spawn { seq: u64, code: Code, fds: u64 },
    Signal { pid: i32, signal: i32 },
}

/// From the server. A number is reported as started before it is reported as ended, and is used again only
/// after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    Started { seq: u64, pid: i32 },
    Failed { seq: u64, errno: i32 },
    Exited { pid: i32, code: i32 },
    Signaled { pid: i32, signal: i32 },
}

const SPAWN: u64 = 1;
const SIGNAL: u64 = 2;
const STARTED: u64 = 3;
const FAILED: u64 = 4;
const EXITED: u64 = 5;
const SIGNALED: u64 = 6;

impl Request {
    pub(super) const SIZE: usize = 40;

    pub(super) fn encode(self) -> [u8; Request::SIZE] {
        join(match self {
            Request::Spawn { seq, code, fds } => {
                let (trampoline, function) = (code.trampoline as u64, code.function as u64);
                [SPAWN, seq, trampoline, function, fds]
            }
            Request::Signal { pid, signal } => [SIGNAL, word(pid), word(signal), 0, 0],
        })
    }

    pub(super) fn decode(bytes: [u8; Request::SIZE]) -> Request {
        let [kind, first, second, third, fds] = split(&bytes);
        if kind == SPAWN {
            let [trampoline, function] = [second, third]
                .map(|address| usize::try_from(address).expect("because it was an address"));
            let code = Code {
                trampoline,
                function,
            };
            return Request::Spawn {
                seq: first,
                code,
                fds,
            };
        }
        Request::Signal {
            pid: number(first),
            signal: number(second),
        }
    }
}

impl Report {
    pub(super) const SIZE: usize = 24;

    pub(super) fn encode(self) -> [u8; Report::SIZE] {
        join(match self {
            Report::Started { seq, pid } => [STARTED, seq, word(pid)],
            Report::Failed { seq, errno } => [FAILED, seq, word(errno)],
            Report::Exited { pid, code } => [EXITED, word(pid), word(code)],
            Report::Signaled { pid, signal } => [SIGNALED, word(pid), word(signal)],
        })
    }

    pub(super) fn decode(bytes: [u8; Report::SIZE]) -> Report {
        let [kind, first, second] = split(&bytes);
        let (pid, value) = (number(first), number(second));
        match kind {
            STARTED => Report::Started {
                seq: first,
                pid: value,
            },
            FAILED => Report::Failed {
                seq: first,
                errno: value,
            },
            EXITED => Report::Exited { pid, code: value },
            _ => Report::Signaled { pid, signal: value },
        }
    }
}

fn word(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}

/// The half that [`word`] filled.
fn number(word: u64) -> i32 {
    let low = word & u64::from(u32::MAX);
    u32::try_from(low).map_or(0, u32::cast_signed)
}

fn join<const WORDS: usize, const BYTES: usize>(words: [u64; WORDS]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

fn split<const WORDS: usize>(bytes: &[u8]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    for (word, place) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_ne_bytes(place.try_into().expect("because chunks have eight bytes"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_were() {
        let code = Code {
            trampoline: usize::MAX,
            function: 1,
        };
        for request in [
            Request::Spawn {
                seq: u64::MAX,
                code,
                fds: 250,
            },
            Request::Signal { pid: 7, signal: 9 },
        ] {
            assert_eq!(Request::decode(request.encode()), request);
        }
        for report in [
            Report::Started { seq: 1, pid: 2 },
            Report::Failed { seq: 1, errno: 11 },
            Report::Exited { pid: 3, code: -1 },
            Report::Signaled { pid: 4, signal: 9 },
        ] {
            assert_eq!(Report::decode(report.encode()), report);
        }
    }
}
