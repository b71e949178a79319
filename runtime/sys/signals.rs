//! Signal masks and handlers.
//!
//! Worker threads block every asynchronous signal, so that handlers run on threads of the user's own
//! and never on a green stack; the mask of the thread that starts the runtime is left alone, so
//! Ctrl-C still kills a program that asked for nothing. A handler installed here does what a handler
//! may do: count, and ring an eventfd.
#![expect(unsafe_code, reason = "sigaction and pthread_sigmask")]

use super::check;
use super::eventfd::EventFd;
use crate::sys::atomic::{AtomicPtr, AtomicU64, Ordering};
use crate::sys::lock::Lock;
use std::io;
use std::mem::MaybeUninit;

/// Signals that a thread causes by its own instructions, or that profilers aim at one thread:
/// blocking them would turn a report into a silent kill.
const SYNCHRONOUS: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGPROF,
];

/// A signal mask to restore.
#[derive(Clone, Copy)]
pub(crate) struct Mask(libc::sigset_t);

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(..)")
    }
}

/// Blocks all asynchronous signals on this thread; returns the mask it had. Threads inherit the mask,
/// so a spawner blocks, spawns and restores: no instant exists at which a worker could take a signal.
pub(crate) fn block_asynchronous() -> Mask {
    let set = asynchronous();
    let mut old = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both pointers are valid; the call cannot fail with SIG_SETMASK.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, old.as_mut_ptr()) };
    // SAFETY: pthread_sigmask wrote the previous mask.
    Mask(unsafe { old.assume_init() })
}

/// All signals but those of `SYNCHRONOUS`.
fn asynchronous() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises the set it is given.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    for signal in SYNCHRONOUS {
        // SAFETY: the set was initialised above and the signal number is valid.
        unsafe { libc::sigdelset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: initialised above.
    unsafe { set.assume_init() }
}

/// The mask of this thread.
pub(crate) fn current_mask() -> Mask {
    let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: a null `set` changes nothing; `oldset` is valid.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), mask.as_mut_ptr()) };
    // SAFETY: pthread_sigmask wrote the mask.
    Mask(unsafe { mask.assume_init() })
}

/// Runs `body` under another mask; what `body` starts inherits it.
pub(crate) fn with_mask<T>(mask: &Mask, body: impl FnOnce() -> T) -> T {
    struct Back(Mask);
    impl Drop for Back {
        fn drop(&mut self) {
            restore(&self.0);
        }
    }
    let _back = Back(current_mask());
    restore(mask);
    body()
}

/// Puts a mask back.
pub(crate) fn restore(mask: &Mask) {
    // SAFETY: the mask came from pthread_sigmask; a null `oldset` is allowed.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask.0, std::ptr::null_mut());
    };
}

/// How many listeners there may be at a time. A handler looks at all of them; twice as many cost each
/// signal a microsecond.
const BELLS: usize = 256;

/// One listener: which signals it wants, which have come, and how to wake it. Static, because a
/// handler may run at any time; places are reused, the eventfd of a place is kept.
struct Bell {
    wanted: AtomicU64,
    pending: AtomicU64,
    eventfd: AtomicPtr<EventFd>,
}

static BELL: [Bell; BELLS] = [const {
    Bell {
        wanted: AtomicU64::new(0),
        pending: AtomicU64::new(0),
        eventfd: AtomicPtr::new(std::ptr::null_mut()),
    }
}; BELLS];

/// What listening has changed: places in use, and per signal the listeners and the handler before.
struct Registry {
    is_taken: [bool; BELLS],
    signals: Vec<Listened>,
}

struct Listened {
    signal: i32,
    listeners: usize,
    before: libc::sigaction,
}

static REGISTRY: Lock<Registry> = Lock::new(Registry {
    is_taken: [false; BELLS],
    signals: Vec::new(),
});

fn bit(signal: i32) -> u64 {
    1u64 << (signal.clamp(1, 64) - 1)
}

