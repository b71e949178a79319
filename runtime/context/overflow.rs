//! The report of an overflown stack: which green thread, how large, where it was spawned, what to do.
//!
//! An overflow ends the process. Recovering by a trap works mechanically and is unsound: the frames are
//! gone without their destructors, locks stay held, an overflow inside `println!` leaves standard output
//! locked for good. Runs inside a signal handler, on the alternate stack: no allocation, no lock, no
//! `format!`, one write. `install` is called when a runtime starts, `prepare_thread` by each worker.
//!
//! Steps: a frame touches the guard → SIGSEGV → the address leads to its slot (`stack::locate`, loads
//! only) → the slot's record begins with a [`StackOwner`] → text → abort. Whatever does not fit (no
//! slot, no owner, another stack's pointer) goes to the handler that was there before.
#![expect(
    unsafe_code,
    reason = "reads the owner's words in the faulting stack's record"
)]

use super::stack::{self, Located, RECORD_BYTES};
use crate::sys::atomic::{AtomicUsize, Ordering};
use crate::sys::sigsegv::{self, AlternateStack, Fault};
use std::io;
use std::panic::Location;

/// `occupied` of a record whose stack runs a green thread; an unlikely word, not zero.
const GREEN: usize = 0x6752_6565_4e74_6864;

/// `occupied` of a record whose stack an OS thread has borrowed (`with_big_stack`).
const BORROWED: usize = 0x6752_6565_4e74_6f73;

/// `occupied` of a record whose stack runs the body of a generator or greenlet.
const STRAND: usize = 0x6752_6565_4e73_7472;

/// Longest name and longest file name printed; what is longer loses its end.
const NAME_BYTES_MAX: usize = 200;

/// Room for the whole report: two names and 300 bytes of fixed text.
const TEXT_BYTES: usize = 1024;

/// Who runs on a stack, in words that a signal handler can read.
///
/// Must be the first field (`repr(C)`) of whatever is placed at [`Stack::record_addr`]. All zero, as in
/// fresh memory, means that nobody does.
///
/// [`Stack::record_addr`]: super::stack::Stack::record_addr
#[derive(Debug)]
#[repr(C)]
pub(crate) struct StackOwner {
    occupied: AtomicUsize,
    name: *const u8,
    name_bytes: usize,
    id: u64,
    file: *const u8,
    file_bytes: usize,
    line: u32,
    column: u32,
}

const _: () = assert!(size_of::<StackOwner>() <= RECORD_BYTES);

impl StackOwner {
    /// A green thread, spawned at `location`.
    ///
    /// # Safety
    /// `name` must stay readable until the record is [cleared](StackOwner::clear) or overwritten.
    pub(crate) unsafe fn green(
        id: u64,
        name: Option<&str>,
        location: &'static Location<'static>,
    ) -> StackOwner {
        StackOwner::new(GREEN, id, name, location)
    }

    /// An OS thread that has borrowed a stack at `location`.
    ///
    /// # Safety
    /// As for [`green`](StackOwner::green).
    pub(crate) unsafe fn borrowed(
        name: Option<&str>,
        location: &'static Location<'static>,
    ) -> StackOwner {
        StackOwner::new(BORROWED, 0, name, location)
    }

    /// A generator or greenlet made at `location`; its owner is the green thread of this number, or with 0 an
    /// OS thread.
    #[inline]
    pub(crate) fn strand(id: u64, location: &'static Location<'static>) -> StackOwner {
        StackOwner::new(STRAND, id, None, location)
    }

    #[inline]
    fn new(
        occupied: usize,
        id: u64,
        name: Option<&str>,
        location: &'static Location<'static>,
    ) -> StackOwner {
        let file: &'static str = location.file();
        StackOwner {
            occupied: AtomicUsize::new(occupied),
            name: name.map_or(std::ptr::null(), str::as_ptr),
            name_bytes: name.map_or(0, str::len),
            id,
            file: file.as_ptr(),
            file_bytes: file.len(),
            line: location.line(),
            column: location.column(),
        }
    }

    /// Nobody runs on the stack any more. Needed before the stack is given back: its memory is kept,
    /// and the words with it. Relaxed: the reader is this very thread, inside its signal handler.
    pub(crate) fn clear(&self) {
        self.occupied.store(0, Ordering::Relaxed);
    }
}

/// Puts the handler in place, once per process; later calls do nothing.
///
/// # Errors
/// Those of sigaction(2); none are known to occur.
pub(crate) fn install() -> io::Result<()> {
    sigsegv::install(report)
}

