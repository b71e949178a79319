//! All extension traits at once: [`std::os::unix::prelude`] for green threads.
//!
//! What is a trait of ours elsewhere is that one here.

pub use super::ffi::{OsStrExt, OsStringExt};
pub use super::fs::{
    DirEntryExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};
pub use super::io::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
pub use super::process::{CommandExt, ExitStatusExt};
pub use super::thread::JoinHandleExt;
