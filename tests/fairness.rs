//! Who runs when: yields, readers that never block, floods of spawns, stealing, pinned closures.
//!
//! `settle` only makes the interesting order likely (a task is parked before we act): no assertion
//! depends on it.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "fairness/placing.rs"]
mod placing;
#[path = "fairness/sockets.rs"]
mod sockets;
#[path = "support/watchdog.rs"]
mod watchdog;

use greenroom::Runtime;
use greenroom::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder()
        .workers(workers)
        .name("fair")
        .build()
        .unwrap()
}

/// A connection: ours, and the peer's as std's, which no green thread is needed for.
fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

/// Gives others the time to reach their waits. Only makes an order likely.
fn settle() {
    std::thread::sleep(Duration::from_millis(20));
}

/// Set once, seen by loops that compute or yield until then; also when the test fails.
#[derive(Clone, Default)]
struct Flag(Arc<AtomicBool>);

impl Flag {
    fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_up(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Computes until the flag is up: the worker runs nothing else meanwhile.
    fn compute_until_up(&self) {
        while !self.is_up() {
            std::thread::yield_now();
        }
    }

    fn raise_at_end(&self) -> RaiseAtEnd {
        RaiseAtEnd(self.clone())
    }
}

struct RaiseAtEnd(Flag);

impl Drop for RaiseAtEnd {
    fn drop(&mut self) {
        self.0.raise();
    }
}