/// Makes sure that the calling thread can run the handler. The returned value must live as long as the
/// thread runs green threads.
///
/// # Errors
/// Those of mmap(2) and sigaltstack(2).
pub(crate) fn prepare_thread() -> io::Result<Option<AlternateStack>> {
    sigsegv::ensure_alternate_stack()
}

/// Reports and aborts if the fault is an overflow of a stack of ours.
fn report(fault: &Fault) {
    let Some(slot) = stack::locate(fault.address) else {
        return;
    };
    if !slot.in_guard {
        return;
    }
    // A wild pointer may hit any guard. An overflow is made by code whose stack pointer is in the slot.
    if fault
        .stack_pointer
        .is_some_and(|sp| sp < slot.slot_low || sp >= slot.slot_end)
    {
        return;
    }
    let owner = std::ptr::with_exposed_provenance::<StackOwner>(slot.record);
    // SAFETY: a record lies inside a slot, which is mapped for ever; a StackOwner is plain words, valid
    // in any state. The owner is the faulting thread itself, so no one writes them now.
    let owner = unsafe { &*owner };
    if !matches!(
        owner.occupied.load(Ordering::Relaxed),
        GREEN | BORROWED | STRAND
    ) {
        return;
    }
    let mut text = Text::new();
    // SAFETY: the record is occupied, so its name is readable (contract of `StackOwner::green`).
    unsafe { render(&mut text, &slot, owner) };
    sigsegv::write_stderr(text.as_bytes());
    std::process::abort();
}

/// # Safety
/// The owner's name must be readable.
unsafe fn render(text: &mut Text, slot: &Located, owner: &StackOwner) {
    // SAFETY: the caller's promise.
    let name = unsafe { bytes_of(owner.name, owner.name_bytes) };
    // SAFETY: the file name is that of a `&'static Location`.
    let file = unsafe { bytes_of(owner.file, owner.file_bytes) };
    let kind = owner.occupied.load(Ordering::Relaxed);
    text.push(match kind {
        GREEN => b"\ngreen thread ".as_slice(),
        STRAND if owner.id == 0 => b"\ngenerator or greenlet of an OS thread",
        STRAND => b"\ngenerator or greenlet of green thread ",
        _ => b"\nthread ",
    });
    match name {
        Some(name) => {
            text.push(b"'");
            text.push(name);
            text.push(b"'");
        }
        None if kind == BORROWED => text.push(b"'<unnamed>'"),
        None if owner.id == 0 => {}
        None => {
            text.push(b"#");
            text.push_number(owner.id);
        }
    }
    text.push(match kind {
        BORROWED => b" on a borrowed stack ".as_slice(),
        _ => b" ",
    });
    text.push(b"has overflowed its stack (");
    text.push_size(slot.size.usable_bytes());
    text.push(match kind {
        GREEN => b")\nspawned at ".as_slice(),
        STRAND => b")\nmade at ",
        _ => b")\nborrowed at ",
    });
    text.push(file.unwrap_or(b"<unknown>"));
    text.push(b":");
    text.push_number(u64::from(owner.line));
    text.push(b":");
    text.push_number(u64::from(owner.column));
    text.push(
        b"\nhelp: raise it with Builder::stack_size(bytes), or run the deep part in \
          greenroom::with_big_stack(bytes, f)\nfatal runtime error: stack overflow, aborting\n",
    );
}

/// # Safety
/// If `at` is not null, `len` bytes there must be readable, and stay so while the result is used.
unsafe fn bytes_of<'a>(at: *const u8, len: usize) -> Option<&'a [u8]> {
    if at.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(at, len) };
    Some(&bytes[..len.min(NAME_BYTES_MAX)])
}

/// Text in a fixed buffer; what does not fit is lost.
struct Text {
    bytes: [u8; TEXT_BYTES],
    len: usize,
}

