//! Other people's clients: curl, lftp and CPython's ftplib, over both families.

use super::child::{Ended, Running};
use super::ground::{Site, TempDir, pattern, settings};
use super::installed::is_installed;
use super::watchdog::watchdog;
use greenroom_servers::Limits;
use std::process::{Command, Stdio};

fn run(command: &mut Command) -> Ended {
    Running::start(command.stdin(Stdio::null())).end()
}

/// One server for each family that there is.
fn each_family(test: impl Fn(&Site)) {
    for at in ["127.0.0.1:0", "[::1]:0"] {
        match std::net::TcpListener::bind(at) {
            Ok(_) => test(&Site::start(at, 2, settings(), Limits::default())),
            Err(error) => eprintln!("skipped: {at}: {error}"),
        }
    }
}

fn curl(args: &[&str]) -> Ended {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", "--max-time", "60"]);
    let ended = run(curl.args(args));
    assert!(ended.status.success(), "{args:?}: {ended}");
    ended
}

#[test]
fn curl_lists_gets_puts_resumes_and_quotes() {
    let _watchdog = watchdog();
    if !is_installed("curl") {
        return;
    }
    let dir = TempDir::new();
    let local = |name: &str| dir.0.join(name).to_str().unwrap().to_owned();
    std::fs::write(local("up"), pattern(500_000)).unwrap();
    each_family(|site| {
        let base = format!("ftp://{}", site.address);
        let url = |path: &str| format!("{base}/{path}");
        let mut ways = vec![&["--epsv"][..]];
        if site.address.is_ipv4() {
            ways.push(&["--disable-epsv"]);
        }
        for way in ways {
            let list = curl(&[way, &[&url("")]].concat()).stdout;
            assert!(list.lines().any(|line| line.ends_with(" a.txt")), "{list}");
            let names = curl(&[way, &["-l", &url("dir/")]].concat()).stdout;
            assert_eq!(names, "b c.txt\nsub\n");
            assert_eq!(
                curl(&[way, &[&url("dir/b%20c.txt")]].concat()).stdout,
                "blank\n"
            );
            assert_eq!(
                curl(&[way, &["--use-ascii", &url("a.txt")]].concat()).stdout,
                "hello\n"
            );

            // A download, and its second half.
            curl(&[way, &["-o", &local("down"), &url("big.bin")]].concat());
            assert!(std::fs::read(local("down")).unwrap() == pattern(3 << 20));
            std::fs::write(local("down"), &pattern(3 << 20)[..1_000_000]).unwrap();
            curl(&[way, &["-C", "-", "-o", &local("down"), &url("big.bin")]].concat());
            assert!(std::fs::read(local("down")).unwrap() == pattern(3 << 20));

            // An upload, and its second half.
            let login = &["-u", "ada:pw"];
            curl(&[way, login, &["-T", &local("up"), &url("up.bin")]].concat());
            assert!(site.read("up.bin") == pattern(500_000));
            std::fs::write(site.path("up.bin"), &pattern(500_000)[..123_456]).unwrap();
            curl(&[way, login, &["-C", "-", "-T", &local("up"), &url("up.bin")]].concat());
            assert!(site.read("up.bin") == pattern(500_000));
            let create = &["--ftp-create-dirs", "-T", &local("up"), &url("x/y/up.bin")];
            curl(&[way, login, &create[..]].concat());
            assert!(site.read("x/y/up.bin") == pattern(500_000));

            // Commands, before and after.
            let quotes = [
                "-Q",
                "RNFR up.bin",
                "-Q",
                "RNTO moved.bin",
                "-Q",
                "-DELE moved.bin",
            ];
            curl(&[way, login, &quotes, &[&url("")]].concat());
            assert!(!site.path("up.bin").exists() && !site.path("moved.bin").exists());
            let quotes = ["-Q", "-DELE y/up.bin", "-Q", "-RMD y"];
            curl(&[way, login, &quotes, &[&url("x/")]].concat());
            std::fs::remove_dir(site.path("x")).unwrap();
        }
        // Several at once over one connection.
        let many = curl(&[&url("a.txt"), &url("a.txt"), &url("dir/b%20c.txt")]).stdout;
        assert_eq!(many, "hello\nhello\nblank\n");
        // What it is refused.
        for (args, status) in [
            (&["-u", "ada:wrong", &url("a.txt")][..], 67),
            (&[&url("nowhere")], 78),
            (&[&url("out.txt")], 78),
            (&["-T", &local("up"), &url("no.bin")], 25),
        ] {
            let mut curl = Command::new("curl");
            let ended = run(curl
                .args(["-sS", "--noproxy", "*", "--max-time", "60"])
                .args(args));
            assert_eq!(ended.status.code(), Some(status), "{args:?}: {ended}");
        }
    });
}

fn lftp(site: &Site, user: &str, script: &str) -> Ended {
    let mut lftp = Command::new("lftp");
    let settings =
        "set net:max-retries 2; set net:timeout 30; set ftp:passive-mode on; set cmd:fail-exit on";
    // No files of the user's.
    lftp.env("LFTP_HOME", &site.root).env("HOME", &site.root);
    let open = format!("open -u {user},pw ftp://{}", site.address);
    let ended = run(lftp.args(["--norc", "-c", &format!("{settings}; {open}; {script}")]));
    assert!(ended.status.success(), "{script}: {ended}");
    ended
}

