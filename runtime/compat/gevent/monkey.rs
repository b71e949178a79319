//! `gevent.monkey`: what `patch_all` is here. Documentation only.
//!
//! gevent replaces functions of Python's standard library at run time, so that code which knows nothing
//! of gevent waits for the greenlet and not for the thread. A compiled program has no such place: what
//! `std::net::TcpStream` means is decided when it is compiled. So the patch is made in the source.
//!
//! | gevent | here |
//! |---|---|
//! | `monkey.patch_all()` | `use greenroom::{thread, sync, net, io, fs, process}` in place of `std`'s |
//! | `patch_socket`, `patch_select`, `patch_ssl` | [`net`](crate::net), [`select!`](crate::select!); TLS crates take any stream |
//! | `patch_thread`, `patch_time`, `patch_queue` | [`thread`](crate::thread), [`sync`](crate::sync), [`queue`](crate::queue) |
//! | `patch_os`, `patch_subprocess`, `patch_signal` | [`process`](crate::process), [`signal`](crate::signal) |
//! | `patch_sys` | [`io`](crate::io): standard streams that park |
//! | `patch_dns` | nothing to do: names are looked up off the workers |
//! | `patch_builtins` | nothing to do |
//! | `is_module_patched`, `get_original` | read the `use` line; `std::` is the original |
//!
//! Crates that call std themselves are not reached by that. Most take a stream (rustls, httparse,
//! tungstenite, flate2) and are given greenroom's; for what really blocks there is
//! [`unblock`](crate::unblock()). `docs/blocking.md` in the repository tells which calls those are.
//!
//! # Examples
//! ```
//! // from gevent import monkey; monkey.patch_all(); import socket, threading
//! use greenroom::{net::TcpListener, thread};
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let accepting = thread::spawn(move || listener.accept());
//! accepting.cancel();
//! # Ok::<(), std::io::Error>(())
//! ```
