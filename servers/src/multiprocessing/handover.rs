//! Values on their way to another process: their bytes, and the descriptors that go along.
//!
//! A value is serialised by postcard; a descriptor in it cannot be, so [`Handed`] writes an index instead, and
//! a duplicate goes into the list that belongs to the message. The list is found by a variable of the
//! running green thread, which is set only while a value is packed or unpacked here: anywhere else (a
//! `Handed` to JSON) is an error. Bonds are what must happen once it is known who got the value.

use super::process::Record;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// The kernel's limit for one message (`SCM_MAX_FD`) is 253; one is ours.
pub(super) const DESCRIPTORS_MAX: usize = 250;

/// Called with the process that the value was given to.
pub(super) type Bond = Box<dyn FnOnce(&Arc<Record>) + Send>;

/// A message: bytes, and descriptors by index.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) fds: Vec<OwnedFd>,
}

#[derive(Default)]
struct Packing {
    fds: Vec<OwnedFd>,
    bonds: Vec<Bond>,
    /// postcard drops the texts of errors.
    complaint: Option<String>,
}

greenroom::thread_local! {
    static PACKING: RefCell<Option<Packing>> = const { RefCell::new(None) };
    static UNPACKING: RefCell<Option<Vec<Option<OwnedFd>>>> = const { RefCell::new(None) };
}

/// Puts what was there before back, also when a `Serialize` of the user's panics.
struct Restore<T: 'static>(
    &'static greenroom::thread::LocalKey<RefCell<Option<T>>>,
    Option<T>,
);

impl<T> Restore<T> {
    fn set(key: &'static greenroom::thread::LocalKey<RefCell<Option<T>>>, value: T) -> Restore<T> {
        let before = key.with(|cell| cell.replace(Some(value)));
        Restore(key, before)
    }

    fn take(&self) -> Option<T> {
        self.0.with(RefCell::take)
    }
}

impl<T> Drop for Restore<T> {
    fn drop(&mut self) {
        let before = self.1.take();
        let ours = self.0.with(|cell| cell.replace(before));
        drop(ours);
    }
}

impl Packed {
    /// Serialises `value`.
    pub(super) fn of<T: Serialize>(value: &T) -> io::Result<(Packed, Vec<Bond>)> {
        let scope = Restore::set(&PACKING, Packing::default());
        let bytes = postcard::to_stdvec(value);
        let packing = scope.take().unwrap_or_default();
        let bytes = bytes.map_err(|error| {
            let text = packing.complaint.unwrap_or_else(|| error.to_string());
            invalid(&format!("this value cannot go to another process: {text}"))
        })?;
        let fds = packing.fds;
        Ok((Packed { bytes, fds }, packing.bonds))
    }

