//! Our client against our server, and against Python's pyftpdlib where there is one.

use super::child::Running;
use super::ground::{Site, TempDir, pattern, plant, settings};
use super::watchdog::watchdog;
use greenroom::Runtime;
use greenroom_servers::Limits;
use greenroom_servers::ftp::client::{Answer, FtpClient};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

fn code(error: &io::Error) -> Option<u16> {
    Answer::of(error).map(|answer| answer.code)
}

/// Everything that the client can do, as a user who may write.
fn tour(address: SocketAddr) -> io::Result<()> {
    let dir = TempDir::new();
    let whole = pattern(3 << 20);
    let mut ftp = FtpClient::connect(address)?;
    let refused = ftp.pwd().unwrap_err();
    assert_eq!(code(&refused), Some(530));
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    ftp.login("ada", "pw")?;
    assert_eq!(ftp.pwd()?, "/");
    assert!(ftp.names("")?.contains(&"a.txt".to_owned()));
    assert!(ftp.list("")?.lines().any(|line| line.ends_with(" a.txt")));

    let (mut bytes, mut last) = (Vec::new(), (0, None));
    let count = ftp.get("big.bin", &mut bytes, |so_far, total| {
        last = (so_far, total);
    })?;
    assert!(bytes == whole && count == 3 << 20);
    assert_eq!(last, (3 << 20, Some(3 << 20)));
    let local = dir.0.join("part");
    std::fs::write(&local, &whole[..1_000_000])?;
    let count = ftp.resume_get("big.bin", &local, |_, _| {})?;
    assert!(std::fs::read(&local)? == whole && count == (3 << 20) - 1_000_000);
    assert_eq!(ftp.resume_get("big.bin", &local, |_, _| {})?, 0);

    ftp.mkdir("grüße \"x\"")?;
    ftp.cwd("grüße \"x\"")?;
    assert_eq!(ftp.pwd()?, "/grüße \"x\"");
    ftp.put("up.bin", &whole[..500_000], |_| {})?;
    assert_eq!(ftp.size("up.bin")?, 500_000);
    let mut last = 0;
    assert_eq!(
        ftp.resume_put("up.bin", &local, |so_far| last = so_far)?,
        (3 << 20) - 500_000
    );
    assert_eq!((ftp.size("up.bin")?, last), (3 << 20, 3 << 20));
    ftp.append("up.bin", &b"more"[..], |_| {})?;
    let longer = ftp.resume_put("up.bin", &local, |_| {}).unwrap_err();
    assert_eq!(longer.kind(), ErrorKind::InvalidInput);
    let mut end = Vec::new();
    ftp.get_from("up.bin", (3 << 20) - 1, &mut end, |_, _| {})?;
    assert_eq!(end, [&whole[(3 << 20) - 1..], b"more"].concat());
    ftp.rename("up.bin", "-moved.bin")?;
    assert_eq!(ftp.names("")?, ["-moved.bin"]);
    ftp.delete("-moved.bin")?;
    ftp.cwd("/")?;
    ftp.rmdir("grüße \"x\"")?;

    // Errors that leave the two in step.
    for (name, kind) in [
        ("nowhere", ErrorKind::NotFound),
        ("a\r\nDELE a.txt", ErrorKind::InvalidInput),
    ] {
        assert_eq!(
            ftp.get(name, io::sink(), |_, _| {}).unwrap_err().kind(),
            kind
        );
        assert_eq!(ftp.size(name).unwrap_err().kind(), kind);
        assert_eq!(ftp.cwd(name).unwrap_err().kind(), kind);
    }
    let mut full = [0; 10];
    let broken = ftp.get("big.bin", &mut full[..], |_, _| {}).unwrap_err();
    assert_eq!(
        (broken.kind(), &full[..]),
        (ErrorKind::WriteZero, &whole[..10])
    );
    let broken = ftp.put("cut.bin", Torn(100_000), |_| {}).unwrap_err();
    assert_eq!(broken.to_string(), "torn");
    assert_eq!(ftp.names("dir/sub")?, Vec::<String>::new());
    ftp.quit()
}

/// A source that fails in the middle.
struct Torn(usize);

impl io::Read for Torn {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("torn"));
        }
        let count = buf.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }
}

fn on_green_and_os_threads(address: SocketAddr) {
    tour(address).unwrap();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.run(|| tour(address)).unwrap();
    }
}

#[test]
fn client_does_everything_with_our_server() {
    let _watchdog = watchdog();
    for at in ["127.0.0.1:0", "[::1]:0"] {
        if std::net::TcpListener::bind(at).is_err() {
            eprintln!("skipped: {at}");
            continue;
        }
        let site = Site::start(at, 2, settings(), Limits::default());
        on_green_and_os_threads(site.address);
        site.wait_until_empty();
    }
}

const PYFTPDLIB: &str = r#"
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
authorizer = DummyAuthorizer()
authorizer.add_user("ada", "pw", sys.argv[1], perm="elradfmwMT")
class Handler(FTPHandler):
    pass
Handler.authorizer = authorizer
if sys.argv[2] == "pasv":
    Handler.proto_cmds = {name: what for name, what in FTPHandler.proto_cmds.items() if name != "EPSV"}
    Handler.masquerade_address = "192.0.2.1"
server = FTPServer(("127.0.0.1", 0), Handler)
print("listening on %s:%d" % server.address[:2], flush=True)
server.serve_forever()
"#;

/// The interpreter that has pyftpdlib, if any: `GREENROOM_TEST_PYTHON`, for one of a virtual environment.
fn python() -> Option<String> {
    let python = std::env::var("GREENROOM_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut check = Command::new(&python);
    let found = check
        .args(["-c", "import pyftpdlib"])
        .stderr(Stdio::null())
        .status();
    let is_there = found.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("skipped: no pyftpdlib");
    }
    is_there.then_some(python)
}

#[test]
fn client_does_everything_with_pyftpdlib() {
    let _watchdog = watchdog();
    let Some(python) = python() else {
        return;
    };
    // With EPSV; and with PASV only, which names an address that is nobody's.
    for how in ["epsv", "pasv"] {
        let dir = TempDir::new();
        let root = plant(&dir.0);
        let mut server = Command::new(&python);
        server
            .args(["-c", PYFTPDLIB, root.to_str().unwrap(), how])
            .stdin(Stdio::null());
        let mut running = Running::start(&mut server);
        let address = running.line("listening on ").parse().unwrap();
        on_green_and_os_threads(address);
    }
}
