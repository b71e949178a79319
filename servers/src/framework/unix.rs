//! A server of Unix clients, and the file that its socket is.
//!
//! A socket's file outlives its server when that was killed, and the next one cannot bind to it. So a path
//! that is taken is asked: a connect that is refused means that nobody listens, and the file is replaced; an
//! answer, or anything that is no socket, stays what it is. At the end the server removes its file, unless
//! that is another's by now.
//!
//! Race: two servers start on one stale file, both find it stale, and the later one would remove the file of the
//! earlier. So from asking to listening each holds a lock on the directory (`flock`: it leaves nothing behind).

use super::accept;
use super::concurrency::Concurrency;
use super::control::{Engine, Owner, Stopper};
use super::counters::Totals;
use super::handler::Handler;
use super::limits::Limits;
use super::options::Options;
use super::running::Running;
use greenroom::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a server that lives may take to answer: its queue may be full, and a connect then waits.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// How long to wait for servers that start in the same directory, and how often to look. Whoever holds the lock
/// for longer is no server that starts.
const TURN_LIMIT: Duration = Duration::from_secs(3);
const TURN_PAUSE: Duration = Duration::from_millis(2);

/// A server of clients on this machine: socketserver's `UnixStreamServer`.
///
/// # Examples
/// ```
/// use greenroom::os::unix::net::UnixStream;
/// use greenroom_servers::{Client, UnixServer};
/// use std::io::{self, Write};
/// use std::time::Duration;
///
/// greenroom::run(|| {
///     let path = std::env::temp_dir().join(format!("greenroom-doc-{}", std::process::id()));
///     let server = UnixServer::bind(&path)?
///         .serve_in_background(|client: &mut Client| client.write_all(b"hello"))?;
///     assert_eq!(io::read_to_string(UnixStream::connect(&path)?)?, "hello");
///     server.shutdown(Duration::from_secs(1));
///     assert!(!path.exists());
///     Ok::<(), io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct UnixServer {
    listener: UnixListener,
    file: Option<SocketFile>,
    options: Options,
}

impl UnixServer {
    /// Listens at a path, and replaces a socket there that nobody listens on. Parks for up to a second if
    /// the path is taken, and while others begin to listen in the same directory.
    ///
    /// # Errors
    /// `AddrInUse` if somebody listens there, or it is no socket; `InvalidInput` for a path that is too long
    /// (108 bytes) or has a NUL; what else `bind(2)` reports.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixServer> {
        let path = path.as_ref();
        let _turn = turn_in(path);
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_stale(path) => {
                greenroom::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        // Of an empty path the kernel makes an abstract name.
        let file = match path.as_os_str().is_empty() {
            true => None,
            false => Some(SocketFile::of(path)?),
        };
        Ok(UnixServer {
            listener,
            file,
            options: Options::default(),
        })
    }

