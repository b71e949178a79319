//! Out of descriptors: accepting pauses, says so once, and goes on when there are some.

use crate::ground::*;
use crate::logged;
use crate::watchdog::watchdog;
use greenroom_servers::TcpServer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

const CHILD: &str = "GREENROOM_TEST_CHILD";

#[test]
fn emfile_pauses_accepting_logs_once_and_recovers() {
    let _watchdog = watchdog();
    if std::env::var_os(CHILD).is_some() {
        return exhaust();
    }
    let name = "exhaustion::emfile_pauses_accepting_logs_once_and_recovers";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn exhaust() {
    logged::begin();
    greenroom::run(|| {
        for mode in MODES {
            let server = TcpServer::bind("127.0.0.1:0").unwrap().concurrency(mode);
            let server = Live::Tcp(server.limits(generous()).serve_in_background(obey).unwrap());
            drop(drained(&{
                let stream = server.connect();
                assert_eq!(byte(&stream), b'!');
                (&stream).write_all(b"q").unwrap();
                stream
            }));
            until(|| server.totals().open == 0);
            let before = logged::count(log::Level::Warn, "pausing until descriptors are free");
            let limit = getrlimit(Resource::Nofile);
            let used = File::open("/dev/null").unwrap();
            let highest = std::os::fd::AsRawFd::as_raw_fd(&used);
            drop(used);
            // One for the client's end, none for the server's.
            let lowered = Rlimit {
                current: Some(u64::from(highest.unsigned_abs()) + 1),
                ..limit
            };
            setrlimit(Resource::Nofile, lowered).unwrap();
            let stream = server.connect();
            let is_logged = || logged::count(log::Level::Warn, "pausing until") > before;
            until(is_logged);
            assert_eq!(server.totals().accepted, 1);
            setrlimit(Resource::Nofile, limit).unwrap();
            assert_eq!(byte(&stream), b'!');
            let lines = logged::count(log::Level::Warn, "pausing until descriptors are free");
            assert_eq!(lines - before, 1, "{mode:?}");
            (&stream).write_all(b"q").unwrap();
            assert_eq!(drained(&stream), b"");
            let totals = server.shutdown(FOREVER);
            assert_eq!((totals.accepted, totals.errors), (2, 0), "{mode:?}");
        }
    });
}
