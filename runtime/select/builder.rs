//! `Select`: a select whose arms are added at run time. Each arm is boxed with the closure that takes
//! what it gives; the engine is the same as the macro's.

use super::case::{At, Case, Direction, Joinable, Permits, Pollable, Sink, Source, Waitable, Won};
use crate::park::choose::{self, Order, Patience};
use crate::park::interrupt;
use crate::park::wait_list::Outcome;
use crate::sync::SemaphoreGuard;
use crate::sys::clock::{NEVER_NS, deadline_after};
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// Waits for the first of any number of things. The function form of [`select!`](crate::select!).
///
/// Each arm brings a closure, which turns what it gives into an `R`; only the winner's runs, after all
/// arms were withdrawn. Of several ready arms one is taken at random, or the first, if
/// [`biased`](Select::biased).
///
/// # Examples
/// ```
/// use greenroom::{queue::Queue, select::Select};
/// let queues: Vec<Queue<u32>> = (0..3).map(|_| Queue::unbounded()).collect();
/// queues[1].put(7).unwrap();
/// let mut select = Select::new();
/// for (number, queue) in queues.iter().enumerate() {
///     select.recv(queue, move |item| (number, item));
/// }
/// assert_eq!(select.wait(), (1, Ok(7)));
/// ```
#[must_use = "a select does nothing until it waits"]
pub struct Select<'a, R> {
    arms: Vec<Box<dyn Entry<R> + 'a>>,
    order: Order,
}

/// A case and what is to be done with its outcome.
trait Entry<R> {
    fn erase(&mut self) -> super::case::Erased<'_>;
    fn finish(self: Box<Self>) -> R;
}

struct With<C, F> {
    case: C,
    then: F,
}

impl<C: Case, R, F: FnOnce(C::Outcome) -> R> Entry<R> for With<C, F> {
    fn erase(&mut self) -> super::case::Erased<'_> {
        self.case.erase()
    }

    fn finish(self: Box<Self>) -> R {
        (self.then)(self.case.outcome(Won::by_the_engine()))
    }
}

