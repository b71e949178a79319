//! Addresses of Unix sockets in the kernel's layout, from and to std's [`SocketAddr`].
//!
//! std keeps its layout private, so an address that the kernel wrote is rebuilt from its name. Called by
//! `unix_socket` for the calls that std cannot make without waiting.

use std::io;
use std::mem::offset_of;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// Where the name begins.
const NAME: usize = offset_of!(libc::sockaddr_un, sun_path);

/// What the kernel writes at most: it takes a path of 108 bytes without a NUL, and counts one.
const ADDR_BYTES_MAX: usize = size_of::<libc::sockaddr_un>() + 1;

/// An address as `connect`, `sendto` and `recvfrom` read or write it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(crate) struct RawUnixAddr {
    bytes: [u8; ADDR_BYTES_MAX],
    len: libc::socklen_t,
}

impl RawUnixAddr {
    /// Room for whatever the kernel is about to write.
    pub(crate) fn room() -> RawUnixAddr {
        RawUnixAddr {
            bytes: [0; ADDR_BYTES_MAX],
            len: length(ADDR_BYTES_MAX),
        }
    }

    /// `addr` in the kernel's layout, with the length that std gives it.
    pub(crate) fn encode(addr: &SocketAddr) -> RawUnixAddr {
        let mut raw = RawUnixAddr::room();
        raw.bytes[..NAME].copy_from_slice(&family_word().to_ne_bytes());
        let name_len = if let Some(name) = addr.as_abstract_name() {
            raw.put(NAME + 1, name);
            1 + name.len()
        } else if let Some(path) = addr.as_pathname() {
            let path = path.as_os_str().as_bytes();
            raw.put(NAME, path);
            path.len() + 1
        } else {
            0
        };
        raw.len = length(NAME + name_len);
        raw
    }

    /// The address the kernel wrote.
    ///
    /// A path of 108 bytes, to which std can neither bind nor connect, is unnamed: nobody can send there.
    ///
    /// # Errors
    /// `InvalidInput` with std's words, if the socket is of another family (it was adopted).
    pub(crate) fn decode(&self) -> io::Result<SocketAddr> {
        let len = usize::try_from(self.len).unwrap_or(0).min(ADDR_BYTES_MAX);
        // A datagram of an unnamed socket comes without any address.
        if len != 0 && self.bytes[..NAME] != family_word().to_ne_bytes() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "file descriptor did not correspond to a Unix socket",
            ));
        }
        match self.bytes.get(NAME..len) {
            None | Some([]) => unnamed(),
            Some([0, name @ ..]) => SocketAddr::from_abstract_name(name),
            Some([path @ .., _nul]) => {
                let path = Path::new(std::ffi::OsStr::from_bytes(path));
                SocketAddr::from_pathname(path).or_else(|_| unnamed())
            }
        }
    }

    /// For calls that read the address.
    pub(crate) fn as_ptr(&self) -> *const libc::sockaddr {
        self.bytes.as_ptr().cast()
    }

    /// For calls that write the address, with the length they update.
    pub(crate) fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        (self.bytes.as_mut_ptr().cast(), &raw mut self.len)
    }

    /// How many bytes are in use.
    pub(crate) fn len(&self) -> libc::socklen_t {
        self.len
    }

    fn put(&mut self, at: usize, name: &[u8]) {
        self.bytes[at..at + name.len()].copy_from_slice(name);
    }
}

/// The empty path is how std spells it.
fn unnamed() -> io::Result<SocketAddr> {
    SocketAddr::from_pathname("")
}

fn family_word() -> libc::sa_family_t {
    libc::sa_family_t::try_from(libc::AF_UNIX).expect("because address families are small numbers")
}

fn length(bytes: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(bytes).expect("because an address has at most 111 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(addr: &SocketAddr) -> RawUnixAddr {
        let raw = RawUnixAddr::encode(addr);
        assert_eq!(format!("{:?}", raw.decode().unwrap()), format!("{addr:?}"));
        raw
    }

    #[test]
    fn unix_addresses_encoded_and_decoded_are_unchanged() {
        for path in ["a", "/tmp/socket", &"x".repeat(107)] {
            let raw = same(&SocketAddr::from_pathname(path).unwrap());
            assert_eq!(usize::try_from(raw.len()).unwrap(), 2 + path.len() + 1);
        }
        for name in [&b""[..], b"name", b"\0\xff\0", &[7; 107]] {
            let raw = same(&SocketAddr::from_abstract_name(name).unwrap());
            assert_eq!(usize::try_from(raw.len()).unwrap(), 2 + 1 + name.len());
        }
        assert_eq!(same(&unnamed().unwrap()).len(), 2);
    }

    #[test]
    fn unix_address_without_a_byte_is_unnamed() {
        let mut raw = RawUnixAddr::room();
        raw.len = 0;
        assert!(raw.decode().unwrap().is_unnamed());
    }

    #[test]
    fn unix_address_too_long_for_std_is_unnamed() {
        let mut raw = RawUnixAddr::encode(&unnamed().unwrap());
        raw.put(NAME, &[b'x'; 108]);
        raw.len = length(ADDR_BYTES_MAX);
        assert!(raw.decode().unwrap().is_unnamed());
    }

    #[test]
    fn internet_address_is_refused_with_stds_words() {
        let mut raw = RawUnixAddr::room();
        raw.bytes[0] = u8::try_from(libc::AF_INET).unwrap();
        raw.len = 16;
        let error = raw.decode().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("Unix socket"));
    }
}
