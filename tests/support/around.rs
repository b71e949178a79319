//! Where the bodies of a test run that are the same for std and greenroom.

use crate::watchdog::watchdog;
use greenroom::Runtime;
use std::net::{TcpListener, UdpSocket};

/// On this OS thread.
#[track_caller]
pub(crate) fn once(test: impl Fn()) {
    let _watchdog = watchdog();
    test();
}

/// As a green thread of a runtime with one worker, and of one with two.
#[track_caller]
pub(crate) fn green(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.run(&test);
    }
}

/// Loopback with a port of the system's choice, for each family that this machine has.
pub(crate) fn each_loopback(test: impl Fn(&'static str)) {
    test("127.0.0.1:0");
    if UdpSocket::bind("[::1]:0").is_ok() && TcpListener::bind("[::1]:0").is_ok() {
        test("[::1]:0");
    }
}
