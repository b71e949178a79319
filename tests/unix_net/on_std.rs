//! The bodies with std's names, on an OS thread: what std does is what they assert.

pub(crate) use crate::ground::once as around;
pub(crate) use std::{os::unix::net, thread};

#[path = "addresses.rs"]
mod addresses;
#[path = "datagrams.rs"]
mod datagrams;
#[path = "full.rs"]
mod full;
#[path = "streams.rs"]
mod streams;
