//! A [`File`] from and into descriptors, std's `File` and std's `Stdio`.
//!
//! Whatever comes in, or shows its descriptor, counts as shared from then on.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::file::{File, Held};
use crate::io::convert::{Holder, descriptor_conversions, std_conversions};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Stdio;

impl Holder for File {
    fn adopt(fd: OwnedFd) -> File {
        let file = File::adopt(fs::File::from(fd));
        file.share();
        file
    }

    fn release(self) -> OwnedFd {
        match self.held {
            Held::Disk(file) => OwnedFd::from(file),
            Held::Other(descriptor) => descriptor.into_fd(),
        }
    }

    fn shown(&self) -> BorrowedFd<'_> {
        // Whoever sees the descriptor can duplicate it, or move the position.
        self.share();
        match &self.held {
            Held::Disk(file) => file.as_fd(),
            Held::Other(descriptor) => descriptor.evented().expose(),
        }
    }
}

descriptor_conversions!(File);

std_conversions! {
    /// Turns it into std's type. Never parks.
    ///
    /// # Examples
    /// ```
    /// let file = greenroom::fs::File::open("Cargo.toml")?;
    /// let std_file: std::fs::File = file.into_std();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    File, fs::File
}

/// For the standard streams of a child process.
impl From<File> for Stdio {
    fn from(file: File) -> Stdio {
        Stdio::from(OwnedFd::from(file))
    }
}
