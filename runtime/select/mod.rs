//! Waiting for the first of several things: the [`select!`](crate::select!) macro, and [`Select`] for a
//! number of arms that is known only at run time.
//!
//! Exactly one arm happens. The others neither take nor lose anything: an item that was not sent is
//! still in its place, nothing was received, no permit was taken. Whoever waits in an arm stands in
//! the same queue as those who wait there alone, first come, first served. Works on green threads and
//! on OS threads; no helper threads. Source: Go's `select`.

mod builder;
mod case;
mod cases;
mod crowd;
mod end;
mod impls;
mod macros;
mod queue;

pub use builder::Select;
pub use case::{Case, Joinable, Permits, Pollable, Sink, Source, Waitable};

#[doc(hidden)]
pub mod private {
    //! What `select!` expands to.

    use super::case::{
        Acquire, At, Direction, Join, Joinable, Permits, Pollable, Ready, Recv, Send, Sink, Source,
        Wait, Waitable,
    };
    pub use super::cases::run;
    use crate::sys::clock::deadline_after;
    use std::time::{Duration, Instant};

    pub fn recv<R: Source>(source: &R) -> Recv<'_, R::Item, R::Store, R::Error> {
        source.recv_case()
    }

    pub fn send<'a, K: Sink>(
        sink: &'a K,
        item: &'a mut Option<K::Item>,
    ) -> Send<'a, K::Item, K::Store, K::Error> {
        sink.send_case(item)
    }

    pub fn join<H: Joinable>(handle: &H) -> Join<'_> {
        handle.join_case()
    }

    pub fn wait<W: Waitable>(what: &W) -> Wait<'_> {
        what.wait_case()
    }

    pub fn acquire<P: Permits>(semaphore: &P) -> Acquire<'_> {
        semaphore.acquire_case()
    }

    pub fn readable<P: Pollable>(socket: &P) -> Ready<'_> {
        socket.ready_case(Direction::Read)
    }

    pub fn writable<P: Pollable>(socket: &P) -> Ready<'_> {
        socket.ready_case(Direction::Write)
    }

    pub fn after(duration: &Duration) -> At<'static> {
        At::new(deadline_after(*duration))
    }

    pub fn at(instant: &Instant) -> At<'static> {
        At::new(deadline_after(
            instant.saturating_duration_since(Instant::now()),
        ))
    }

    /// The end of a `select!` without a default.
    pub fn nobody_won() -> ! {
        unreachable!("a select without a default ends with a winner")
    }
}
