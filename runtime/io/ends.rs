//! What all ends of pipes have in common: types that are nothing but a `descriptor`.
//!
//! Macros, because std has a type for each (`PipeReader`, `ChildStdout`, ...) and no trait that unites them.

/// An end is its descriptor, `$name(Descriptor)`.
macro_rules! end {
    ($name:ident) => {
        impl $name {
            pub(crate) fn descriptor(&self) -> &$crate::io::descriptor::Descriptor {
                &self.0
            }
        }

        impl $crate::io::convert::Holder for $name {
            fn adopt(fd: std::os::fd::OwnedFd) -> $name {
                $name($crate::io::descriptor::Descriptor::adopt(fd))
            }

            fn release(self) -> std::os::fd::OwnedFd {
                self.0.into_fd()
            }

            fn shown(&self) -> std::os::fd::BorrowedFd<'_> {
                self.0.evented().expose()
            }
        }

        $crate::io::convert::descriptor_conversions!($name);
    };
}

/// For an end that reads, or a reference to one.
macro_rules! reads {
    ($($end:ty),+) => {$(
        /// Parks until there is something: data, or the end of the stream (`Ok(0)`).
        impl std::io::Read for $end {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                self.0.read(buf)
            }

            fn read_vectored(
                &mut self,
                bufs: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                self.0.read_vectored(bufs)
            }
        }
    )+};
}

/// For an end that writes, or a reference to one.
macro_rules! writes {
    ($($end:ty),+) => {$(
        /// Parks until all is in the pipe.
        impl std::io::Write for $end {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                self.0.write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.0.write_vectored(bufs)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
    )+};
}

pub(crate) use {end, reads, writes};
