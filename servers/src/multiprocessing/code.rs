//! Functions that cross to a forked child: by address, which is sound only here.
//!
//! The fork server is a copy of this process, never a new image, so a function that existed at the fork has
//! the same address and the same bytes on both sides. What came later (`dlopen`) has not: the executable
//! mappings are recorded before the fork, and an address outside them is refused on the sending side, and
//! once more on the receiving one. Only plain `fn` pointers cross, never closures: a closure's captures
//! would be bytes without a meaning there, while arguments are serialised by their own rules.
#![expect(unsafe_code, reason = "an address becomes a function again")]

use super::handover::Packed;
use super::outcome::Outcome;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::mem;
use std::ops::Range;
use std::sync::OnceLock;

/// What runs a function whose argument and value only it knows the types of.
type Trampoline = fn(usize, Packed) -> io::Result<Packed>;

/// The executable mappings at the fork.
static MAPPINGS: OnceLock<Vec<Range<usize>>> = OnceLock::new();

/// Reads the executable mappings. Called once, before the fork.
pub(super) fn record_mappings() -> io::Result<()> {
    let text = std::fs::read_to_string("/proc/self/maps")?;
    let _ = MAPPINGS.set(text.lines().filter_map(executable).collect());
    Ok(())
}

/// The addresses of a line of `/proc/PID/maps`, if what lies there may be executed.
fn executable(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let is_executable = words.next()?.contains('x');
    let parse = |text| usize::from_str_radix(text, 16).ok();
    let range = parse(start)?..parse(end)?;
    is_executable.then_some(range)
}

fn existed_at_the_fork(address: usize) -> bool {
    let mappings = MAPPINGS.get();
    mappings.is_some_and(|all| all.iter().any(|range| range.contains(&address)))
}

/// A function and what knows its types, as addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) trampoline: usize,
    pub(super) function: usize,
}

impl Code {
    /// The addresses of `function`.
    pub(super) fn of<A: DeserializeOwned, R: Serialize>(function: fn(A) -> R) -> io::Result<Code> {
        Code::new(call::<A, R>, function as usize)
    }

    /// The addresses of a process's `function`. Run, it gives no bytes, or its error.
    pub(super) fn of_process<A: DeserializeOwned, R: Outcome>(
        function: fn(A) -> R,
    ) -> io::Result<Code> {
        Code::new(call_process::<A, R>, function as usize)
    }

    fn new(trampoline: Trampoline, function: usize) -> io::Result<Code> {
        let code = Code {
            trampoline: trampoline as usize,
            function,
        };
        code.check()?;
        Ok(code)
    }

    fn check(self) -> io::Result<()> {
        if existed_at_the_fork(self.trampoline) && existed_at_the_fork(self.function) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "multiprocessing: this function was loaded after the fork server had started, so it does \
             not exist in another process",
        ))
    }

    /// Calls it with `args`, and packs its value. A panic is the function's own.
    pub(super) fn run(self, args: Packed) -> io::Result<Packed> {
        self.check()?;
        let trampoline = self.trampoline as *const ();
        // SAFETY: a `Code` is made by `of` or `of_process`, from a `Trampoline`, in a process of this family, all of which
        // share one image; that the address lies in a mapping of that image was checked.
        let trampoline = unsafe { mem::transmute::<*const (), Trampoline>(trampoline) };
        trampoline(self.function, args)
    }
}

/// A trampoline: only `Code::of::<A, R>` pairs it with a function, so it knows its type.
fn call<A: DeserializeOwned, R: Serialize>(function: usize, args: Packed) -> io::Result<Packed> {
    let args = args.unpack::<A>()?;
    let function = function as *const ();
    // SAFETY: the address is a `fn(A) -> R`, which `Code::of` put beside this instance of the trampoline;
    // image and mapping as in `Code::run`.
    let function = unsafe { mem::transmute::<*const (), fn(A) -> R>(function) };
    let (packed, _bonds) = Packed::of(&function(args))?;
    Ok(packed)
}

/// The trampoline of `Code::of_process::<A, R>`.
fn call_process<A: DeserializeOwned, R: Outcome>(
    function: usize,
    args: Packed,
) -> io::Result<Packed> {
    let args = args.unpack::<A>()?;
    let function = function as *const ();
    // SAFETY: the address is a `fn(A) -> R`, which `Code::of_process` put beside this instance of the
    // trampoline; image and mapping as in `Code::run`.
    let function = unsafe { mem::transmute::<*const (), fn(A) -> R>(function) };
    match function(args).failure() {
        None => Ok(Packed::default()),
        Some(text) => Err(io::Error::other(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::executable;

    #[test]
    fn lines_of_maps_give_executable_ranges_only() {
        let code = "55a0-55b0 r-xp 00002000 fe:01 123   /usr/bin/x";
        assert_eq!(executable(code), Some(0x55a0..0x55b0));
        for line in ["55a0-55b0 rw-p 0 0:0 0 [heap]", "", "nonsense", "1-z r-xp"] {
            assert_eq!(executable(line), None, "{line}");
        }
    }
}
