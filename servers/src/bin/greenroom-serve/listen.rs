//! `--listen`: what it may say, and what is said when it cannot be done.

use greenroom::net::{SocketAddr, ToSocketAddrs};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::str::FromStr;

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// `ADDRESS:PORT`; a name is looked up when the server starts.
    Ip(String),
    /// `unix:/PATH`
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.is_empty() || path.contains('\0') {
                true => Err("give a path, as in unix:/run/echo.sock".to_owned()),
                false => Ok(Listen::Unix(path.into())),
            };
        }
        if text.parse::<u16>().is_ok() {
            return Ok(Listen::Ip(format!("127.0.0.1:{text}")));
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Listen::Ip(text.to_owned()))
            }
            _ => Err(
                "give ADDRESS:PORT as in 127.0.0.1:8080 or [::1]:8080, PORT, or unix:/PATH"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Ip(address) => f.write_str(address),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listen {
    /// What is listened at, resolved. Parks for names. A Unix socket has none.
    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Listen::Ip(address) => {
                let found = address
                    .to_socket_addrs()
                    .map_err(|error| self.explain(error))?;
                Ok(found.collect())
            }
            Listen::Unix(_) => Ok(Vec::new()),
        }
    }

    /// The error of listening here, with what can be done about it.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        let advice = match (error.kind(), self) {
            (ErrorKind::AddrInUse, Listen::Ip(_)) => {
                "; stop the server that has it, or choose another place with --listen"
            }
            (ErrorKind::AddrInUse, Listen::Unix(_)) => {
                "; a server or another file has this name: stop or remove it, or choose another place with --listen"
            }
            (ErrorKind::PermissionDenied, Listen::Ip(_)) => {
                "; ports below 1024 are for root (or CAP_NET_BIND_SERVICE): choose a higher one with --listen"
            }
            (ErrorKind::PermissionDenied, Listen::Unix(_)) => {
                "; choose a folder that you may write to with --listen unix:/PATH"
            }
            (ErrorKind::NotFound, Listen::Unix(_)) => "; its folder must exist",
            (ErrorKind::AddrNotAvailable, _) => {
                "; `ip address` lists the addresses that this machine has"
            }
            (ErrorKind::InvalidInput, Listen::Unix(_)) => {
                "; such a path has at most 107 bytes: choose a shorter one"
            }
            // The resolver has no kinds.
            (_, Listen::Ip(_)) if error.raw_os_error().is_none() => {
                "; give a name that this machine can look up, or an address: 0.0.0.0 and [::] are all that it has"
            }
            _ => "",
        };
        io::Error::new(
            error.kind(),
            format!("cannot listen on {self}: {error}{advice}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Listen;

    #[test]
    fn places_are_addresses_ports_or_paths() {
        for (text, shown) in [
            ("8080", "127.0.0.1:8080"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:0", "[::1]:0"),
            ("localhost:8080", "localhost:8080"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
        ] {
            assert_eq!(
                text.parse::<Listen>().map(|place| place.to_string()),
                Ok(shown.to_owned())
            );
        }
        for bad in [
            "",
            "localhost",
            ":80",
            "1.2.3.4:",
            "1.2.3.4:65536",
            "1.2.3.4:x",
            "unix:",
            "80x",
        ] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }
}
