//! Memory faults: SIGSEGV and SIGBUS are shown to one reporter, then passed on.
//!
//! The handler runs on the alternate signal stack, in the middle of any instruction: it may not
//! allocate, lock or panic, and neither may the reporter. What the reporter does not recognise goes to
//! the action that was in force before (usually std's, which reports the overflow of OS threads).
//! Called by `context::overflow` only.
#![expect(unsafe_code, reason = "sigaction, sigaltstack and a signal handler")]

use super::check;
use super::memory::{self, Range};
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::OnceLock;

/// Stack that the handler and its reporter need beyond the frame the kernel pushes. Measured: below
/// 2 KiB in a debug build; twice that, for the chained handler.
const HANDLER_BYTES: usize = 4 * 1024;

/// Size of an alternate stack of our own.
const ALTERNATE_BYTES: usize = 64 * 1024;

/// A memory fault, as the kernel described it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// The address that could not be accessed.
    pub(crate) address: usize,
    /// The stack pointer of the faulting code, where this architecture's context is known.
    pub(crate) stack_pointer: Option<usize>,
}

/// Looks at a fault; returns if it is none of its business. Must be async-signal-safe.
pub(crate) type Reporter = fn(&Fault);

static REPORTER: OnceLock<Reporter> = OnceLock::new();

const SIGNALS: [i32; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The actions found in force, in the order of `SIGNALS`. Read by the handler: `get` of a filled
/// `OnceLock` is one load.
static PREVIOUS: [OnceLock<libc::sigaction>; 2] = [OnceLock::new(), OnceLock::new()];

/// Puts the handler in place, once per process; later calls are two loads, whatever they bring.
///
/// The earlier action is stored before ours is installed: a fault in between must find it.
pub(crate) fn install(reporter: Reporter) -> io::Result<()> {
    REPORTER.get_or_init(|| reporter);
    for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
        if previous.get().is_some() {
            continue;
        }
        let mut first = false;
        let found = action_of(signal)?;
        previous.get_or_init(|| {
            first = true;
            found
        });
        if first {
            take_over(signal)?;
        }
    }
    Ok(())
}

/// The action in force for a signal.
fn action_of(signal: i32) -> io::Result<libc::sigaction> {
    let mut found = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: a null action only queries; `found` is writable.
    check(unsafe { libc::sigaction(signal, std::ptr::null(), found.as_mut_ptr()) })?;
    // SAFETY: a successful sigaction wrote the action.
    Ok(unsafe { found.assume_init() })
}

fn take_over(signal: i32) -> io::Result<()> {
    // SAFETY: an all-zero sigaction is a valid value (default action, empty mask).
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = on_fault;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the action is valid and its handler async-signal-safe.
    check(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) })?;
    Ok(())
}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: SA_SIGINFO: the kernel passes a valid siginfo, which lives as long as this call.
    let described = unsafe { &*info };
    let code = described.si_code;
    // A code of zero or less: some process sent the signal; the address field holds its pid.
    if code > 0
        && let Some(reporter) = REPORTER.get()
    {
        reporter(&Fault {
            // SAFETY: the kernel raised the signal for a fault, so the address field is the one set.
            address: unsafe { described.si_addr() }.addr(),
            stack_pointer: stack_pointer(context),
        });
    }
    chain(signal, code, info, context);
}

/// The faulting code's stack pointer.
fn stack_pointer(context: *mut libc::c_void) -> Option<usize> {
    let context = context.cast::<libc::ucontext_t>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SA_SIGINFO: the kernel passes a valid ucontext; REG_RSP is 15.
    return usize::try_from(unsafe { (*context).uc_mcontext.gregs[libc::REG_RSP as usize] }).ok();
    #[cfg(target_arch = "aarch64")]
    // SAFETY: SA_SIGINFO: the kernel passes a valid ucontext.
    return usize::try_from(unsafe { (*context).uc_mcontext.sp }).ok();
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = context;
        None
    }
}

/// Does what would have happened without us.
fn chain(signal: i32, code: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let index = SIGNALS.iter().position(|&known| known == signal);
    let previous = index.and_then(|index| PREVIOUS[index].get());
    match previous {
        Some(action) if is_function(action) && action.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: the previous owner of the signal installed a function of this signature.
            let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(action.sa_sigaction) };
            handler(signal, info, context);
        }
        Some(action) if is_function(action) => {
            // SAFETY: without SA_SIGINFO the function takes the signal number alone.
            let handler: extern "C" fn(i32) = unsafe { std::mem::transmute(action.sa_sigaction) };
            handler(signal);
        }
        Some(action) if action.sa_sigaction == libc::SIG_IGN && code <= 0 => {}
        _ => give_up(signal, code),
    }
}

