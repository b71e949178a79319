//! What a [`File`] does as a stream: `Read`, `Write`, `Seek`, also for `&File`, and `FileExt`.
//!
//! A `&mut File` whose open file nobody shares reads from the page cache and seeks right here; everyone
//! else could meet a read in progress, which holds the position's lock in the kernel, and goes to the
//! pool. std implements these traits for `Arc<File>` as well, which only std may do: `&*arc` does it.

use super::cached;
use super::file::{File, Held};
use crate::io::descriptor::Descriptor;
use crate::park::interrupt;
use crate::sys::view::with_std;
use crate::unblock::{Lane, lend};
use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

/// For the provided methods of `Read`, which know no size beforehand.
struct Plain<'a>(&'a Descriptor);

impl Read for Plain<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

/// Parks.
impl Read for &File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => lend(Lane::Brief, || (&*file).read(buf)),
            Held::Other(descriptor) => descriptor.read(buf),
        }
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => lend(Lane::Brief, || (&*file).read_vectored(bufs)),
            Held::Other(descriptor) => descriptor.read_vectored(bufs),
        }
    }

    /// One trip to the pool for a whole file.
    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => lend(Lane::Brief, || (&*file).read_to_end(buf)),
            Held::Other(descriptor) => Plain(descriptor).read_to_end(buf),
        }
    }

    /// One trip to the pool for a whole file.
    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => lend(Lane::Brief, || (&*file).read_to_string(buf)),
            Held::Other(descriptor) => Plain(descriptor).read_to_string(buf),
        }
    }
}

/// Parks, unless the page cache has all of it.
impl Read for File {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) if self.is_alone() => cached::read(file, buf),
            _ => (&*self).read(buf),
        }
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(buf)
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(buf)
    }
}

/// Parks. `flush` has nothing to do.
impl Write for &File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => lend(Lane::Brief, || (&*file).write(buf)),
            Held::Other(descriptor) => descriptor.write(buf),
        }
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => lend(Lane::Brief, || (&*file).write_vectored(bufs)),
            Held::Other(descriptor) => descriptor.write_vectored(bufs),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Parks. `flush` has nothing to do.
impl Write for File {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Parks.
impl Seek for &File {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.brief(|mut file| file.seek(position))
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.brief(|mut file| file.stream_position())
    }
}

/// Parks, unless nobody shares the open file.
impl Seek for File {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &self.held {
            // The end is where a server says it is.
            Held::Disk(file) if self.is_alone() && !matches!(position, SeekFrom::End(_)) => {
                interrupt::check();
                (&*file).seek(position)
            }
            _ => (&*self).seek(position),
        }
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        match &self.held {
            Held::Disk(file) if self.is_alone() => {
                interrupt::check();
                (&*file).stream_position()
            }
            _ => (&*self).stream_position(),
        }
    }
}

/// Parks; `read_at` does not if the page cache has all of it.
impl FileExt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => cached::read_at(file, buf, offset),
            Held::Other(_) => self.perhaps_long(|file| file.read_at(buf, offset)),
        }
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<usize> {
        match &self.held {
            Held::Disk(file) => lend(Lane::Brief, || file.write_at(buf, offset)),
            Held::Other(_) => self.perhaps_long(|file| file.write_at(buf, offset)),
        }
    }
}

impl File {
    /// A positioned call, which a device may answer when it likes. Pipes and sockets refuse at once.
    fn perhaps_long<T: Send>(&self, call: impl FnOnce(&fs::File) -> T + Send) -> T {
        let fd = self.fd();
        lend(Lane::Long, move || with_std(fd, call))
    }
}
