//! What the handles of standard output and standard error have in common: every trait of std's.
//!
//! Each write takes the lock for itself, and is re-entrant: a `Display` that prints while it is printed
//! does not wait for itself. The `RefCell` inside the lock is borrowed for one call of the writer, and
//! may be so while the owner of the lock is parked in it: nobody else can reach it then.

/// All but the constructor and `lock`. The lock's `inner` derefs to a `RefCell` of a writer.
macro_rules! output {
    ($name:ident, $lock:ident, $standard:expr) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        impl std::fmt::Debug for $lock<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($lock)).finish_non_exhaustive()
            }
        }

        // As std's: a panic leaves the buffer whole.
        impl std::panic::UnwindSafe for $name {}
        impl std::panic::RefUnwindSafe for $name {}
        impl std::panic::UnwindSafe for $lock<'_> {}
        impl std::panic::RefUnwindSafe for $lock<'_> {}

        /// Takes the lock for each call.
        impl std::io::Write for $name {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                (&*self).write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                (&*self).write_vectored(bufs)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                (&*self).flush()
            }

            fn write_all(&mut self, buf: &[u8]) -> std::io::Result<()> {
                (&*self).write_all(buf)
            }

            fn write_fmt(&mut self, args: std::fmt::Arguments<'_>) -> std::io::Result<()> {
                (&*self).write_fmt(args)
            }
        }

        /// Takes the lock for each call.
        impl std::io::Write for &$name {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                self.lock().write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.lock().write_vectored(bufs)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                self.lock().flush()
            }

            fn write_all(&mut self, buf: &[u8]) -> std::io::Result<()> {
                self.lock().write_all(buf)
            }

            fn write_fmt(&mut self, args: std::fmt::Arguments<'_>) -> std::io::Result<()> {
                self.lock().write_fmt(args)
            }
        }

        // `write_fmt` is the trait's: the arguments are formatted piece by piece, outside of the borrow.
        impl std::io::Write for $lock<'_> {
            fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                self.inner.borrow_mut().write(buf)
            }

            fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                self.inner.borrow_mut().write_vectored(bufs)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                self.inner.borrow_mut().flush()
            }

            fn write_all(&mut self, buf: &[u8]) -> std::io::Result<()> {
                self.inner.borrow_mut().write_all(buf)
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                $standard.fd()
            }
        }

        impl std::os::fd::AsFd for $lock<'_> {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                $standard.fd()
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                $standard.number()
            }
        }

        impl std::os::fd::AsRawFd for $lock<'_> {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                $standard.number()
            }
        }
    };
}

pub(super) use output;
