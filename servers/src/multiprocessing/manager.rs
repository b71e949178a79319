//! [`Manager`]: a process that holds dictionaries and lists for others.

use super::current;
use super::frames::Frames;
use super::handover::{Handed, Packed, give_owned, invalid, take};
use super::objects::{Call, Objects};
use super::process::{Builder, Process};
use super::rpc::{self, Client};
use super::{DictProxy, ListProxy};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A process of its own that holds dictionaries and lists, on which others work by proxies.
///
/// Proxies can be cloned, and given to processes as arguments. Each operation is one question and one answer, and
/// is atomic; two are not, so use a [`Lock`](super::Lock) for "look, then change". When the manager is
/// killed, each operation is an error that says how it ended. It ends when it is dropped here and no
/// proxy of this process is left, at the latest with this process.
///
/// Source: `multiprocessing.Manager` of Python. Differs: no names or ports; objects are kept until the
/// manager ends.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, DictProxy, ListProxy, Manager, Process};
///
/// fn work((ages, names): (DictProxy<String, u32>, ListProxy<String>)) {
///     ages.insert("Ada", &36).expect("because the manager is there");
///     names.append("Ada").expect("because the manager is there");
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let manager = Manager::start()?;
///         let (ages, names) = (manager.dict()?, manager.list()?);
///         Process::spawn(work, (ages.clone(), names.clone()))?.join();
///         assert_eq!(ages.get("Ada")?, Some(36));
///         assert_eq!(names.to_vec()?, ["Ada"]);
///         manager.process().kill()?;
///         manager.process().join();
///         let error = ages.len().unwrap_err().to_string();
///         assert!(error.contains("was killed by signal 9"), "{error}");
///         Ok(())
///     })?
/// }
/// ```
pub struct Manager {
    process: Process,
    client: Client,
}

/// What the manager's process runs.
fn serve(socket: Handed) {
    if let Err(error) = rpc::serve_first(&Arc::new(Objects::default()), socket.into_fd()) {
        current::complain(&error);
    }
}

impl Manager {
    /// Starts the manager's process, a daemon called `Manager`. Parks until it has a number.
    ///
    /// # Errors
    /// As [`Process::spawn`].
    ///
    /// # Examples
    /// See [`Manager`].
    pub fn start() -> io::Result<Manager> {
        let (here, there) = Frames::pair()?;
        let builder = Builder::new().name("Manager").daemon(true);
        let process = builder.spawn(serve, Handed::from(there))?;
        let client = Client::new("manager", here, Some(Arc::clone(process.record())));
        Ok(Manager { process, client })
    }

    fn new_object(&self, call: &Call) -> io::Result<Object> {
        let client = self.client.clone();
        let number = ask(&client, call)?;
        Ok(Object { client, number })
    }

    /// A new dictionary. Parks for the answer.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; the text says how.
    ///
    /// # Examples
    /// See [`Manager`].
    pub fn dict<K, V>(&self) -> io::Result<DictProxy<K, V>> {
        Ok(DictProxy::of(self.new_object(&Call::NewDict)?))
    }

    /// A new list. Parks for the answer.
    ///
    /// # Errors
    /// As [`dict`](Self::dict).
    ///
    /// # Examples
    /// See [`Manager`].
    pub fn list<V>(&self) -> io::Result<ListProxy<V>> {
        Ok(ListProxy::of(self.new_object(&Call::NewList)?))
    }

    /// Its process. Never parks.
    ///
    /// # Examples
    /// See [`Manager`].
    pub fn process(&self) -> &Process {
        &self.process
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Manager");
        text.field("process", &self.process);
        text.finish_non_exhaustive()
    }
}

/// An object in the manager.
#[derive(Clone)]
pub(super) struct Object {
    client: Client,
    number: usize,
}

fn ask<R: DeserializeOwned>(client: &Client, call: &Call) -> io::Result<R> {
    let call = postcard::to_stdvec(call).map_err(|error| invalid(&error.to_string()))?;
    unpack(client.call(&call)?)
}

pub(super) fn unpack<R: DeserializeOwned>(bytes: Vec<u8>) -> io::Result<R> {
    let fds = Vec::new();
    Packed { bytes, fds }.unpack()
}

/// A key or an item as bytes.
pub(super) fn pack<T: Serialize + ?Sized>(value: &T) -> io::Result<Vec<u8>> {
    let (packed, _bonds) = Packed::of(&value)?;
    if packed.fds.is_empty() {
        return Ok(packed.bytes);
    }
    Err(invalid(
        "descriptors go through pipes and arguments, not through a manager",
    ))
}

impl Object {
    pub(super) fn ask<R: DeserializeOwned>(
        &self,
        call: impl FnOnce(usize) -> Call,
    ) -> io::Result<R> {
        ask(&self.client, &call(self.number))
    }
}

/// A socket for the new user, in front of the number.
struct Socket<'a>(&'a Client);

impl Serialize for Socket<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        give_owned(serializer, self.0.join(), None)
    }
}

struct Received(OwnedFd);

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Received, D::Error> {
        take(deserializer).map(Received)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Socket(&self.client), self.number).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object, D::Error> {
        let (socket, number) = <(Received, usize)>::deserialize(deserializer)?;
        let client = Client::new("manager's objects", socket.0, None);
        Ok(Object { client, number })
    }
}
