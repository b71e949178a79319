//! [`DictProxy`]: a dictionary in a manager's process.

use super::manager::{Object, pack, unpack};
use super::objects::{Bytes, Call, DictCall};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::fmt;
use std::io;
use std::marker::PhantomData;

/// A dictionary in a [`Manager`](super::Manager)'s process. Clones, and copies in other processes, are the same
/// dictionary.
///
/// Every method is one question, for whose answer it parks; it is done at once and whole, and a cancel leaves
/// it done or not begun. Keys are compared as they are serialised: `HashMap`s and the like are no keys. The order
/// is that of the first insertion, as in Python.
///
/// # Examples
/// See [`Manager`](super::Manager), and each method.
pub struct DictProxy<K, V> {
    object: Object,
    types: PhantomData<fn(K, V)>,
}

impl<K, V> DictProxy<K, V> {
    pub(super) fn of(object: Object) -> DictProxy<K, V> {
        let types = PhantomData;
        DictProxy { object, types }
    }

    fn ask<R: DeserializeOwned>(&self, call: DictCall) -> io::Result<R> {
        self.object.ask(|number| Call::Dict(number, call))
    }

    /// The value of `key`, if there is one.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.insert("a", &1)?;
    ///         assert_eq!((dict.get("a")?, dict.get("b")?), (Some(1), None));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn get<Q: Serialize + ?Sized>(&self, key: &Q) -> io::Result<Option<V>>
    where
        K: Borrow<Q>,
        V: DeserializeOwned,
    {
        opt(self.ask(DictCall::Get(pack(key)?))?)
    }

    /// Sets the value of `key`. Returns the one before.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         assert_eq!(dict.insert("a", &1)?, None);
    ///         assert_eq!(dict.insert("a", &2)?, Some(1));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn insert<Q: Serialize + ?Sized>(&self, key: &Q, value: &V) -> io::Result<Option<V>>
    where
        K: Borrow<Q>,
        V: Serialize + DeserializeOwned,
    {
        opt(self.ask(DictCall::Insert(pack(key)?, pack(value)?))?)
    }

    /// Removes `key`. Returns its value.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.insert("a", &1)?;
    ///         assert_eq!((dict.remove("a")?, dict.remove("a")?), (Some(1), None));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn remove<Q: Serialize + ?Sized>(&self, key: &Q) -> io::Result<Option<V>>
    where
        K: Borrow<Q>,
        V: DeserializeOwned,
    {
        opt(self.ask(DictCall::Remove(pack(key)?))?)
    }

    /// Whether there is such a key.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         assert!(!dict.contains_key("a")?);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn contains_key<Q: Serialize + ?Sized>(&self, key: &Q) -> io::Result<bool>
    where
        K: Borrow<Q>,
    {
        self.ask(DictCall::Contains(pack(key)?))
    }

    /// How many keys there are.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.insert("a", &1)?;
    ///         assert_eq!(dict.len()?, 1);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn len(&self) -> io::Result<usize> {
        self.ask(DictCall::Len)
    }

    /// Whether there is no key.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         assert!(dict.is_empty()?);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// All keys with their values, at one moment.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.insert("b", &1)?;
    ///         dict.insert("a", &2)?;
    ///         assert_eq!(dict.items()?, [("b".to_owned(), 1), ("a".to_owned(), 2)]);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn items(&self) -> io::Result<Vec<(K, V)>>
    where
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        let rows: Vec<(Bytes, Bytes)> = self.ask(DictCall::Items)?;
        rows.into_iter()
            .map(|(key, value)| Ok((unpack(key)?, unpack(value)?)))
            .collect()
    }

    /// All keys, at one moment.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.insert("a", &1)?;
    ///         assert_eq!(dict.keys()?, ["a"]);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn keys(&self) -> io::Result<Vec<K>>
    where
        K: DeserializeOwned,
    {
        let rows: Vec<(Bytes, Bytes)> = self.ask(DictCall::Items)?;
        rows.into_iter().map(|(key, _)| unpack(key)).collect()
    }

    /// All values, at one moment.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.insert("a", &1)?;
    ///         assert_eq!(dict.values()?, [1]);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn values(&self) -> io::Result<Vec<V>>
    where
        V: DeserializeOwned,
    {
        let rows: Vec<(Bytes, Bytes)> = self.ask(DictCall::Items)?;
        rows.into_iter().map(|(_, value)| unpack(value)).collect()
    }

    /// Inserts all of `rows`, at one moment.
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.update([("a".to_owned(), 1), ("b".to_owned(), 2)])?;
    ///         assert_eq!(dict.len()?, 2);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn update<I: IntoIterator<Item = (K, V)>>(&self, rows: I) -> io::Result<()>
    where
        K: Serialize,
        V: Serialize,
    {
        let rows: io::Result<Vec<(Bytes, Bytes)>> = rows
            .into_iter()
            .map(|(key, value)| Ok((pack(&key)?, pack(&value)?)))
            .collect();
        self.ask(DictCall::Update(rows?))
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
    ///         let dict = manager.dict::<String, u32>()?;
    ///         dict.insert("a", &1)?;
    ///         dict.clear()?;
    ///         assert!(dict.is_empty()?);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn clear(&self) -> io::Result<()> {
        self.ask(DictCall::Clear)
    }
}

impl<K, V> Clone for DictProxy<K, V> {
    fn clone(&self) -> DictProxy<K, V> {
        DictProxy::of(self.object.clone())
    }
}

impl<K, V> fmt::Debug for DictProxy<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DictProxy").finish_non_exhaustive()
    }
}

impl<K, V> Serialize for DictProxy<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl<'de, K, V> Deserialize<'de> for DictProxy<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DictProxy<K, V>, D::Error> {
        Object::deserialize(deserializer).map(DictProxy::of)
    }
}

fn opt<T: DeserializeOwned>(bytes: Option<Bytes>) -> io::Result<Option<T>> {
    bytes.map(unpack).transpose()
}
