//! Any open file: pipes, FIFOs, terminals, whatever standard input may be. Parks, never touches flags.
//!
//! The flags of an open file are shared with clones, children and the user's shell, so nothing here may
//! set `O_NONBLOCK`. Three ways instead, the first that the file knows:
//!
//! | way | attempt | when it would block | for |
//! |---|---|---|---|
//! | ask | `RWF_NOWAIT`, per call | park for readiness | pipes since Linux 6.4, sockets, eventfds |
//! | ready | none | park for readiness, then the call itself on the blocking pool | FIFOs, terminals |
//! | pool | none | the call on the blocking pool | regular files, devices without readiness |
//!
//! Why the pool in the second: readiness may be gone by the time of the call, because another process
//! shares the file, and then it is a pool thread that waits and not a worker. The pool lends the
//! caller's buffers, so such a call is masked until it ends. One reader and one writer at a time wait for
//! readiness (`turns`), and the pool thread looks once more before the call. What remains: between that
//! look and the call another process may take what there was.
//! Rejected: duplicating the open file by `/proc/self/fd` to have flags of our own, which needs
//! permissions and fails for sockets.

use super::evented::{Attempt, Direction, Evented, Kind, Stop, is_unpollable};
use super::pieces;
use super::stream::{self, Limit};
use super::turns::{Turn, Turns};
use super::wait::readiness;
use crate::sched::current;
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::clock::NEVER_NS;
use crate::sys::file::{self, FileKind};
use crate::sys::socket::IOV_MAX;
use crate::sys::{poll, terminal};
use crate::unblock::{Interrupted, Lane, lend, try_lend};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// The file has no `RWF_NOWAIT`.
const NO_ASKING: u8 = 1;
/// epoll does not take the file.
const NO_READINESS: u8 = 1 << 1;

/// `PIPE_BUF`: a pipe or FIFO that is ready takes this much without waiting. Source: pipe(7).
pub(super) const READY_BYTES: usize = 4096;

/// What a file is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Disk,
    Pipe,
    Terminal,
    /// Sockets, devices, what has no type.
    Other,
}

/// An open file with its place in the driver.
#[derive(Debug)]
pub(crate) struct Descriptor {
    evented: Evented,
    shape: Shape,
    /// What was found out about it.
    lacks: AtomicU8,
    /// For who needs them.
    turns: OnceLock<Arc<Turns>>,
}

impl Descriptor {
    /// Takes a descriptor that this library made, in blocking mode.
    pub(crate) fn new(fd: OwnedFd) -> Descriptor {
        Descriptor::of(Evented::new(fd, Kind::Stream))
    }

    /// Takes a descriptor from outside with the mode it came with. Others may share its open file.
    pub(crate) fn adopt(fd: OwnedFd) -> Descriptor {
        Descriptor::of(Evented::adopt(fd, Kind::Stream))
    }

    fn of(evented: Evented) -> Descriptor {
        // A closed descriptor (standard input may be) fails at each call, as it should.
        let shape = match file::kind(evented.as_fd()) {
            Ok(FileKind::Regular | FileKind::OtherDisk) => Shape::Disk,
            Ok(FileKind::Pipe) => Shape::Pipe,
            Ok(FileKind::Character) if terminal::is_one(evented.as_fd()) => Shape::Terminal,
            _ => Shape::Other,
        };
        let lacks = match shape {
            Shape::Disk => NO_ASKING | NO_READINESS,
            _ => 0,
        };
        Descriptor {
            evented,
            shape,
            lacks: AtomicU8::new(lacks),
            turns: OnceLock::new(),
        }
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.evented.as_fd()
    }

    pub(crate) fn evented(&self) -> &Evented {
        &self.evented
    }

    /// A second descriptor of the same open file.
    pub(crate) fn try_clone(&self) -> io::Result<Descriptor> {
        Ok(Descriptor {
            evented: self.evented.try_clone()?,
            shape: self.shape,
            lacks: AtomicU8::new(self.lacks.load(Ordering::Relaxed)),
            turns: OnceLock::from(Arc::clone(self.turns())),
        })
    }

