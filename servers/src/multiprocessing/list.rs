//! [`ListProxy`]: a list in a manager's process.

use super::code::Code;
use super::manager::{Object, pack, unpack};
use super::objects::{Bytes, Call, ListCall};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::fmt;
use std::io;
use std::marker::PhantomData;

/// A list in a [`Manager`](super::Manager)'s process. Clones, and copies in other processes, are the same list.
///
/// Every method is one question, for whose answer it parks; it is done at once and whole, and a cancel leaves
/// it done or not begun.
///
/// # Examples
/// See [`Manager`](super::Manager), and each method.
pub struct ListProxy<V> {
    object: Object,
    types: PhantomData<fn(V) -> V>,
}

impl<V> ListProxy<V> {
    pub(super) fn of(object: Object) -> ListProxy<V> {
        let types = PhantomData;
        ListProxy { object, types }
    }

    fn ask<R: DeserializeOwned>(&self, call: ListCall) -> io::Result<R> {
        self.object.ask(|number| Call::List(number, call))
    }

    /// The item at `index`, if there is one.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.append(&7)?;
    ///         assert_eq!((list.get(0)?, list.get(1)?), (Some(7), None));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn get(&self, index: usize) -> io::Result<Option<V>>
    where
        V: DeserializeOwned,
    {
        opt(self.ask(ListCall::Get(index))?)
    }

    /// Sets the item at `index`. Returns the one before; `None` if there is no such place.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.append(&7)?;
    ///         assert_eq!((list.set(0, &8)?, list.set(1, &9)?), (Some(7), None));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn set<Q: Serialize + ?Sized>(&self, index: usize, item: &Q) -> io::Result<Option<V>>
    where
        V: Borrow<Q> + DeserializeOwned,
    {
        opt(self.ask(ListCall::Set(index, pack(item)?))?)
    }

    /// Puts an item at the end.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.append(&7)?;
    ///         assert_eq!(list.len()?, 1);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn append<Q: Serialize + ?Sized>(&self, item: &Q) -> io::Result<()>
    where
        V: Borrow<Q>,
    {
        self.ask(ListCall::Append(pack(item)?))
    }

    /// Puts an item before the one at `index`; at the end if there is no such place.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.append(&7)?;
    ///         list.insert(0, &8)?;
    ///         assert_eq!(list.to_vec()?, [8, 7]);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn insert<Q: Serialize + ?Sized>(&self, index: usize, item: &Q) -> io::Result<()>
    where
        V: Borrow<Q>,
    {
        self.ask(ListCall::Insert(index, pack(item)?))
    }

    /// Puts all of `items` at the end, at one moment.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.extend([1, 2, 3])?;
    ///         assert_eq!(list.len()?, 3);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn extend<I: IntoIterator<Item = V>>(&self, items: I) -> io::Result<()>
    where
        V: Serialize,
    {
        let items: io::Result<Vec<Bytes>> = items.into_iter().map(|item| pack(&item)).collect();
        self.ask(ListCall::Extend(items?))
    }

    /// Takes the item at `index` out, if there is one.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.extend([1, 2])?;
    ///         assert_eq!((list.remove(0)?, list.remove(1)?), (Some(1), None));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn remove(&self, index: usize) -> io::Result<Option<V>>
    where
        V: DeserializeOwned,
    {
        opt(self.ask(ListCall::Remove(index))?)
    }

    /// Takes the last item out, if there is one.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.extend([1, 2])?;
    ///         assert_eq!(list.pop()?, Some(2));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn pop(&self) -> io::Result<Option<V>>
    where
        V: DeserializeOwned,
    {
        opt(self.ask(ListCall::Pop)?)
    }

    /// How many items there are.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         assert_eq!(list.len()?, 0);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn len(&self) -> io::Result<usize> {
        self.ask(ListCall::Len)
    }

    /// Whether there is no item.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         assert!(list.is_empty()?);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Whether an item equals `item`, as serialised.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.append(&7)?;
    ///         assert!(list.contains(&7)? && !list.contains(&8)?);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn contains<Q: Serialize + ?Sized>(&self, item: &Q) -> io::Result<bool>
    where
        V: Borrow<Q>,
    {
        let items: Vec<Bytes> = self.ask(ListCall::Items)?;
        Ok(items.contains(&pack(item)?))
    }

    /// All items, at one moment.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.extend([1, 2])?;
    ///         assert_eq!(list.to_vec()?, [1, 2]);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn to_vec(&self) -> io::Result<Vec<V>>
    where
        V: DeserializeOwned,
    {
        let items: Vec<Bytes> = self.ask(ListCall::Items)?;
        items.into_iter().map(unpack).collect()
    }

    /// Sorts the items, in the manager, at one moment. An `Ord` that panics is an error.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.extend([300, 2])?;
    ///         list.sort()?;
    ///         assert_eq!(list.to_vec()?, [2, 300]);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn sort(&self) -> io::Result<()>
    where
        V: Ord + DeserializeOwned,
    {
        let code = Code::of(sort_items::<V>)?;
        self.ask(ListCall::Sort(code.trampoline as u64, code.function as u64))
    }

    /// Removes everything.
    ///
    /// # Errors
    /// `BrokenPipe` if the manager has ended; where this process started it, the text says how.
    /// `InvalidInput` if something cannot be serialised.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Manager};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let manager = Manager::start()?;
    ///         let list = manager.list::<u32>()?;
    ///         list.append(&7)?;
    ///         list.clear()?;
    ///         assert!(list.is_empty()?);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn clear(&self) -> io::Result<()> {
        self.ask(ListCall::Clear)
    }
}

impl<V> Clone for ListProxy<V> {
    fn clone(&self) -> ListProxy<V> {
        ListProxy::of(self.object.clone())
    }
}

impl<V> fmt::Debug for ListProxy<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListProxy").finish_non_exhaustive()
    }
}

impl<V> Serialize for ListProxy<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de, V> Deserialize<'de> for ListProxy<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ListProxy<V>, D::Error> {
        Object::deserialize(deserializer).map(ListProxy::of)
    }
}

fn opt<T: DeserializeOwned>(bytes: Option<Bytes>) -> io::Result<Option<T>> {
    bytes.map(unpack).transpose()
}

/// Runs in the manager, which knows no types. What is no `V` goes to the front.
fn sort_items<V: Ord + DeserializeOwned>(items: Vec<Bytes>) -> Vec<Bytes> {
    let mut rows: Vec<(Option<V>, Bytes)> = items
        .into_iter()
        .map(|item| (unpack(item.clone()).ok(), item))
        .collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    rows.into_iter().map(|(_, item)| item).collect()
}
