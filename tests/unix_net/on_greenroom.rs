//! The bodies with greenroom's names, on an OS thread and on green threads.
#![expect(clippy::duplicate_mod, reason = "the same bodies, with other names")]

pub(crate) use crate::ground::everywhere as around;
pub(crate) use greenroom::{os::unix::net, thread};

#[path = "addresses.rs"]
mod addresses;
#[path = "datagrams.rs"]
mod datagrams;
#[path = "full.rs"]
mod full;
#[path = "streams.rs"]
mod streams;
