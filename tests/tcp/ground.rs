//! Where a test runs: green threads or OS threads; and what every test needs.

use greenroom::net::{TcpListener, TcpStream};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// No test takes a tenth of it; a lost wake takes for ever.
const DEADLINE: Duration = Duration::from_secs(30);

/// The kind of thread under a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Green,
    Os,
}

/// A spawned thread of either kind.
pub(crate) enum Handle<T> {
    Green(greenroom::thread::JoinHandle<T>),
    Os(std::thread::JoinHandle<T>),
}

impl<T> Handle<T> {
    pub(crate) fn join(self) -> T {
        let ended = match self {
            Handle::Green(handle) => handle.join(),
            Handle::Os(handle) => handle.join(),
        };
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Handle::Green(handle) => handle.is_finished(),
            Handle::Os(handle) => handle.is_finished(),
        }
    }
}

impl Ground {
    pub(crate) fn spawn<T: Send + 'static>(
        self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Handle<T> {
        match self {
            Ground::Green => Handle::Green(greenroom::thread::spawn(f)),
            Ground::Os => Handle::Os(std::thread::spawn(f)),
        }
    }

    /// Gives others the time to reach their waits. Only makes an order likely.
    pub(crate) fn settle(self) {
        let while_others_run = Duration::from_millis(10);
        match self {
            Ground::Green => greenroom::thread::sleep(while_others_run),
            Ground::Os => std::thread::sleep(while_others_run),
        }
    }

    /// Runs `test` here, to its end or to the deadline.
    pub(crate) fn run(self, test: impl FnOnce(Ground) + Send + 'static) {
        let (done, ended) = mpsc::channel();
        let runner = std::thread::spawn(move || {
            match self {
                Ground::Green => greenroom::run(move || test(self)),
                Ground::Os => test(self),
            }
            let _ = done.send(());
        });
        match ended.recv_timeout(DEADLINE) {
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{self:?}: hangs"),
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {}
        }
        if let Err(panic) = runner.join() {
            eprintln!("on {self:?} threads:");
            std::panic::resume_unwind(panic);
        }
    }
}

/// Runs a behaviour on both grounds.
pub(crate) fn on_both(test: impl Fn(Ground) + Clone + Send + 'static) {
    Ground::Green.run(test.clone());
    Ground::Os.run(test);
}

/// A connected pair over loopback.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

/// A connected pair whose second half is std's: what the test does with it never parks a task.
pub(crate) fn pair_with_std() -> (TcpStream, std::net::TcpStream) {
    let (stream, peer) = pair();
    (stream, peer.into_std())
}

/// Bytes in which a lost, doubled or swapped piece shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| {
        let mut bytes = Vec::with_capacity(PATTERN_BYTES_MAX);
        for i in (0u32..).take(PATTERN_BYTES_MAX / 4) {
            bytes.extend_from_slice(&i.wrapping_mul(2_654_435_761).to_le_bytes());
        }
        bytes
    });
    bytes[..len].to_vec()
}

/// More than the buffers of both ends of a loopback connection together.
pub(crate) const PATTERN_BYTES_MAX: usize = 32 << 20;
