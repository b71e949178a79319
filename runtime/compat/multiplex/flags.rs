//! Sets of events: [`PollFlags`] for `poll(2)`, [`EpollFlags`] for `epoll(7)`, and their constants.
//!
//! The numbers are Linux's own, on all architectures that the library runs on, and the same for both calls
//! where both have a flag. A set may hold bits without a name: what the kernel says is kept.

use std::fmt;
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

macro_rules! flags {
    ($(#[$doc:meta])* $type:ident($bits:ty): $($(#[$about:meta])* $name:ident = $value:expr;)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type($bits);

        $(
            $(#[$about])*
            #[doc = concat!(
                "\n\n# Examples\n```\nuse greenroom::multiplex::", stringify!($name),
                ";\nassert_eq!(format!(\"{", stringify!($name), ":?}\"), \"",
                stringify!($name), "\");\n```"
            )]
            pub const $name: $type = $type($value);
        )*

        impl $type {
            #[doc = concat!(
                "No flag. Never parks.\n\n# Examples\n```\nuse greenroom::multiplex::", stringify!($type),
                ";\nassert_eq!(", stringify!($type), "::empty(), ", stringify!($type),
                "::default());\n```"
            )]
            pub const fn empty() -> $type {
                $type(0)
            }

            #[doc = concat!(
                "The set with these bits, also those without a name. Never parks.\n\n# Examples\n```\n",
                "use greenroom::multiplex::", stringify!($type), ";\nassert_eq!(", stringify!($type),
                "::from_bits(5).bits(), 5);\n```"
            )]
            pub const fn from_bits(bits: $bits) -> $type {
                $type(bits)
            }

            #[doc = concat!(
                "The number that the kernel knows it by. Never parks.\n\n# Examples\n```\n",
                "use greenroom::multiplex::", stringify!($type), ";\nassert_eq!(", stringify!($type),
                "::empty().bits(), 0);\n```"
            )]
            pub const fn bits(self) -> $bits {
                self.0
            }

            #[doc = concat!(
                "Whether no flag is set. Never parks.\n\n# Examples\n```\n",
                "use greenroom::multiplex::", stringify!($type), ";\nassert!(", stringify!($type),
                "::empty().is_empty());\n```"
            )]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            #[doc = concat!(
                "Whether all of `flags` are set. Never parks.\n\n# Examples\n```\n",
                "use greenroom::multiplex::", stringify!($type), ";\nlet both = ", stringify!($type),
                "::from_bits(3);\nassert!(both.contains(", stringify!($type), "::from_bits(1)));\n",
                "assert!(!both.contains(", stringify!($type), "::from_bits(5)));\n```"
            )]
            pub const fn contains(self, flags: $type) -> bool {
                self.0 & flags.0 == flags.0
            }

            #[doc = concat!(
                "Whether one of `flags` is set. Never parks.\n\n# Examples\n```\n",
                "use greenroom::multiplex::", stringify!($type), ";\nlet both = ", stringify!($type),
                "::from_bits(3);\nassert!(both.intersects(", stringify!($type), "::from_bits(5)));\n",
                "assert!(!both.intersects(", stringify!($type), "::from_bits(4)));\n```"
            )]
            pub const fn intersects(self, flags: $type) -> bool {
                self.0 & flags.0 != 0
            }
        }

        impl BitOr for $type {
            type Output = $type;

            fn bitor(self, other: $type) -> $type {
                $type(self.0 | other.0)
            }
        }

        impl BitOrAssign for $type {
            fn bitor_assign(&mut self, other: $type) {
                self.0 |= other.0;
            }
        }

        impl BitAnd for $type {
            type Output = $type;

            fn bitand(self, other: $type) -> $type {
                $type(self.0 & other.0)
            }
        }

        impl BitAndAssign for $type {
            fn bitand_assign(&mut self, other: $type) {
                self.0 &= other.0;
            }
        }

        impl Not for $type {
            type Output = $type;

            fn not(self) -> $type {
                $type(!self.0)
            }
        }

        /// The names, as one writes the set: `A | B`; bits without a name in hexadecimal; `0` for none.
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let named = [$((stringify!($name), $value as $bits)),*];
                let mut left = self.0;
                let mut separator = "";
                for (name, bits) in named {
                    if left & bits == bits {
                        left &= !bits;
                        write!(f, "{separator}{name}")?;
                        separator = " | ";
                    }
                }
                match (left, separator) {
                    (0, "") => f.write_str("0"),
                    (0, _) => Ok(()),
                    _ => write!(f, "{separator}{left:#x}"),
                }
            }
        }
    };
}

