//! [`std::fs`] for green threads: the calls run on the blocking pool while the caller parks.
//!
//! Green threads only ever wait here; OS threads do the calls themselves. What a disk answers is done by
//! std's own functions on the pool, with the caller's paths and buffers, so results and errors are std's.
//! What may wait for ever is polled instead, so that it holds no thread: opening a FIFO, reading and
//! writing pipes and terminals, locking a file. Plain data ([`Metadata`], [`Permissions`], ...) is
//! std's.
//!
//! # Cancel
//! A cancel, or a deadline, that comes before a call has begun unwinds. A call that runs on the pool
//! cannot be stopped and uses the caller's buffers: it is waited for, masked, its result is returned, and
//! the interrupt is noticed at the next call that may park. So a cancelled file operation was done either
//! wholly or not at all, and no buffer is ever written to after its owner has gone on.

mod cached;
mod convert;
mod dir_builder;
mod file;
mod file_io;
mod functions;
mod open_options;
mod opening;
mod patience;
mod read_dir;
mod whole;

pub use dir_builder::DirBuilder;
pub use file::File;
#[expect(deprecated, reason = "std still has it")]
pub use functions::soft_link;
pub use functions::{
    canonicalize, create_dir, create_dir_all, exists, hard_link, metadata, read_link, remove_dir,
    remove_dir_all, remove_file, rename, set_permissions, symlink_metadata,
};
pub use open_options::OpenOptions;
pub use read_dir::{DirEntry, ReadDir, read_dir};
pub use std::fs::{FileTimes, FileType, Metadata, Permissions, TryLockError};
pub use whole::{copy, read, read_to_string, write};