    /// Listens at a name in Linux's abstract namespace: no file, gone with its last descriptor.
    ///
    /// # Errors
    /// `AddrInUse`; `InvalidInput` for more than 107 bytes.
    ///
    /// # Examples
    /// ```
    /// let name = format!("greenroom-abstract-{}", std::process::id());
    /// let server = greenroom_servers::UnixServer::bind_abstract(&name)?;
    /// assert!(greenroom_servers::UnixServer::bind_abstract(&name).is_err());
    /// # drop(server);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_abstract<N: AsRef<[u8]>>(name: N) -> io::Result<UnixServer> {
        let address = SocketAddr::from_abstract_name(name)?;
        UnixListener::bind_addr(&address).map(UnixServer::from)
    }

    /// With other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> UnixServer {
        self.options.limits = limits;
        self
    }

    /// With clients served otherwise than by a green thread each.
    #[must_use]
    pub fn concurrency(mut self, concurrency: Concurrency) -> UnixServer {
        self.options.concurrency = concurrency;
        self
    }

    /// Clients beyond a limit are told so, as far as they read it within a second, before they are closed.
    #[must_use]
    pub fn reject_with(mut self, text: impl Into<Vec<u8>>) -> UnixServer {
        self.options.farewell = text.into();
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Ends it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.options.control.stopper()
    }

    /// Serves until a [`Stopper`] ends it; as [`TcpServer::serve_forever`](crate::TcpServer::serve_forever).
    /// Parks.
    ///
    /// # Errors
    /// As [`serve_in_background`](UnixServer::serve_in_background).
    pub fn serve_forever<H: Handler>(self, handler: H) -> io::Result<Totals> {
        let (owner, _) = self.begin(handler)?;
        Ok(owner.0.wait())
    }

    /// Serves in the background. Never parks.
    ///
    /// # Errors
    /// No descriptor or stack for the acceptors; `InvalidInput` for a time-out of zero.
    pub fn serve_in_background<H: Handler>(self, handler: H) -> io::Result<Running<SocketAddr>> {
        let (owner, address) = self.begin(handler)?;
        Ok(Running { owner, address })
    }

    fn begin<H: Handler>(self, handler: H) -> io::Result<(Owner, SocketAddr)> {
        let address = self.listener.local_addr()?;
        let UnixServer {
            listener,
            file,
            options,
        } = self;
        let concurrency = options.concurrency;
        let owner = options.begin(handler, |service| {
            let engine = accept::start(listener, concurrency, service)?;
            Ok(Box::new(WithFile { engine, file }))
        })?;
        Ok((owner, address))
    }
}

/// Of a listener that was made elsewhere; its file, if it has one, is left alone.
impl From<UnixListener> for UnixServer {
    fn from(listener: UnixListener) -> UnixServer {
        UnixServer {
            listener,
            file: None,
            options: Options::default(),
        }
    }
}

/// The right to begin in the directory of a path, until it is dropped. `None` if there is no way to have it: then
/// it goes without. Parks.
fn turn_in(path: &Path) -> Option<fs::File> {
    let parent = path.parent()?;
    let is_here = parent.as_os_str().is_empty();
    let directory = if is_here { Path::new(".") } else { parent };
    // std's: microseconds.
    let directory = fs::File::open(directory).ok()?;
    let begun = Instant::now();
    loop {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(directory),
            Err(Errno::WOULDBLOCK) if begun.elapsed() < TURN_LIMIT => {
                greenroom::thread::sleep(TURN_PAUSE);
            }
            Err(_) => return None,
        }
    }
}

/// Whether a path that is taken is a socket that nobody listens on.
fn is_stale(path: &Path) -> bool {
    let identity = || {
        let found = greenroom::fs::symlink_metadata(path).ok()?;
        let is_socket = found.file_type().is_socket();
        is_socket.then_some((found.dev(), found.ino()))
    };
    let before = identity();
    let probe = greenroom::timeout(PROBE_LIMIT, || UnixStream::connect(path));
    let is_refused =
        matches!(probe, Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused);
    // The same file still: not another server's, which was quicker.
    is_refused && before.is_some() && identity() == before
}

/// The engine, and the file: that is removed when nobody is accepted any more, before clients get their grace.
struct WithFile {
    engine: Box<dyn Engine>,
    file: Option<SocketFile>,
}

impl Engine for WithFile {
    fn finish(self: Box<Self>, grace: Duration) {
        let WithFile { engine, file } = *self;
        drop(file);
        engine.finish(grace);
    }
}

/// A socket's name in the file system. Its drop removes it if it is still the same.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<SocketFile> {
        let found = fs::symlink_metadata(path)?;
        Ok(SocketFile {
            // A program may change its directory before the end.
            path: std::path::absolute(path)?,
            device: found.dev(),
            inode: found.ino(),
        })
    }
}

impl Drop for SocketFile {
    // std's calls, which take microseconds: greenroom's park, which a drop while unwinding must not.
    fn drop(&mut self) {
        let is_ours =
            |found: &fs::Metadata| (found.dev(), found.ino()) == (self.device, self.inode);
        if fs::symlink_metadata(&self.path).is_ok_and(|found| is_ours(&found)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}
