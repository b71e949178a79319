//! Internet socket addresses in the kernel's layout.
//!
//! [`RawAddr`] is a `sockaddr_in` or `sockaddr_in6` kept as plain bytes, so that packing and
//! unpacking is safe code; the asserts below hold the offsets against libc's structs. Must never
//! hold another family: [`RawAddr::decode`] refuses one. Called by `sys/socket.rs` and `sys/datagram.rs`.

use std::io;
use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Bytes of the larger of the two layouts.
const ADDR_BYTES_MAX: usize = size_of::<libc::sockaddr_in6>();
const V4_BYTES: usize = size_of::<libc::sockaddr_in>();

const PORT: usize = 2;
const V4_IP: usize = 4;
const V6_FLOW: usize = 4;
const V6_IP: usize = 8;
const V6_SCOPE: usize = 24;

const _: () = {
    assert!(ADDR_BYTES_MAX == 28 && V4_BYTES == 16);
    assert!(align_of::<RawAddr>() >= align_of::<libc::sockaddr_in6>());
    assert!(offset_of!(libc::sockaddr_in, sin_family) == 0);
    assert!(offset_of!(libc::sockaddr_in, sin_port) == PORT);
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == V4_IP);
    assert!(offset_of!(libc::sockaddr_in6, sin6_family) == 0);
    assert!(offset_of!(libc::sockaddr_in6, sin6_port) == PORT);
    assert!(offset_of!(libc::sockaddr_in6, sin6_flowinfo) == V6_FLOW);
    assert!(offset_of!(libc::sockaddr_in6, sin6_addr) == V6_IP);
    assert!(offset_of!(libc::sockaddr_in6, sin6_scope_id) == V6_SCOPE);
};

/// The family of `addr`, as `socket(2)` wants it.
pub(crate) fn family(addr: &SocketAddr) -> libc::c_int {
    match addr {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    }
}

/// An address as `bind`, `connect`, `accept4`, `recvfrom` and `sendto` read or write it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(4))]
pub(crate) struct RawAddr {
    bytes: [u8; ADDR_BYTES_MAX],
    len: libc::socklen_t,
}

impl RawAddr {
    /// Room for whatever the kernel is about to write.
    pub(crate) fn room() -> RawAddr {
        RawAddr {
            bytes: [0; ADDR_BYTES_MAX],
            len: length(ADDR_BYTES_MAX),
        }
    }

    /// `addr` in the kernel's layout.
    pub(crate) fn encode(addr: &SocketAddr) -> RawAddr {
        let mut raw = RawAddr::room();
        raw.put(0, family_word(family(addr)).to_ne_bytes());
        raw.put(PORT, addr.port().to_be_bytes());
        match addr {
            SocketAddr::V4(v4) => {
                raw.put(V4_IP, v4.ip().octets());
                raw.len = length(V4_BYTES);
            }
            SocketAddr::V6(v6) => {
                // As std: flow info travels in host order, unlike port and address.
                raw.put(V6_FLOW, v6.flowinfo().to_ne_bytes());
                raw.put(V6_IP, v6.ip().octets());
                raw.put(V6_SCOPE, v6.scope_id().to_ne_bytes());
            }
        }
        raw
    }

    /// The address the kernel wrote.
    ///
    /// # Errors
    /// `InvalidInput` if it is no internet address (a descriptor of another kind was adopted).
    pub(crate) fn decode(&self) -> io::Result<SocketAddr> {
        let family = u16::from_ne_bytes(self.get(0));
        let port = u16::from_be_bytes(self.get(PORT));
        if family == family_word(libc::AF_INET) && self.len >= length(V4_BYTES) {
            let ip = Ipv4Addr::from(self.get::<4>(V4_IP));
            return Ok(SocketAddr::V4(SocketAddrV4::new(ip, port)));
        }
        if family == family_word(libc::AF_INET6) && self.len >= length(ADDR_BYTES_MAX) {
            let ip = Ipv6Addr::from(self.get::<16>(V6_IP));
            let flowinfo = u32::from_ne_bytes(self.get(V6_FLOW));
            let scope_id = u32::from_ne_bytes(self.get(V6_SCOPE));
            return Ok(SocketAddr::V6(SocketAddrV6::new(
                ip, port, flowinfo, scope_id,
            )));
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "invalid argument",
        ))
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

    fn put<const N: usize>(&mut self, at: usize, field: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&field);
    }

    fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|i| self.bytes[at + i])
    }
}

fn family_word(family: libc::c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(family).expect("because address families are small numbers")
}

fn length(bytes: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(bytes).expect("because an address has at most 28 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_encoded_and_decoded_are_unchanged() {
        let v6 = SocketAddrV6::new("fe80::1:2".parse().unwrap(), 65_535, 0x0102_0304, 7);
        let addrs: [SocketAddr; 4] = [
            "127.0.0.1:8001".parse().unwrap(),
            "255.254.253.252:1".parse().unwrap(),
            "[::1]:443".parse().unwrap(),
            v6.into(),
        ];
        for addr in addrs {
            assert_eq!(RawAddr::encode(&addr).decode().unwrap(), addr);
        }
    }

    #[test]
    fn address_of_another_family_is_refused() {
        let mut raw = RawAddr::room();
        raw.put(0, family_word(libc::AF_UNIX).to_ne_bytes());
        assert_eq!(
            raw.decode().unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        raw.put(0, family_word(libc::AF_INET6).to_ne_bytes());
        raw.len = 2;
        assert!(raw.decode().is_err());
    }
}
