//! A resolver that never answers: the name of libc's, taken by this program, which is found first.
#![expect(unsafe_code, reason = "takes a name of the C library's")]

use std::ffi::{c_char, c_int, c_void};
use std::time::Duration;

// SAFETY: the signature is the C library's, and nothing is ever returned.
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
