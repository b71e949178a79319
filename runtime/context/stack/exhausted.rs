//! Why no stack could be had, in words that say what to do about it.
//!
//! Made on every failed attempt, and unstarted tasks attempt often: the text is rendered only when
//! somebody reads it.

use super::{KIB, StackSize};
use std::{error, fmt, io};

/// What ran out.
#[derive(Debug)]
pub(super) enum Cause {
    /// Memory or address space: the kernel refused a reservation or a guard.
    Memory(io::Error),
    /// Kernel maps, two of which every stack takes where guards are made by `mprotect`.
    Maps {
        /// How many stacks the limit allows.
        stacks_max: usize,
        /// The limit, `vm.max_map_count`.
        maps_max: usize,
    },
    /// Lines of the chunk table.
    Chunks,
}

/// The error behind a refused stack.
pub(super) struct Exhausted {
    size: StackSize,
    created: usize,
    cause: Cause,
}

/// Wraps a cause as an error of kind `OutOfMemory`.
pub(super) fn exhausted(size: StackSize, created: usize, cause: Cause) -> io::Error {
    io::Error::new(
        io::ErrorKind::OutOfMemory,
        Exhausted {
            size,
            created,
            cause,
        },
    )
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.size.usable_bytes() / KIB;
        write!(
            f,
            "no stack of {kib} KiB left for a green thread ({} exist): ",
            self.created
        )?;
        match &self.cause {
            Cause::Memory(error) => write!(
                f,
                "{error}; raise the limit of address space (ulimit -v), or see sysctl \
                 vm.overcommit_memory (2 counts every stack in full) and vm.max_map_count"
            ),
            Cause::Maps {
                stacks_max,
                maps_max,
            } => write!(
                f,
                "on this kernel a stack takes two maps, and vm.max_map_count = {maps_max} allows \
                 {stacks_max} stacks; raise it with sysctl vm.max_map_count (Linux 6.13 needs no \
                 maps for guards)"
            ),
            Cause::Chunks => f.write_str(
                "the process has reserved its limit of 4096 chunks of stacks; use fewer or smaller \
                 stacks",
            ),
        }
    }
}

/// The same text: `main` that returns the error, and `unwrap`, print this one.
impl fmt::Debug for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl error::Error for Exhausted {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.cause {
            Cause::Memory(error) => Some(error),
            Cause::Maps { .. } | Cause::Chunks => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exhausted_of_each_cause_says_what_to_do() {
        let refused = Cause::Memory(io::ErrorKind::OutOfMemory.into());
        let maps = Cause::Maps {
            stacks_max: 32_265,
            maps_max: 65_530,
        };
        for (cause, advice) in [
            (refused, "ulimit -v"),
            (maps, "sysctl vm.max_map_count"),
            (Cause::Chunks, "fewer or smaller"),
        ] {
            let error = exhausted(StackSize::DEFAULT, 17, cause);
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
            let text = error.to_string();
            assert!(
                text.contains("192 KiB") && text.contains("17 exist"),
                "{text}"
            );
            assert!(text.contains(advice), "{text}");
        }
    }
}
