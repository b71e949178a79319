//! Python's `select` module: [`select`](fn@select), [`Poll`] and [`Epoll`], which park the green thread and not
//! its worker.
//!
//! For programs that are built around one of them, and for those who want to see how such programs look beside
//! green threads. Any descriptor will do: sockets of any library, pipes, terminals, eventfds, other epoll
//! instances; regular files are always ready. `greenroom::timeout` and cancellation end every wait; on OS
//! threads the calls block. To wait for a queue or a lock as well, see [`select!`](crate::select!).
//!
//! # How it waits
//! Every answer is the kernel's, asked without waiting: by `poll(2)` for the first two, `epoll_wait(2)` for
//! the third. Only when there is none does the green thread park, on an epoll instance that its worker's
//! own watches, for an epoll instance is readable when it has events.
//!
//! *`select`, `Poll`:* 1. look (`poll(2)`) 2. make an instance that watches the same numbers, edge-triggered;
//! what is so already is its first edge 3. park until it is readable 4. drain it 5. look; on to 3. What
//! happens between 1 and 2 is the first edge; what happens after 4 is seen by 5, or makes the instance
//! readable again before 3. The numbers are looked up afresh in each call, so a number that was closed
//! and used again means its new file.
//!
//! *`Epoll`:* 1. look (`epoll_wait(2)`) 2. park until the instance is readable, on to 1. Several tasks at one
//! instance: the worker's epoll is told once per event and wakes *all* that wait there; each looks for
//! itself. One who comes later looks before it parks. Were one woken only, it would have to pass the wake on:
//! a level-triggered event that stays makes no second edge in the worker's epoll.
//!
//! Where the kernel refuses to nest the instances (more than five levels, more than 500 waits for one
//! descriptor, no descriptor left), the wait looks again after pauses of at most 20 ms.

mod alarm;
mod epoll;
mod flags;
mod look;
mod poll;
mod select;

pub use epoll::Epoll;
pub use flags::*;
pub use poll::Poll;
pub(crate) use select::check_number;
pub use select::{NO_FDS, select};