    /// Gives the descriptor back, unregistered, with the flags it came with.
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.evented.into_fd()
    }

    fn turns(&self) -> &Arc<Turns> {
        self.turns.get_or_init(|| match self.shape {
            Shape::Pipe | Shape::Terminal => Turns::of(self.as_fd()),
            Shape::Disk | Shape::Other => Turns::alone(),
        })
    }

    fn turn(&self, direction: Direction) -> Result<Turn<'_>, Stop> {
        self.turns().take(direction)
    }

    // Relaxed: a hint that every caller finds out by itself if it is late.
    fn lacks(&self, what: u8) -> bool {
        self.lacks.load(Ordering::Relaxed) & what != 0
    }

    fn note(&self, what: u8) {
        self.lacks.fetch_or(what, Ordering::Relaxed);
    }

    /// As `read(2)` on a blocking file. Parks.
    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buf)])
    }

    /// As `readv(2)` on a blocking file. Parks.
    pub(crate) fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if !self.lacks(NO_ASKING) {
            let asked = self.evented.io(Direction::Read, |fd| {
                file::read_nowait(fd, bufs).map(Attempt::Done)
            });
            match asked {
                Err(error) if error.kind() == io::ErrorKind::Unsupported => self.note(NO_ASKING),
                Err(error) if is_unpollable(&error) => self.note(NO_ASKING | NO_READINESS),
                done => return done,
            }
        }
        if self.evented.is_nonblocking() || bufs.iter().all(|buf| buf.is_empty()) {
            return file::read(self.as_fd(), bufs);
        }
        if self.lacks(NO_READINESS) {
            return lend(self.lane(), || file::read(self.as_fd(), bufs));
        }
        self.once_ready(Direction::Read, |fd| file::read(fd, bufs))
            .map_err(Stop::into_error)
    }

    /// As `write(2)` on a blocking file: parks until all is written.
    pub(crate) fn write(&self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    /// As `writev(2)` on a blocking file: parks until all is written.
    pub(crate) fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(bufs).map_err(Stop::into_error)
    }

    /// As [`Descriptor::write_vectored`], for callers that must tidy up before they unwind.
    pub(crate) fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> Result<usize, Stop> {
        if !self.lacks(NO_ASKING) {
            match stream::try_write_by(&self.evented, bufs, file::write_nowait, Limit::Call) {
                Err(Stop::Io(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    self.note(NO_ASKING);
                }
                Err(Stop::Io(error)) if is_unpollable(&error) => {
                    self.note(NO_ASKING | NO_READINESS);
                }
                done => return done,
            }
        }
        if self.evented.is_nonblocking() {
            return Ok(file::write(self.as_fd(), bufs)?);
        }
        if self.lacks(NO_READINESS) {
            return Ok(try_lend(self.lane(), || file::write(self.as_fd(), bufs))??);
        }
        self.write_when_ready(bufs)
    }

    /// Piece by piece, each as large as a ready pipe takes, so that a pool thread is held for moments.
    /// What is neither a pipe nor a terminal may mean something by one call, and gets all in one.
    fn write_when_ready(&self, bufs: &[IoSlice<'_>]) -> Result<usize, Stop> {
        let mut rest = bufs[..bufs.len().min(IOV_MAX)].to_vec();
        let mut rest = &mut rest[..];
        if pieces::len(rest) == 0 {
            return Ok(file::write(self.as_fd(), rest)?);
        }
        let bytes_max = match self.shape {
            Shape::Pipe | Shape::Terminal => READY_BYTES,
            Shape::Disk | Shape::Other => usize::MAX,
        };
        let mut written = 0;
        loop {
            let piece = pieces::front(rest, bytes_max);
            let asked = pieces::len(&piece);
            let count = match self.once_ready(Direction::Write, |fd| file::write(fd, &piece)) {
                Ok(count) => count,
                Err(stop) if written == 0 => return Err(stop),
                // Progress wins over what ended it.
                Err(_) => return Ok(written),
            };
            written += count;
            IoSlice::advance_slices(&mut rest, count);
            if count < asked || pieces::len(rest) == 0 {
                return Ok(written);
            }
        }
    }

    /// Runs `call` on the pool once the file is ready, also by the time that a thread is there.
    ///
    /// Subtle: nobody parks for readiness with a turn in hand, and the turn travels with the call. A green
    /// thread that its runtime leaves behind would keep it for ever.
    fn once_ready(
        &self,
        direction: Direction,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize> + Send,
    ) -> Result<usize, Stop> {
        loop {
            let is_told = self.wait_ready(direction)?;
            let turn = self.turn(direction)?;
            // Whoever had the turn before may have taken what there was.
            if is_told && !self.evented.probe(direction)? {
                continue;
            }
            let call = &mut call;
            let outcome = self.try_on_pool(move || {
                let _turn = turn;
                if is_told && !poll::is_ready(self.as_fd(), readiness(direction))? {
                    return Ok(None);
                }
                call(self.as_fd()).map(Some)
            })?;
            if let Some(count) = outcome? {
                return Ok(count);
            }
        }
    }

    /// As `readv(2)` on a non-blocking file: `WouldBlock` rather than wait.
    #[cfg(feature = "futures-io")]
    pub(crate) fn read_now(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match file::read_nowait(self.as_fd(), bufs) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            done => return done,
        }
        self.look(Direction::Read)?;
        file::read(self.as_fd(), bufs)
    }

    /// As `writev(2)` on a non-blocking file: `WouldBlock` rather than wait.
    #[cfg(feature = "futures-io")]
    pub(crate) fn write_now(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match file::write_nowait(self.as_fd(), bufs) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            done => return done,
        }
        self.look(Direction::Write)?;
        file::write(self.as_fd(), &pieces::front(bufs, READY_BYTES))
    }

    /// What cannot be asked without waiting is looked at first. Another process may be faster; then the
    /// call waits after all, which is why `read` and `write` go to the pool.
    #[cfg(feature = "futures-io")]
    fn look(&self, direction: Direction) -> io::Result<()> {
        match self.evented.probe(direction)? {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// A thread of the pool's blocks the signals of job control, which would turn a stop into an error.
    fn try_on_pool<T: Send>(&self, call: impl FnOnce() -> T + Send) -> Result<T, Interrupted> {
        if self.shape != Shape::Terminal || current::task().is_none() {
            return try_lend(self.lane(), call);
        }
        try_lend(self.lane(), || match current::task() {
            None => terminal::with_job_control(call),
            // The pool has no thread: this is a worker, and handlers do not run there.
            Some(_) => call(),
        })
    }

    /// Returns at once for what has no readiness, or need not be ready: `false`.
    fn wait_ready(&self, direction: Direction) -> Result<bool, Stop> {
        if self.lacks(NO_READINESS) {
            return Ok(false);
        }
        if self.shape == Shape::Terminal && direction == Direction::Read {
            if terminal::answers_without_input(self.as_fd()) {
                return Ok(false);
            }
            // As std's read, which stops the job before it waits.
            if terminal::is_in_background(self.as_fd()) {
                self.try_on_pool(|| terminal::ask_to_read(self.as_fd()))??;
            }
        }
        match self.evented.try_wait(direction, NEVER_NS) {
            Err(Stop::Io(error)) if is_unpollable(&error) => {
                self.note(NO_READINESS);
                Ok(false)
            }
            outcome => outcome.map(|()| true),
        }
    }

    /// Regular files take as long as the disk does; anything else may take for ever.
    fn lane(&self) -> Lane {
        match self.shape {
            Shape::Disk => Lane::Brief,
            _ => Lane::Long,
        }
    }
}
