//! From what a caller calls an address to socket addresses.
//!
//! IP literals are parsed in place. Host names go to the system's resolver on the blocking pool,
//! because `getaddrinfo` waits for files and servers and would stop every task of the worker.
//! Called by `connect` and `bind`, and by users through [`ToSocketAddrs`].

use crate::unblock::{self, Lane};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{io, iter, option, slice, vec};

/// What can be converted or resolved to socket addresses.
///
/// Implemented for the types that implement [`std::net::ToSocketAddrs`]: [`SocketAddr`],
/// [`SocketAddrV4`], [`SocketAddrV6`], pairs of an IP address or host name and a port, strings like
/// `"localhost:8001"` or `"127.0.0.1:8001"`, slices of [`SocketAddr`], and references to all of
/// these.
///
/// Differs: a trait of its own, because a worker must not run the resolver of an unknown type. A
/// type of yours that implements std's trait implements this one with the same lines.
///
/// # Examples
/// ```
/// use greenroom::net::ToSocketAddrs;
///
/// let mut addrs = "127.0.0.1:8001".to_socket_addrs()?;
/// assert_eq!(addrs.next(), Some(([127, 0, 0, 1], 8001).into()));
/// assert_eq!(addrs.next(), None);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait ToSocketAddrs {
    /// The addresses, in the order in which they are to be tried.
    type Iter: Iterator<Item = SocketAddr>;

    /// Converts or resolves `self`.
    ///
    /// Parks the caller if a host name has to be looked up.
    ///
    /// # Errors
    /// `InvalidInput` for text that is no address; whatever the resolver reports for a host name.
    ///
    /// # Cancel
    /// The lookup is left to itself; its answer is dropped.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::ToSocketAddrs;
    /// assert!("127.0.0.1:80".to_socket_addrs()?.any(|address| address.port() == 80));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

/// Asks the system's resolver, away from the workers. Strings travel by value: a caller that is
/// cancelled, or whose time is up, does not wait for a silent server.
fn look_up<A>(address: A) -> io::Result<vec::IntoIter<SocketAddr>>
where
    A: std::net::ToSocketAddrs<Iter = vec::IntoIter<SocketAddr>> + Send + 'static,
{
    unblock::ask(Lane::Names, move || address.to_socket_addrs())
}

/// Implements the trait for types that name exactly one address.
macro_rules! single_address {
    ($($address:ty),+) => {$(
        impl ToSocketAddrs for $address {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                Ok(Some(SocketAddr::from(*self)).into_iter())
            }
        }
    )+};
}

single_address!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16)
);

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let (host, port) = *self;
        match host.parse::<IpAddr>() {
            Ok(ip) => Ok(vec![SocketAddr::new(ip, port)].into_iter()),
            Err(_) => look_up((host.to_owned(), port)),
        }
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (self.0.as_str(), self.1).to_socket_addrs()
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        match self.parse() {
            Ok(addr) => Ok(vec![addr].into_iter()),
            Err(_) if names_host_and_port(self) => look_up(self.to_owned()),
            // std finds the fault without asking anybody, and words the error.
            Err(_) => std::net::ToSocketAddrs::to_socket_addrs(self),
        }
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}

/// Whether std would ask the resolver about `text`, rather than refuse it at once.
fn names_host_and_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_a_port_is_refused_without_a_lookup() {
        for (text, message) in [
            ("127.0.0.1", "invalid socket address"),
            ("localhost:x", "invalid port value"),
        ] {
            let error = text.to_socket_addrs().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn literals_of_every_shape_name_their_address() {
        fn first(address: impl ToSocketAddrs) -> SocketAddr {
            address.to_socket_addrs().unwrap().next().unwrap()
        }
        let v4: SocketAddr = "10.1.2.3:4".parse().unwrap();
        let v6: SocketAddr = "[::1]:4".parse().unwrap();
        assert_eq!(first("10.1.2.3:4"), v4);
        assert_eq!(first(String::from("[::1]:4")), v6);
        assert_eq!(first(("10.1.2.3", 4)), v4);
        assert_eq!(first((String::from("::1"), 4)), v6);
        assert_eq!(first((v4.ip(), 4)), v4);
        assert_eq!(first((Ipv6Addr::LOCALHOST, 4)), v6);
        assert_eq!(first(&[v6, v4][..]), v6);
        assert_eq!(first(v4), v4);
    }
}
