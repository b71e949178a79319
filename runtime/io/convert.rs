//! Descriptors and std's types, in and out: one macro for every type that holds a descriptor.
//!
//! What comes in may be non-blocking, carry timeouts or be shared with a clone elsewhere, so it is
//! *adopted*; what goes out has the flags its user chose. Nothing is ever closed or left registered
//! on the way: that is `Evented`'s business.

use std::os::fd::{BorrowedFd, OwnedFd};

/// What the macro needs of a type.
pub(crate) trait Holder {
    /// Takes a descriptor with the mode and timeouts it came with. Others may share its open file.
    fn adopt(fd: OwnedFd) -> Self;
    /// Gives the descriptor back, unregistered, in the mode its user chose.
    fn release(self) -> OwnedFd;
    /// For the user, who may copy it, and change its mode.
    fn shown(&self) -> BorrowedFd<'_>;
}

/// A socket is its `evented`.
macro_rules! socket_holder {
    ($name:ident, $kind:expr) => {
        impl $crate::io::convert::Holder for $name {
            fn adopt(fd: std::os::fd::OwnedFd) -> $name {
                $name {
                    evented: $crate::io::evented::Evented::adopt(fd, $kind),
                }
            }

            fn release(self) -> std::os::fd::OwnedFd {
                self.evented.into_fd()
            }

            fn shown(&self) -> std::os::fd::BorrowedFd<'_> {
                self.evented.expose()
            }
        }

        $crate::io::convert::descriptor_conversions!($name);
    };
}

/// From and into a descriptor, as std's types have them.
macro_rules! descriptor_conversions {
    ($name:ty) => {
        /// Adopts a descriptor with its mode and timeouts. Others may share its open file.
        impl From<std::os::fd::OwnedFd> for $name {
            fn from(fd: std::os::fd::OwnedFd) -> $name {
                <$name as $crate::io::convert::Holder>::adopt(fd)
            }
        }

        impl From<$name> for std::os::fd::OwnedFd {
            fn from(holder: $name) -> std::os::fd::OwnedFd {
                $crate::io::convert::Holder::release(holder)
            }
        }

        impl std::os::fd::AsFd for $name {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                $crate::io::convert::Holder::shown(self)
            }
        }

        impl std::os::fd::AsRawFd for $name {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsRawFd::as_raw_fd(&$crate::io::convert::Holder::shown(self))
            }
        }

        impl std::os::fd::IntoRawFd for $name {
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                std::os::fd::IntoRawFd::into_raw_fd($crate::io::convert::Holder::release(self))
            }
        }

        impl std::os::fd::FromRawFd for $name {
            unsafe fn from_raw_fd(fd: std::os::fd::RawFd) -> $name {
                use std::os::fd::OwnedFd;
                // SAFETY: the caller promises that `fd` is open and theirs to give away.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                <$name as $crate::io::convert::Holder>::adopt(fd)
            }
        }

        // As std's types: a panic between two calls leaves a descriptor in no state it could not also
        // be in without one.
        impl std::panic::UnwindSafe for $name {}
        impl std::panic::RefUnwindSafe for $name {}
    };
}

/// From and into std's type of the same meaning. The attributes are the docs of `into_std`.
macro_rules! std_conversions {
    ($(#[$docs:meta])* $name:ident, $std:path) => {
        impl $name {
            $(#[$docs])*
            pub fn into_std(self) -> $std {
                <$std>::from(std::os::fd::OwnedFd::from(self))
            }
        }

        /// Adopts std's type with its mode and timeouts. Clones of it may live on.
        impl From<$std> for $name {
            fn from(theirs: $std) -> $name {
                $name::from(std::os::fd::OwnedFd::from(theirs))
            }
        }

        impl From<$name> for $std {
            fn from(ours: $name) -> $std {
                ours.into_std()
            }
        }
    };
}

pub(crate) use {descriptor_conversions, socket_holder, std_conversions};
