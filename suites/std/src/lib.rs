//! std's own tests, run with greenroom in std's place.
//!
//! Nothing of std is kept here: `build.rs` takes the tests from the toolchain's component `rust-src`,
//! if it is installed and of the version they were fitted to, and `tests/std.rs` includes them. Each test
//! runs on an OS thread, and in green threads of runtimes with one and with two workers.