#[test]
fn lftp_lists_gets_puts_resumes_and_mirrors() {
    let _watchdog = watchdog();
    if !is_installed("lftp") {
        return;
    }
    each_family(|site| {
        let dir = TempDir::new();
        let local = |name: &str| dir.0.join(name).to_str().unwrap().to_owned();
        std::fs::write(local("up"), pattern(500_000)).unwrap();
        let list = lftp(site, "ada", "ls").stdout;
        assert!(list.lines().any(|line| line.ends_with(" a.txt")), "{list}");
        assert_eq!(lftp(site, "bob", "cls -1").stdout, "b c.txt\nsub/\n");
        let (down, part) = (local("down"), local("part"));
        lftp(site, "ada", &format!("get big.bin -o {down}"));
        assert!(std::fs::read(&down).unwrap() == pattern(3 << 20));
        std::fs::write(&part, &pattern(3 << 20)[..1_000_000]).unwrap();
        lftp(site, "ada", &format!("get -c big.bin -o {part}"));
        assert!(std::fs::read(&part).unwrap() == pattern(3 << 20));
        // In pieces, over several connections.
        let pieces = local("pieces");
        lftp(site, "ada", &format!("pget -n 3 big.bin -o {pieces}"));
        assert!(std::fs::read(&pieces).unwrap() == pattern(3 << 20));

        let up = local("up");
        lftp(site, "ada", &format!("put {up} -o up.bin"));
        assert!(site.read("up.bin") == pattern(500_000));
        std::fs::write(site.path("up.bin"), &pattern(500_000)[..123_456]).unwrap();
        lftp(site, "ada", &format!("put -c {up} -o up.bin"));
        assert!(site.read("up.bin") == pattern(500_000));
        lftp(
            site,
            "ada",
            "mkdir -p x/y; mv up.bin x/y/moved.bin; cat a.txt; rm -r x",
        );
        assert!(!site.path("x").exists());

        let tree = local("tree");
        lftp(site, "ada", &format!("mirror dir {tree}"));
        assert_eq!(
            std::fs::read(format!("{tree}/b c.txt")).unwrap(),
            b"blank\n"
        );
        std::fs::write(format!("{tree}/sub/new.txt"), "new\n").unwrap();
        lftp(site, "ada", &format!("mirror -R {tree} copy"));
        assert_eq!(site.read("copy/sub/new.txt"), b"new\n");
        assert_eq!(site.read("copy/b c.txt"), b"blank\n");
    });
}

const PYTHON: &str = r#"
import ftplib, io, sys
host, port = sys.argv[1], int(sys.argv[2])
ftp = ftplib.FTP(timeout=60)
ftp.connect(host, port)
ftp.login("ada", "pw")
assert ftp.pwd() == "/"
assert ftp.nlst() == ["a.txt", "big.bin", "dir", "empty", "in"], ftp.nlst()
lines = []
ftp.retrlines("LIST", lines.append)
assert len(lines) == 5, lines
facts = dict(ftp.mlsd("dir"))
assert facts["b c.txt"]["type"] == "file" and facts["b c.txt"]["size"] == "6", facts
got = io.BytesIO()
ftp.retrbinary("RETR big.bin", got.write)
body = got.getvalue()
assert len(body) == 3 << 20
ftp.storbinary("STOR py.bin", io.BytesIO(body))
assert ftp.size("py.bin") == 3 << 20
got = io.BytesIO()
ftp.retrbinary("RETR py.bin", got.write, rest=1 << 20)
assert got.getvalue() == body[1 << 20:]
ftp.storbinary("APPE py.bin", io.BytesIO(b"more"))
ftp.storlines("STOR text", io.BytesIO(b"one\ntwo\n"))
lines = []
ftp.retrlines("RETR text", lines.append)
assert lines == ["one", "two"], lines
# An abort, in the middle of a file that is larger than what sockets hold.
ftp.voidcmd("TYPE I")
data = ftp.transfercmd("RETR huge")
data.recv(1000)
assert ftp.abort()[:3] in ("426", "226"), "abort"
data.close()
assert ftp.getresp()[:3] == "226"
ftp.mkd("made")
ftp.rename("text", "made/moved")
ftp.cwd("made")
assert ftp.pwd() == "/made" and ftp.nlst() == ["moved"]
ftp.delete("moved")
ftp.cwd("..")
ftp.rmd("made")
for call in (lambda: ftp.size("nowhere"), lambda: ftp.cwd("../.."), lambda: ftp.delete("out.txt")):
    try:
        call()
    except ftplib.error_perm:
        pass
ftp.quit()
print("done")
"#;

#[test]
fn pythons_ftplib_does_all_that_it_can() {
    let _watchdog = watchdog();
    if !is_installed("python3") {
        return;
    }
    each_family(|site| {
        std::fs::remove_file(site.path("out.txt")).unwrap();
        let huge = std::fs::File::create(site.path("dir/sub/huge")).unwrap();
        huge.set_len(1 << 30).unwrap();
        let script = PYTHON.replace("RETR huge", "RETR dir/sub/huge");
        let (host, port) = (
            site.address.ip().to_string(),
            site.address.port().to_string(),
        );
        let mut python = Command::new("python3");
        let ended = run(python.args(["-c", &script, &host, &port]));
        assert_eq!(ended.stdout, "done\n", "{ended}");
        assert_eq!(site.read("py.bin").len(), (3 << 20) + 4);
    });
}
