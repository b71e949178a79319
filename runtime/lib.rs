//! Green threads for Rust: plain blocking code that serves tens of thousands of clients.
//!
//! Replace `std::` by `greenroom::` in the `use` lines for [`thread`], [`sync`], [`net`], [`io`], [`fs`],
//! [`process`], [`os`] and keep the code: `read`, `accept`, `lock`, `recv`, `sleep`, `join`, `wait` look blocking, and park a green
//! thread instead of an OS thread. Beyond std there are [`queue`], [`select!`] and [`group`]. Stackful
//! coroutines, a scheduler with one queue and one epoll per worker, no `async`.
//!
//! ```
//! use greenroom::net::{TcpListener, TcpStream};
//! use std::io::{Read, Write};
//!
//! greenroom::run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let address = listener.local_addr()?;
//!     greenroom::thread::spawn(move || {
//!         let (mut stream, _) = listener.accept()?;
//!         stream.write_all(b"hello")
//!     });
//!     let mut text = String::new();
//!     TcpStream::connect(address)?.read_to_string(&mut text)?;
//!     assert_eq!(text, "hello");
//!     Ok::<(), std::io::Error>(())
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Green threads never change their OS thread once they have started, so [`thread::spawn`] is a safe
//! function with std's bounds. Read the [`thread`] module for the one class of callbacks that must not
//! park. The book of how it works inside is `design.md` in the repository.

#[cfg(not(target_os = "linux"))]
compile_error!("greenroom runs on Linux only: it stands on epoll, eventfd and futexes");

mod big_stack;
mod compat;
mod context;
mod driver;
mod global;
mod instance;

mod park;
mod report;
mod sched;
mod sys;
mod task;
mod unblock;

pub mod fs;
pub mod future;
pub mod group;
pub mod io;
pub mod net;
pub mod os;
pub mod process;
pub mod queue;
pub mod select;
pub mod signal;
pub mod sync;
pub mod thread;
pub mod time;

pub use big_stack::with_big_stack;
pub use compat::generator;
pub use compat::gevent;
pub use compat::greenlet;
pub use compat::multiplex;
pub use compat::raw;
pub use compat::selectors;
pub use context::stack::{GuardKind, StackStats, stack_stats};
pub use future::block_on;
pub use instance::{Runtime, RuntimeBuilder, run};
pub use park::interrupt::{Cancelled, is_interrupt};
pub use report::{ShutdownReport, waiting};
pub use time::{Elapsed, shield, timeout};
pub use unblock::{UnblockLane, UnblockStats, unblock, unblock_stats};

/// Compiles the programs in the README, so that they stay true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmePrograms;

/// As well.
#[cfg(doctest)]
#[doc = include_str!("../docs/blocking.md")]
struct BlockingPrograms;
