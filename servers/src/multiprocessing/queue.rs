//! [`Queue`]: first in, first out, for any number of processes.

use super::frames::MESSAGE_MAX;
use super::handover::{Packed, give_owned, invalid, take};
use super::queue_core::{Call, Core, Count, Limit};
use super::rpc::{self, Client};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// The longest item in bytes: with the head of a call it makes a message.
const ITEM_MAX: usize = MESSAGE_MAX - 64;

/// A queue between processes, first in, first out. Clones are the same queue.
///
/// It lives in the process that made it, and is served there by green threads; each process it is given to (as
/// an argument, or through a pipe) has a socket of its own. What that promises when a process is killed:
/// - What it put before, by a `put` that returned, stays in the queue.
/// - An item it was getting is put back in front, unless its `get` had taken it: nothing is doubled, and what
///   is lost is what the dead process had.
/// - Nobody else waits longer for it.
/// - In the process that holds the queue, `get` on an empty queue is an error when all processes that had the
///   queue are gone (or have dropped it), and names how the last one ended. Green threads of the
///   process itself do not count: use [`greenroom::queue`] among them.
/// - Elsewhere every call is an error when the holder is gone.
///
/// An item has at most 256 MiB (less 64 bytes), and no descriptors. What Python calls `Queue(10)` and `qsize` and
/// greenroom's own queues call `bounded(10)` and `len` can be had by both names here; `close` is their `shutdown`.
/// Source: `multiprocessing.Queue` of Python.
/// Differs: there a killed process can leave the queue locked for ever, and `get` waits for the dead.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Process, Queue};
///
/// fn square((numbers, squares): (Queue<u32>, Queue<u32>)) {
///     while let Ok(number) = numbers.get() {
///         squares.put(number * number).expect("because the parent is there");
///     }
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let (numbers, squares) = (Queue::new(), Queue::bounded(4));
///         let process = Process::spawn(square, (numbers.clone(), squares.clone()))?;
///         for number in 1..=3 {
///             numbers.put(number)?;
///         }
///         numbers.close()?;
///         assert_eq!((squares.get()?, squares.get()?, squares.get()?), (1, 4, 9));
///         process.join();
///         let error = squares.get().unwrap_err().to_string();
///         assert!(error.contains("exited with code 0"), "{error}");
///         Ok(())
///     })?
/// }
/// ```
pub struct Queue<T> {
    side: Side,
    items: PhantomData<fn(T) -> T>,
}

#[derive(Clone)]
enum Side {
    Here(Arc<Core>),
    There(Client),
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue::new()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Queue<T> {
        Queue::of(self.side.clone())
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

fn pack(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let (packed, _bonds) = Packed::of(value)?;
    if packed.fds.is_empty() {
        return Ok(packed.bytes);
    }
    Err(invalid(
        "descriptors go through pipes and arguments, not through a queue",
    ))
}

/// The call of another process for an item.
fn ask(may_wait: bool) -> io::Result<Vec<u8>> {
    pack(&Call::Get { may_wait })
}

fn unpack<T: DeserializeOwned>(bytes: Vec<u8>) -> io::Result<T> {
    let fds = Vec::new();
    Packed { bytes, fds }.unpack()
}

impl<T> Queue<T> {
    fn of(side: Side) -> Queue<T> {
        let items = PhantomData;
        Queue { side, items }
    }

    /// A queue without a limit. Never parks.
    ///
    /// # Examples
    /// See [`Queue`].
    pub fn new() -> Queue<T> {
        Queue::of(Side::Here(Arc::new(Core::new(None))))
    }

    /// As [`new`](Self::new), by the name of [`greenroom::queue::Queue::unbounded`]. Never parks.
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom_servers::multiprocessing::Queue::unbounded();
    /// queue.put("one")?;
    /// assert_eq!(queue.len()?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unbounded() -> Queue<T> {
        Queue::new()
    }

    /// A queue of at most `max` items. Never parks.
    ///
    /// # Panics
    /// If `max` is zero.
    ///
    /// # Examples
    /// See [`try_put`](Self::try_put).
    pub fn bounded(max: usize) -> Queue<T> {
        assert!(max > 0, "a queue of no items");
        Queue::of(Side::Here(Arc::new(Core::new(Some(max)))))
    }

    fn count(&self) -> io::Result<Count> {
        match &self.side {
            Side::Here(core) => Ok(core.count()),
            Side::There(client) => unpack(client.call(&pack(&Call::Count)?)?),
        }
    }

    /// How many items there are now. Parks for an answer, in another process.
    ///
    /// # Errors
    /// `BrokenPipe` if the process that holds the queue is gone.
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom_servers::multiprocessing::Queue::new();
    /// queue.put("one")?;
    /// assert_eq!((queue.qsize()?, queue.is_empty()?, queue.is_full()?), (1, false, false));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn qsize(&self) -> io::Result<usize> {
        Ok(self.count()?.items)
    }

    /// As [`qsize`](Self::qsize), by the name of std's collections. Parks for an answer, in another process.
    ///
    /// # Errors
    /// As [`qsize`](Self::qsize).
    ///
    /// # Examples
    /// See [`unbounded`](Self::unbounded).
    pub fn len(&self) -> io::Result<usize> {
        self.qsize()
    }