fn is_function(action: &libc::sigaction) -> bool {
    action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN
}

/// Restores the default action: a fault repeats as soon as the handler returns and kills the process
/// with the right signal and core; a signal that was sent has to be sent again.
fn give_up(signal: i32, code: i32) {
    // SAFETY: an all-zero sigaction is the default action.
    let action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the action is valid.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    if code <= 0 {
        // SAFETY: async-signal-safe; delivered when this handler returns and unblocks the signal.
        unsafe { libc::raise(signal) };
    }
}

/// Writes to standard error by system calls alone: for code that may not lock or allocate.
pub(crate) fn write_stderr(mut text: &[u8]) {
    while !text.is_empty() {
        // SAFETY: `text` is readable for its length; write(2) is async-signal-safe.
        let wrote = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        match usize::try_from(wrote) {
            Ok(bytes) if bytes > 0 => text = &text[bytes.min(text.len())..],
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// An alternate signal stack of this thread, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct AlternateStack {
    range: Range,
    /// It belongs to one thread.
    _thread: PhantomData<*mut ()>,
}

/// Makes sure that this thread can take the signal of an overflown stack: std gives its threads 8 KiB,
/// but only if it owned SIGSEGV at start (not inside a C program), and the kernel's frame alone is
/// 11 KiB where AMX is in use. Returns the stack to keep if one had to be made.
pub(crate) fn ensure_alternate_stack() -> io::Result<Option<AlternateStack>> {
    let mut present = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: a null new stack only queries; `present` is writable.
    check(unsafe { libc::sigaltstack(std::ptr::null(), present.as_mut_ptr()) })?;
    // SAFETY: a successful sigaltstack wrote it.
    let present = unsafe { present.assume_init() };
    // SAFETY: getauxval has no preconditions; an unknown key gives 0.
    let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
    let frame = usize::try_from(frame).unwrap_or(0).max(libc::MINSIGSTKSZ);
    if present.ss_flags & libc::SS_DISABLE == 0 && present.ss_size >= frame + HANDLER_BYTES {
        return Ok(None);
    }
    let page = memory::page_bytes();
    let usable = memory::whole_pages(ALTERNATE_BYTES + frame);
    let range = Range {
        low: memory::reserve(page + usable, 0)?,
        bytes: page + usable,
    };
    // SAFETY: the lowest page of the fresh mapping; a report that runs wild must not hit a neighbour.
    unsafe {
        memory::protect(Range {
            low: range.low,
            bytes: page,
        })
    }?;
    let ours = libc::stack_t {
        ss_sp: std::ptr::with_exposed_provenance_mut(range.low + page),
        ss_flags: 0,
        ss_size: usable,
    };
    // SAFETY: the memory is ours and stays mapped until `AlternateStack::drop` has disabled it.
    check(unsafe { libc::sigaltstack(&raw const ours, std::ptr::null_mut()) })?;
    Ok(Some(AlternateStack {
        range,
        _thread: PhantomData,
    }))
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        // Disabled rather than put back: std's own stack is unmapped by std without a look at us.
        let none = libc::stack_t {
            ss_sp: std::ptr::null_mut(),
            ss_flags: libc::SS_DISABLE,
            ss_size: 0,
        };
        // SAFETY: `none` is valid; this thread is the one that installed ours (not Send).
        unsafe { libc::sigaltstack(&raw const none, std::ptr::null_mut()) };
        // SAFETY: the kernel no longer uses it, and nobody else ever did.
        unsafe { memory::unmap(self.range) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternate_stack_of_a_std_thread_suffices_or_is_replaced() {
        let _kept = ensure_alternate_stack().unwrap();
        assert!(ensure_alternate_stack().unwrap().is_none(), "one is enough");
    }

    #[test]
    fn alternate_stack_missing_is_made_and_disabled_at_the_end() {
        let worker = std::thread::spawn(|| {
            let none = libc::stack_t {
                ss_sp: std::ptr::null_mut(),
                ss_flags: libc::SS_DISABLE,
                ss_size: 0,
            };
            // SAFETY: `none` is valid. Std's stack stays mapped until this thread ends.
            unsafe { libc::sigaltstack(&raw const none, std::ptr::null_mut()) };
            assert!(ensure_alternate_stack().unwrap().is_some());
        });
        worker.join().unwrap();
    }
}
