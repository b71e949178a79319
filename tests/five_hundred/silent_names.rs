//! A resolver that never answers: the name of libc's, taken by this program, which is found first.

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

/// Waits for good. std calls it with a name, a null service, hints, and a place for the answer.
#[unsafe(no_mangle)]
extern "C" fn getaddrinfo(
    _node: *const c_char,
    _service: *const c_char,
    _hints: *const c_void,
    _answer: *mut *mut c_void,
) -> c_int {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
