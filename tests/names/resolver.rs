//! The resolver of this test binary: it stands in the place of the C library's, and does as told.
//!
//! A name that begins with `silent` waits until [`speak`] is called; `missing` is not known; `two` has
//! two addresses; all others are 127.0.0.1. What it hands out is counted until it is given back.
#![expect(unsafe_code, reason = "defines two functions of the C library")]

use std::ffi::{CStr, c_char, c_int};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

static MAY_SPEAK: Mutex<bool> = Mutex::new(false);
static SPOKEN: Condvar = Condvar::new();
static ASKED: AtomicUsize = AtomicUsize::new(0);
static WAITING: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);

/// The second address of `two`; nobody listens at the first.
pub(crate) const TWO: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 77, 2), Ipv4Addr::LOCALHOST];

/// Lets all silent names answer.
pub(crate) fn speak() {
    *MAY_SPEAK.lock().unwrap() = true;
    SPOKEN.notify_all();
}

/// How many lookups were made.
pub(crate) fn asked() -> usize {
    ASKED.load(Ordering::SeqCst)
}

/// How many wait.
pub(crate) fn waiting() -> usize {
    WAITING.load(Ordering::SeqCst)
}

/// How many addresses were not given back yet.
pub(crate) fn held() -> usize {
    HELD.load(Ordering::SeqCst)
}

fn answer(name: &str) -> Result<Vec<Ipv4Addr>, c_int> {
    ASKED.fetch_add(1, Ordering::SeqCst);
    if name.starts_with("silent") {
        WAITING.fetch_add(1, Ordering::SeqCst);
        let may_speak = MAY_SPEAK.lock().unwrap();
        drop(SPOKEN.wait_while(may_speak, |may| !*may).unwrap());
        WAITING.fetch_sub(1, Ordering::SeqCst);
    }
    match name {
        "missing" => Err(libc::EAI_NONAME),
        "two" => Ok(TWO.to_vec()),
        _ => Ok(vec![Ipv4Addr::LOCALHOST]),
    }
}

/// One address in the C library's form.
#[repr(C)]
struct Entry {
    info: libc::addrinfo,
    addr: libc::sockaddr_in,
}

fn entry(ip: Ipv4Addr, next: *mut libc::addrinfo) -> *mut libc::addrinfo {
    HELD.fetch_add(1, Ordering::SeqCst);
    let addr = libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap(),
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(ip.octets()),
        },
        sin_zero: [0; 8],
    };
    let info = libc::addrinfo {
        ai_flags: 0,
        ai_family: libc::AF_INET,
        ai_socktype: libc::SOCK_STREAM,
        ai_protocol: 0,
        ai_addrlen: libc::socklen_t::try_from(size_of_val(&addr)).unwrap(),
        ai_addr: std::ptr::null_mut(),
        ai_canonname: std::ptr::null_mut(),
        ai_next: next,
    };
    let entry = Box::leak(Box::new(Entry { info, addr }));
    entry.info.ai_addr = (&raw mut entry.addr).cast();
    (&raw mut *entry).cast()
}

/// # Safety
/// As getaddrinfo(3); called by std only.
#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    _service: *const c_char,
    _hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: std passes a C string.
    let name = unsafe { CStr::from_ptr(node) };
    match answer(&name.to_string_lossy()) {
        Err(code) => code,
        Ok(ips) => {
            let list = ips
                .into_iter()
                .rev()
                .fold(std::ptr::null_mut(), |next, ip| entry(ip, next));
            // SAFETY: std passes a place for the list.
            unsafe { found.write(list) };
            0
        }
    }
}

/// # Safety
/// As freeaddrinfo(3); called by std only, with a list of [`getaddrinfo`]'s.
#[unsafe(no_mangle)]
unsafe extern "C" fn freeaddrinfo(mut list: *mut libc::addrinfo) {
    while !list.is_null() {
        // SAFETY: `entry` made it of a box, whose first field it is, and it is freed once.
        let entry = unsafe { Box::from_raw(list.cast::<Entry>()) };
        list = entry.info.ai_next;
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}