impl<'a, R> Select<'a, R> {
    /// A select without arms, fair.
    ///
    /// # Examples
    /// ```
    /// let mut select = greenroom::select::Select::new();
    /// select.after(std::time::Duration::ZERO, || "late");
    /// assert_eq!(select.wait(), "late");
    /// ```
    pub fn new() -> Select<'a, R> {
        Select {
            arms: Vec::new(),
            order: Order::Fair,
        }
    }

    /// Of several ready arms the one that was added first wins.
    ///
    /// # Examples
    /// ```
    /// use greenroom::select::Select;
    /// let mut select = Select::new().biased();
    /// select.after(std::time::Duration::ZERO, || 1);
    /// select.after(std::time::Duration::ZERO, || 2);
    /// assert_eq!(select.wait(), 1);
    /// ```
    pub fn biased(mut self) -> Select<'a, R> {
        self.order = Order::Biased;
        self
    }

    fn add<C: Case + 'a>(&mut self, case: C, then: impl FnOnce(C::Outcome) -> R + 'a) {
        self.arms.push(Box::new(With { case, then }));
    }

    /// An arm that receives an item.
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom::queue::Queue::unbounded();
    /// queue.put(1).unwrap();
    /// let mut select = greenroom::select::Select::new();
    /// select.recv(&queue, |item| item);
    /// assert_eq!(select.wait(), Ok(1));
    /// ```
    pub fn recv<S: Source>(
        &mut self,
        source: &'a S,
        then: impl FnOnce(Result<S::Item, S::Error>) -> R + 'a,
    ) where
        S::Item: 'a,
        S::Error: 'a,
        S::Store: 'a,
    {
        self.add(source.recv_case(), then);
    }

    /// An arm that sends the item in `place`. If it does not win, the item stays there; with `None` it is
    /// switched off.
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom::queue::Queue::bounded(1);
    /// let mut place = Some(1);
    /// let mut select = greenroom::select::Select::new();
    /// select.send(&queue, &mut place, |sent| sent.is_ok());
    /// assert!(select.wait());
    /// assert_eq!(place, None);
    /// ```
    pub fn send<K: Sink>(
        &mut self,
        sink: &'a K,
        place: &'a mut Option<K::Item>,
        then: impl FnOnce(Result<(), K::Error>) -> R + 'a,
    ) where
        K::Error: 'a,
        K::Store: 'a,
    {
        self.add(sink.send_case(place), then);
    }

    /// An arm that waits for the end of a green thread. It takes nothing: `join` does not wait then.
    ///
    /// # Examples
    /// ```
    /// let handle = greenroom::thread::spawn(|| 42);
    /// let mut select = greenroom::select::Select::new();
    /// select.join(&handle, || ());
    /// select.wait();
    /// assert_eq!(handle.join().unwrap(), 42);
    /// ```
    pub fn join<H: Joinable>(&mut self, handle: &'a H, then: impl FnOnce() -> R + 'a) {
        self.add(handle.join_case(), |()| then());
    }

    /// An arm that waits for an event, a wait group or a result.
    ///
    /// # Examples
    /// ```
    /// let event = greenroom::sync::Event::new();
    /// event.set();
    /// let mut select = greenroom::select::Select::new();
    /// select.event(&event, || "set");
    /// assert_eq!(select.wait(), "set");
    /// ```
    pub fn event<W: Waitable>(&mut self, what: &'a W, then: impl FnOnce() -> R + 'a) {
        self.add(what.wait_case(), |()| then());
    }

    /// An arm that takes a permit.
    ///
    /// # Examples
    /// ```
    /// let semaphore = greenroom::sync::Semaphore::new(1);
    /// let mut select = greenroom::select::Select::new();
    /// select.acquire(&semaphore, |permit| permit);
    /// let permit = select.wait();
    /// assert_eq!(semaphore.available(), 0);
    /// drop(permit);
    /// ```
    pub fn acquire<P: Permits>(
        &mut self,
        semaphore: &'a P,
        then: impl FnOnce(SemaphoreGuard<'a>) -> R + 'a,
    ) {
        self.add(semaphore.acquire_case(), then);
    }

    /// An arm that waits until a read would not block.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let mut select = greenroom::select::Select::new();
    /// select.readable(&listener, |result| result.is_ok());
    /// assert_eq!(select.try_wait(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn readable<P: Pollable>(
        &mut self,
        socket: &'a P,
        then: impl FnOnce(io::Result<()>) -> R + 'a,
    ) {
        self.add(socket.ready_case(Direction::Read), then);
    }

    /// An arm that waits until a write would not block.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let mut select = greenroom::select::Select::new();
    /// select.writable(&stream, |result| result.is_ok());
    /// assert!(select.wait());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn writable<P: Pollable>(
        &mut self,
        socket: &'a P,
        then: impl FnOnce(io::Result<()>) -> R + 'a,
    ) {
        self.add(socket.ready_case(Direction::Write), then);
    }

    /// An arm that happens after `duration`. What does not fit the clock never does.
    ///
    /// # Examples
    /// ```
    /// let mut select = greenroom::select::Select::new();
    /// select.after(std::time::Duration::from_millis(1), || "time is up");
    /// assert_eq!(select.wait(), "time is up");
    /// ```
    pub fn after(&mut self, duration: Duration, then: impl FnOnce() -> R + 'a) {
        self.add(At::new(deadline_after(duration)), |()| then());
    }

    /// An arm that happens at `instant`; at once, if that has passed.
    ///
    /// # Examples
    /// ```
    /// let mut select = greenroom::select::Select::new();
    /// select.at(std::time::Instant::now(), || "now");
    /// assert_eq!(select.wait(), "now");
    /// ```
    pub fn at(&mut self, instant: Instant, then: impl FnOnce() -> R + 'a) {
        self.after(instant.saturating_duration_since(Instant::now()), then);
    }

    /// How many arms there are. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::select::Select::<()>::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.arms.len()
    }

    /// Whether there are no arms. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert!(greenroom::select::Select::<()>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.arms.is_empty()
    }

    /// Waits for the first arm. Parks.
    ///
    /// # Panics
    /// Without arms: it would wait for ever.
    ///
    /// # Cancel
    /// Every arm is withdrawn first; nothing was received, sent or taken.
    ///
    /// # Examples
    /// ```
    /// let mut select = greenroom::select::Select::new();
    /// select.after(std::time::Duration::ZERO, || 1);
    /// assert_eq!(select.wait(), 1);
    /// ```
    pub fn wait(self) -> R {
        assert!(
            !self.arms.is_empty(),
            "a select without arms would wait for ever"
        );
        self.run(Patience::Until(NEVER_NS))
            .expect("because there was no limit to the wait")
    }

    /// Takes an arm that is ready now, if there is one. Never parks.
    ///
    /// # Cancel
    /// As `wait`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::select::Select::<()>::new().try_wait(), None);
    /// ```
    pub fn try_wait(self) -> Option<R> {
        self.run(Patience::None)
    }

    /// Waits for the first arm, for at most `timeout`. Parks.
    ///
    /// # Cancel
    /// As `wait`.
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom::queue::Queue::<u8>::unbounded();
    /// let mut select = greenroom::select::Select::new();
    /// select.recv(&queue, |item| item);
    /// assert_eq!(select.wait_timeout(std::time::Duration::from_millis(1)), None);
    /// ```
    pub fn wait_timeout(self, timeout: Duration) -> Option<R> {
        self.run(Patience::Until(deadline_after(timeout)))
    }

    fn run(mut self, patience: Patience) -> Option<R> {
        let outcome = {
            let mut arms: Vec<_> = self.arms.iter_mut().map(|arm| arm.erase().0).collect();
            choose::choose(&mut arms, self.order, patience)
        };
        match outcome {
            Outcome::Ready(winner) => Some(self.arms.swap_remove(winner).finish()),
            Outcome::TimedOut => None,
            Outcome::Interrupted => interrupt::raise(),
        }
    }
}

impl<R> Default for Select<'_, R> {
    fn default() -> Self {
        Select::new()
    }
}

impl<R> fmt::Debug for Select<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("arms", &self.arms.len())
            .field("order", &self.order)
            .finish()
    }
}