    /// The value. Descriptors that it does not take are closed.
    pub(super) fn unpack<T: DeserializeOwned>(self) -> io::Result<T> {
        let fds = self.fds.into_iter().map(Some).collect();
        let _scope = Restore::set(&UNPACKING, fds);
        postcard::from_bytes(&self.bytes).map_err(|error| {
            let text =
                format!("multiprocessing: what another process sent is not a value: {error}");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }
}

/// An error of the caller's.
pub(super) fn invalid(text: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("multiprocessing: {text}"),
    )
}

/// Gives a duplicate of `fd` to the value that is being packed, with what to do once somebody has it.
pub(super) fn give<S: Serializer>(
    serializer: S,
    fd: BorrowedFd<'_>,
    bond: Option<Bond>,
) -> Result<S::Ok, S::Error> {
    let copy = fd.try_clone_to_owned();
    give_owned(serializer, copy, bond)
}

/// As [`give`], of a descriptor that is made for it.
pub(super) fn give_owned<S: Serializer>(
    serializer: S,
    fd: io::Result<OwnedFd>,
    bond: Option<Bond>,
) -> Result<S::Ok, S::Error> {
    let index = PACKING.with(|cell| {
        let mut packing = cell.borrow_mut();
        let Some(packing) = packing.as_mut() else {
            return Err(
                "a descriptor goes along only with what is sent to another process".to_owned(),
            );
        };
        let fd = match fd {
            Ok(fd) if packing.fds.len() < DESCRIPTORS_MAX => fd,
            refused => {
                let text = match refused {
                    Ok(_) => format!("more than {DESCRIPTORS_MAX} descriptors in one message"),
                    Err(error) => format!("its descriptor cannot be duplicated: {error}"),
                };
                packing.complaint = Some(text.clone());
                return Err(text);
            }
        };
        packing.fds.push(fd);
        packing.bonds.extend(bond);
        Ok(packing.fds.len() - 1)
    });
    match index {
        Ok(index) => index.serialize(serializer),
        Err(text) => Err(serde::ser::Error::custom(text)),
    }
}

/// Why the value that is being packed cannot be: as an error that keeps its text.
pub(super) fn refuse<E: serde::ser::Error>(text: &str) -> E {
    PACKING.with(|cell| {
        if let Some(packing) = cell.borrow_mut().as_mut() {
            packing.complaint = Some(text.to_owned());
        }
    });
    E::custom(text)
}

/// Takes the descriptor that [`give`] gave.
pub(super) fn take<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OwnedFd, D::Error> {
    let index = usize::deserialize(deserializer)?;
    let fd = UNPACKING.with(|cell| {
        let mut fds = cell.borrow_mut();
        fds.as_mut()?.get_mut(index)?.take()
    });
    fd.ok_or_else(|| serde::de::Error::custom("its descriptor did not come along"))
}

/// A descriptor that goes to another process as part of an argument or a message.
///
/// Serialising it duplicates the descriptor (`SCM_RIGHTS`), so the socket or file is then open in both
/// processes; the copy here is closed when the `Handed` is dropped, for an argument of
/// [`Process::spawn`](super::Process::spawn) as soon as the process has started.
/// Only what this module sends can carry one: with another serialiser it is an error. At most 250 go with
/// one message. Source: `multiprocessing.reduction.DupFd` of Python.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Handed, Process};
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
///
/// fn greet(stream: Handed) {
///     let mut stream = greenroom::net::TcpStream::from(stream.into_fd());
///     stream.write_all(b"hello").expect("because the peer reads");
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let listener = TcpListener::bind("127.0.0.1:0")?;
///         let mut client = TcpStream::connect(listener.local_addr()?)?;
///         let (stream, _) = listener.accept()?;
///         let process = Process::spawn(greet, Handed::from(stream))?;
///         let mut text = String::new();
///         client.read_to_string(&mut text)?;
///         assert_eq!(text, "hello");
///         assert!(process.join().success());
///         Ok(())
///     })?
/// }
/// ```
pub struct Handed(OwnedFd);

impl Handed {
    /// The descriptor. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::Handed;
    /// let (reader, _writer) = std::io::pipe()?;
    /// let fd: std::os::fd::OwnedFd = Handed::from(reader).into_fd();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_fd(self) -> OwnedFd {
        self.0
    }

    /// As a TCP stream. Never parks. What the descriptor is, is not checked.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::Handed;
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    /// let stream = Handed::from(stream).into_tcp_stream();
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_tcp_stream(self) -> greenroom::net::TcpStream {
        self.0.into()
    }

    /// As a TCP listener. Never parks. What the descriptor is, is not checked.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::Handed;
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert!(Handed::from(listener).into_tcp_listener().local_addr()?.port() > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_tcp_listener(self) -> greenroom::net::TcpListener {
        self.0.into()
    }

    /// As a stream of a Unix socket. Never parks. What the descriptor is, is not checked.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::Handed;
    /// let (stream, _peer) = std::os::unix::net::UnixStream::pair()?;
    /// let stream: greenroom::os::unix::net::UnixStream = Handed::from(stream).into_unix_stream();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_unix_stream(self) -> greenroom::os::unix::net::UnixStream {
        self.0.into()
    }

    /// As a file. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::Handed;
    /// let file = Handed::from(std::fs::File::open("/proc/self/exe")?).into_file();
    /// assert!(file.metadata()?.is_file());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_file(self) -> greenroom::fs::File {
        greenroom::fs::File::from(File::from(self.0))
    }
}

impl<T: Into<OwnedFd>> From<T> for Handed {
    fn from(holder: T) -> Handed {
        Handed(holder.into())
    }
}

impl AsFd for Handed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl fmt::Debug for Handed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handed").field(&self.0).finish()
    }
}

impl Serialize for Handed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        give(serializer, self.0.as_fd(), None)
    }
}

impl<'de> Deserialize<'de> for Handed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Handed, D::Error> {
        take(deserializer).map(Handed)
    }
}