impl Text {
    fn new() -> Text {
        Text {
            bytes: [0; TEXT_BYTES],
            len: 0,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, more: &[u8]) {
        let fits = more.len().min(TEXT_BYTES - self.len);
        self.bytes[self.len..self.len + fits].copy_from_slice(&more[..fits]);
        self.len += fits;
    }

    fn push_number(&mut self, mut number: u64) {
        let mut digits = [b'0'; 20]; // u64::MAX has twenty
        let mut first = digits.len();
        loop {
            first -= 1;
            // A digit: always below ten.
            digits[first] = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.push(&digits[first..]);
    }

    /// In the largest unit that gives a whole number.
    fn push_size(&mut self, bytes: usize) {
        let units: [(u32, &[u8]); 3] = [(30, b" GiB"), (20, b" MiB"), (10, b" KiB")];
        let found = units
            .iter()
            .find(|(shift, _)| bytes.trailing_zeros() >= *shift);
        let (shift, unit) = found.copied().unwrap_or((0, b" bytes"));
        self.push_number((bytes >> shift) as u64);
        self.push(unit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::stack::{StackSize, give_shared, take_shared};
    use super::*;

    fn rendered(owner: &StackOwner, bytes: usize) -> String {
        let stack = take_shared(StackSize::from_bytes(bytes).unwrap()).unwrap();
        let slot = stack::locate(stack.limit()).unwrap();
        give_shared(stack);
        let mut text = Text::new();
        // SAFETY: all names in these tests are literals or outlive the call.
        unsafe { render(&mut text, &slot, owner) };
        String::from_utf8(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn report_names_thread_size_place_and_remedy() {
        let here = Location::caller();
        // SAFETY: the name is a literal.
        let owner = unsafe { StackOwner::green(17, Some("conn-17"), here) };
        let expected = format!(
            "\ngreen thread 'conn-17' has overflowed its stack (192 KiB)\nspawned at {here}\nhelp: \
             raise it with Builder::stack_size(bytes), or run the deep part in \
             greenroom::with_big_stack(bytes, f)\nfatal runtime error: stack overflow, aborting\n"
        );
        assert_eq!(rendered(&owner, 192 * 1024), expected);
    }

    #[test]
    fn report_of_the_unnamed_and_of_os_threads_differs() {
        let here = Location::caller();
        // SAFETY: no name.
        let green = rendered(&unsafe { StackOwner::green(42, None, here) }, 4 << 20);
        assert!(
            green.contains("\ngreen thread #42 has overflowed its stack (4 MiB)\n"),
            "{green}"
        );
        // SAFETY: the name is a literal.
        let main = unsafe { StackOwner::borrowed(Some("main"), here) };
        let main = rendered(&main, 1 << 30);
        assert!(
            main.contains("\nthread 'main' on a borrowed stack has overflowed"),
            "{main}"
        );
        assert!(main.contains("(1 GiB)\nborrowed at "), "{main}");
        // SAFETY: no name.
        let unnamed = rendered(&unsafe { StackOwner::borrowed(None, here) }, 0);
        assert!(
            unnamed.contains("thread '<unnamed>' on a borrowed stack"),
            "{unnamed}"
        );
    }

    #[test]
    fn report_of_a_strand_says_whose_it_is_and_where_it_was_made() {
        let here = Location::caller();
        let strand = rendered(&StackOwner::strand(7, here), 64 << 10);
        assert!(
            strand.starts_with(
                "\ngenerator or greenlet of green thread #7 has overflowed its stack (64 KiB)\nmade at "
            ),
            "{strand}"
        );
        let strand = rendered(&StackOwner::strand(0, here), 64 << 10);
        assert!(
            strand.starts_with("\ngenerator or greenlet of an OS thread has overflowed"),
            "{strand}"
        );
    }

    #[test]
    fn report_of_a_very_long_name_keeps_the_remedy() {
        let name = "x".repeat(100_000);
        // SAFETY: the name outlives the call.
        let owner = unsafe { StackOwner::green(u64::MAX, Some(&name), Location::caller()) };
        let text = rendered(&owner, 0);
        assert!(text.ends_with("aborting\n"), "{text}");
        assert!(text.contains(&"x".repeat(NAME_BYTES_MAX)));
    }

    #[test]
    fn numbers_are_printed_in_full() {
        for number in [0, 7, 10, 1_234_567_890, u64::MAX] {
            let mut text = Text::new();
            text.push_number(number);
            assert_eq!(text.as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn owner_cleared_is_unoccupied_like_fresh_memory() {
        // SAFETY: no name.
        let owner = unsafe { StackOwner::green(1, None, Location::caller()) };
        assert_ne!(owner.occupied.load(Ordering::Relaxed), 0);
        owner.clear();
        assert_eq!(owner.occupied.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn install_twice_is_harmless() {
        install().unwrap();
        install().unwrap();
        let _kept = prepare_thread().unwrap();
    }
}