extern "C" fn on_signal(signal: i32) {
    // A handler must leave `errno` as the interrupted code had it.
    // SAFETY: __errno_location always returns this thread's errno.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer is valid for the life of the thread.
    let saved = unsafe { *errno };
    for bell in &BELL {
        if bell.wanted.load(Ordering::Acquire) & bit(signal) == 0 {
            continue;
        }
        // Release: pairs with the Acquire in `take`; the ring below is the wake-up.
        bell.pending.fetch_or(bit(signal), Ordering::Release);
        // SAFETY: null or a leaked EventFd, valid for ever; `ring` is async-signal-safe.
        if let Some(eventfd) = unsafe { bell.eventfd.load(Ordering::Acquire).as_ref() } {
            eventfd.ring();
        }
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// A listener's place; the handlers of its signals are in force as long as it lives.
#[derive(Debug)]
pub(crate) struct Listener {
    place: usize,
    signals: Vec<i32>,
}

impl Listener {
    /// Directs `signals` to this listener. Several listeners of one signal all get it.
    pub(crate) fn new(signals: &[i32]) -> io::Result<Listener> {
        let mut registry = REGISTRY.lock();
        let place = registry
            .is_taken
            .iter()
            .position(|taken| !taken)
            .ok_or_else(|| {
                io::Error::other("more than 256 signal listeners: drop one before making another")
            })?;
        let bell = &BELL[place];
        if bell.eventfd.load(Ordering::Acquire).is_null() {
            let eventfd = Box::leak(Box::new(EventFd::new()?));
            bell.eventfd.store(eventfd, Ordering::Release);
        }
        let mut listener = Listener {
            place,
            signals: Vec::new(),
        };
        registry.is_taken[place] = true;
        // Before any handler is in force: from then on a signal is heard.
        bell.pending.store(0, Ordering::Relaxed);
        let wanted = signals.iter().fold(0, |set, &signal| set | bit(signal));
        bell.wanted.store(wanted, Ordering::Release);
        let mut failure = None;
        for &signal in signals {
            match registry.add(signal) {
                Ok(()) => listener.signals.push(signal),
                Err(error) => failure = Some(error),
            }
        }
        drop(registry);
        match failure {
            Some(error) => Err(error),
            None => Ok(listener),
        }
    }

    /// What becomes readable when a signal comes.
    pub(crate) fn eventfd(&self) -> &'static EventFd {
        // SAFETY: set before the place was given out; leaked, so valid for ever.
        unsafe { &*BELL[self.place].eventfd.load(Ordering::Acquire) }
    }

    /// Takes one signal that has come. Several arrivals of one signal count once, as in the kernel.
    pub(crate) fn take(&self) -> Option<i32> {
        let bell = &BELL[self.place];
        self.signals.iter().copied().find(|&signal| {
            bell.pending.fetch_and(!bit(signal), Ordering::AcqRel) & bit(signal) != 0
        })
    }

    /// Whether one has come that nobody took.
    pub(crate) fn is_pending(&self) -> bool {
        let bell = &BELL[self.place];
        let wanted = bell.wanted.load(Ordering::Relaxed);
        bell.pending.load(Ordering::Acquire) & wanted != 0
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut registry = REGISTRY.lock();
        for &signal in &self.signals {
            registry.remove(signal);
        }
        // After the handlers: a signal in between does what it did before.
        BELL[self.place].wanted.store(0, Ordering::Release);
        registry.is_taken[self.place] = false;
    }
}

impl Registry {
    fn add(&mut self, signal: i32) -> io::Result<()> {
        if let Some(known) = self.signals.iter_mut().find(|known| known.signal == signal) {
            known.listeners += 1;
            return Ok(());
        }
        // SAFETY: an all-zero sigaction is a valid value (default action, empty mask).
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_signal as extern "C" fn(i32) as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        // Subtle: one at a time. Alternate stacks have room for two or three of the kernel's frames;
        // one more signal within the handler of another, and the thread dies of a fault.
        action.sa_mask = asynchronous();
        let mut before = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: both structures are valid; the handler is async-signal-safe.
        check(unsafe { libc::sigaction(signal, &raw const action, before.as_mut_ptr()) })?;
        // SAFETY: a successful sigaction wrote the previous action.
        let before = unsafe { before.assume_init() };
        self.signals.push(Listened {
            signal,
            listeners: 1,
            before,
        });
        Ok(())
    }

    fn remove(&mut self, signal: i32) {
        let Some(index) = self.signals.iter().position(|known| known.signal == signal) else {
            return;
        };
        self.signals[index].listeners -= 1;
        if self.signals[index].listeners > 0 {
            return;
        }
        let known = self.signals.swap_remove(index);
        // SAFETY: the action came from sigaction; a null `oldact` is allowed.
        unsafe { libc::sigaction(signal, &raw const known.before, std::ptr::null_mut()) };
    }
}