    /// Whether there is no item now. Parks for an answer, in another process.
    ///
    /// # Errors
    /// As [`qsize`](Self::qsize).
    ///
    /// # Examples
    /// See [`qsize`](Self::qsize).
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.count()?.items == 0)
    }

    /// Whether there is no room now. Parks for an answer, in another process.
    ///
    /// # Errors
    /// As [`qsize`](Self::qsize).
    ///
    /// # Examples
    /// See [`qsize`](Self::qsize).
    pub fn is_full(&self) -> io::Result<bool> {
        let count = self.count()?;
        Ok(count.max.is_some_and(|max| count.items >= max))
    }

    /// Closes it for everybody: no more puts; gets take what is left, and are errors then.
    ///
    /// # Errors
    /// As [`qsize`](Self::qsize).
    ///
    /// # Examples
    /// See [`Queue`].
    pub fn close(&self) -> io::Result<()> {
        match &self.side {
            Side::Here(core) => {
                core.close();
                Ok(())
            }
            Side::There(client) => client.call(&pack(&Call::Close)?).map(drop),
        }
    }
}

impl<T: Serialize> Queue<T> {
    fn put_limited(&self, item: &T, limit: Limit) -> io::Result<()> {
        let item = pack(item)?;
        if item.len() > ITEM_MAX {
            let text = format!("an item of {} bytes; at most {ITEM_MAX}", item.len());
            return Err(invalid(&text));
        }
        match &self.side {
            Side::Here(core) => core.put(item, limit),
            Side::There(client) => client.call(&pack(&Call::Put(item, limit))?).map(drop),
        }
    }

    /// Puts an item at the end. Parks while the queue is full.
    ///
    /// # Errors
    /// `BrokenPipe` if the queue is closed, or the process that holds it is gone. `InvalidInput` if the item
    /// cannot be serialised, or is too long.
    ///
    /// # Cancel
    /// The item is put, or not.
    ///
    /// # Examples
    /// See [`Queue`].
    pub fn put(&self, item: T) -> io::Result<()> {
        self.put_limited(&item, Limit::Never)
    }

    /// Puts an item if there is room.
    ///
    /// # Errors
    /// `WouldBlock` if the queue is full; and as [`put`](Self::put).
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom_servers::multiprocessing::Queue::bounded(1);
    /// queue.try_put(1)?;
    /// assert_eq!(queue.try_put(2).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_put(&self, item: T) -> io::Result<()> {
        self.put_limited(&item, Limit::Try)
    }

    /// Puts an item if there is room within `timeout`. The holder of the queue keeps the time.
    ///
    /// # Errors
    /// `TimedOut`, and then the item is not in the queue; and as [`put`](Self::put).
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom_servers::multiprocessing::Queue::bounded(1);
    /// queue.put(1)?;
    /// let error = queue.put_timeout(2, std::time::Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn put_timeout(&self, item: T, timeout: Duration) -> io::Result<()> {
        self.put_limited(&item, Limit::Within(timeout))
    }
}

impl<T: DeserializeOwned> Queue<T> {
    /// Takes the first item. Parks while there is none.
    ///
    /// # Errors
    /// `BrokenPipe` if the queue is empty and closed, or empty and nobody is left who could put: see
    /// [`Queue`]; elsewhere, if the process that holds it is gone. `InvalidData` if what comes is not such
    /// a value.
    ///
    /// # Cancel
    /// Takes nothing: an item on its way is put back in front.
    ///
    /// # Examples
    /// See [`Queue`].
    pub fn get(&self) -> io::Result<T> {
        unpack(match &self.side {
            Side::Here(core) => core.get(Limit::Never)?,
            Side::There(client) => client.borrow(&ask(true)?)?.1,
        })
    }

    /// Takes the first item, if there is one.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; and as [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom_servers::multiprocessing::Queue::<u8>::new();
    /// assert_eq!(queue.try_get().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// ```
    pub fn try_get(&self) -> io::Result<T> {
        unpack(match &self.side {
            Side::Here(core) => core.get(Limit::Try)?,
            Side::There(client) => client.borrow(&ask(false)?)?.1,
        })
    }

    /// Takes the first item, if one comes within `timeout`; with none at all, as [`try_get`](Self::try_get). In
    /// another process the question and its answer take a part of the time.
    ///
    /// # Errors
    /// `TimedOut`; and as [`get`](Self::get).
    ///
    /// # Cancel
    /// Takes nothing.
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom_servers::multiprocessing::Queue::<u8>::new();
    /// let error = queue.get_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// ```
    pub fn get_timeout(&self, timeout: Duration) -> io::Result<T> {
        unpack(match &self.side {
            Side::Here(core) => core.get(Limit::Within(timeout))?,
            Side::There(client) => client.borrow_within(timeout, ask)?.1,
        })
    }
}

impl<T> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.side {
            Side::There(client) => give_owned(serializer, client.join(), None),
            Side::Here(core) => rpc::give_user(serializer, core),
        }
    }
}

impl<'de, T> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Queue<T>, D::Error> {
        let socket = take(deserializer)?;
        Ok(Queue::of(Side::There(Client::new("queue", socket, None))))
    }
}