flags! {
    /// What is asked of a descriptor by [`Poll`](super::Poll), and what it answers.
    ///
    /// Source: poll(2); Python's `select.POLLIN` and so on.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{POLLHUP, POLLIN, PollFlags};
    /// let mut events = POLLIN | POLLHUP;
    /// assert_eq!(format!("{events:?}"), "POLLIN | POLLHUP");
    /// events &= !POLLIN;
    /// assert_eq!(events, POLLHUP);
    /// assert_eq!(PollFlags::from_bits(16), POLLHUP);
    /// ```
    PollFlags(i16):
    /// A read does not wait: there is data, the end of the stream, or a connection to accept.
    POLLIN = 0x1;
    /// An exceptional condition: urgent data of TCP, for one.
    POLLPRI = 0x2;
    /// A write of something does not wait.
    POLLOUT = 0x4;
    /// An error. Answered whether asked for or not.
    POLLERR = 0x8;
    /// The other side hung up. Answered whether asked for or not.
    POLLHUP = 0x10;
    /// The number is no open descriptor. Answered whether asked for or not.
    POLLNVAL = 0x20;
    /// As [`POLLIN`], of normal data.
    POLLRDNORM = 0x40;
    /// Priority data can be read; Linux's sockets never say so.
    POLLRDBAND = 0x80;
    /// As [`POLLOUT`].
    POLLWRNORM = 0x100;
    /// Priority data can be written.
    POLLWRBAND = 0x200;
    /// The peer ended its direction.
    POLLRDHUP = 0x2000;
}

flags! {
    /// What is asked of a descriptor by [`Epoll`](super::Epoll), and what it answers.
    ///
    /// Source: `epoll_ctl(2)`; Python's `select.EPOLLIN` and so on.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{EPOLLET, EPOLLIN, EpollFlags};
    /// let events = EPOLLIN | EPOLLET;
    /// assert_eq!(format!("{events:?}"), "EPOLLIN | EPOLLET");
    /// assert!(events.contains(EPOLLET) && !events.is_empty());
    /// assert_eq!(EpollFlags::from_bits(1), EPOLLIN);
    /// ```
    EpollFlags(u32):
    /// A read does not wait: there is data, the end of the stream, or a connection to accept.
    EPOLLIN = 0x1;
    /// An exceptional condition: urgent data of TCP, for one.
    EPOLLPRI = 0x2;
    /// A write of something does not wait.
    EPOLLOUT = 0x4;
    /// An error. Answered whether asked for or not.
    EPOLLERR = 0x8;
    /// The other side hung up. Answered whether asked for or not.
    EPOLLHUP = 0x10;
    /// As [`EPOLLIN`], of normal data.
    EPOLLRDNORM = 0x40;
    /// Priority data can be read; Linux's sockets never say so.
    EPOLLRDBAND = 0x80;
    /// As [`EPOLLOUT`].
    EPOLLWRNORM = 0x100;
    /// Priority data can be written.
    EPOLLWRBAND = 0x200;
    /// Ignored by Linux.
    EPOLLMSG = 0x400;
    /// The peer ended its direction.
    EPOLLRDHUP = 0x2000;
    /// Of several instances that watch the descriptor one or more are told of an event, not all.
    EPOLLEXCLUSIVE = 1 << 28;
    /// Keeps the machine awake while the event is handled.
    EPOLLWAKEUP = 1 << 29;
    /// Told once; then silent until [`Epoll::modify`](super::Epoll::modify).
    EPOLLONESHOT = 1 << 30;
    /// Edge-triggered: told when something happens, not as long as it is so.
    EPOLLET = 1 << 31;
}
