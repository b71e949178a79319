//! What a manager's process holds: dictionaries and lists of bytes, and the operations on them.
//!
//! Keys and items are compared as the bytes of their serialisation. Each operation is done by one green thread
//! under one lock, so it is atomic. Nothing here waits, so nobody holds up anybody.

use super::code::Code;
use super::handover::Packed;
use super::rpc::{Answer, Loan, Service, Step, User, locked};
use greenroom::sync::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

pub(super) type Bytes = Vec<u8>;

/// An operation on the object of this number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Call {
    NewDict,
    NewList,
    Dict(usize, DictCall),
    List(usize, ListCall),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum DictCall {
    Get(Bytes),
    Insert(Bytes, Bytes),
    Remove(Bytes),
    Contains(Bytes),
    Len,
    Items,
    Update(Vec<(Bytes, Bytes)>),
    Clear,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ListCall {
    Get(usize),
    Set(usize, Bytes),
    Insert(usize, Bytes),
    Append(Bytes),
    Extend(Vec<Bytes>),
    Remove(usize),
    Pop,
    Len,
    Items,
    Clear,
    /// A function of this image that orders items: `fn(Vec<Bytes>) -> Vec<Bytes>`.
    Sort(u64, u64),
}

#[derive(Default)]
pub(super) struct Objects {
    all: Mutex<Vec<Object>>,
}

enum Object {
    Dict(Dict),
    List(Vec<Bytes>),
}

/// In order of insertion, as Python's.
#[derive(Default)]
struct Dict {
    places: HashMap<Bytes, (u64, Bytes)>,
    next: u64,
}

impl Dict {
    fn insert(&mut self, key: Bytes, value: Bytes) -> Option<Bytes> {
        let next = self.next;
        self.next += 1;
        let place = self.places.get(&key).map_or(next, |(place, _)| *place);
        self.places.insert(key, (place, value)).map(|(_, old)| old)
    }

    fn items(&self) -> Vec<(&Bytes, &Bytes)> {
        let mut rows: Vec<_> = self.places.iter().collect();
        rows.sort_by_key(|(_, (place, _))| *place);
        rows.into_iter()
            .map(|(key, (_, value))| (key, value))
            .collect()
    }

    fn call(&mut self, call: DictCall) -> Answer {
        match call {
            DictCall::Get(key) => pack(&self.places.get(&key).map(|(_, value)| value)),
            DictCall::Insert(key, value) => pack(&self.insert(key, value)),
            DictCall::Remove(key) => pack(&self.places.remove(&key).map(|(_, value)| value)),
            DictCall::Contains(key) => pack(&self.places.contains_key(&key)),
            DictCall::Len => pack(&self.places.len()),
            DictCall::Items => pack(&self.items()),
            DictCall::Update(rows) => {
                for (key, value) in rows {
                    self.insert(key, value);
                }
                pack(&())
            }
            DictCall::Clear => {
                self.places.clear();
                pack(&())
            }
        }
    }
}

fn list_call(list: &mut Vec<Bytes>, call: ListCall) -> Answer {
    let len = list.len();
    match call {
        ListCall::Get(index) => pack(&list.get(index)),
        ListCall::Set(index, item) => {
            let place = list.get_mut(index);
            pack(&place.map(|place| std::mem::replace(place, item)))
        }
        ListCall::Insert(index, item) => {
            list.insert(index.min(len), item);
            pack(&())
        }
        ListCall::Append(item) => {
            list.push(item);
            pack(&())
        }
        ListCall::Extend(items) => {
            list.extend(items);
            pack(&())
        }
        ListCall::Remove(index) => pack(&(index < len).then(|| list.remove(index))),
        ListCall::Pop => pack(&list.pop()),
        ListCall::Len => pack(&len),
        ListCall::Items => pack(&*list),
        ListCall::Clear => {
            list.clear();
            pack(&())
        }
        ListCall::Sort(trampoline, function) => {
            let address = |number| usize::try_from(number).map_err(io::Error::other);
            let code = Code {
                trampoline: address(trampoline)?,
                function: address(function)?,
            };
            let (items, _bonds) = Packed::of(list)?;
            // `Ord` is the user's: a panic of it must not end the manager.
            let sorted = panic::catch_unwind(AssertUnwindSafe(|| code.run(items)));
            let sorted =
                sorted.map_err(|_| io::Error::other("multiprocessing: the order panicked"));
            *list = sorted??.unpack()?;
            pack(&())
        }
    }
}

pub(super) fn pack(value: &impl Serialize) -> Answer {
    postcard::to_stdvec(value).map_err(|error| io::Error::other(error.to_string()))
}

impl Objects {
    fn new_object(&self, object: Object) -> Answer {
        let mut all = locked(&self.all);
        all.push(object);
        pack(&(all.len() - 1))
    }

    fn answer(&self, payload: &[u8]) -> Answer {
        let call = postcard::from_bytes(payload);
        match call.map_err(|error| io::Error::other(error.to_string()))? {
            Call::NewDict => self.new_object(Object::Dict(Dict::default())),
            Call::NewList => self.new_object(Object::List(Vec::new())),
            Call::Dict(number, call) => match locked(&self.all).get_mut(number) {
                Some(Object::Dict(dict)) => dict.call(call),
                _ => Err(io::ErrorKind::NotFound.into()),
            },
            Call::List(number, call) => match locked(&self.all).get_mut(number) {
                Some(Object::List(list)) => list_call(list, call),
                _ => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }
}

impl Service for Objects {
    fn call(self: &Arc<Self>, _user: &Arc<User>, _loan: Loan, payload: &[u8]) -> Step {
        Step::Now(self.answer(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dict_keeps_the_order_of_first_insertion() {
        let mut dict = Dict::default();
        for (key, value) in [(2, 0), (1, 0), (2, 9), (3, 0)] {
            dict.insert(vec![key], vec![value]);
        }
        dict.places.remove(&vec![1]);
        let keys: Vec<u8> = dict.items().iter().map(|(key, _)| key[0]).collect();
        assert_eq!(keys, [2, 3]);
    }
}
