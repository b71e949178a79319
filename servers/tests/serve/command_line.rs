//! Help, and what is said of a command line or a place that will not do.

use crate::child::Running;
use crate::program::{Served, command, run};
use crate::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Stdio;

const PROGRAMS: [&str; 6] = ["echo", "upper", "chat", "http", "ftp", "remote-command"];

/// To write the file anew: `GREENROOM_BLESS=1 cargo test -p greenroom-servers --test serve help`.
#[test]
fn help_is_what_it_was() {
    let _watchdog = watchdog();
    let mut help = run(&["--help"]).stdout;
    for program in PROGRAMS {
        let ended = run(&[program, "--help"]);
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
        assert!(
            ended.stdout.contains("\nExamples:\n  greenroom-serve "),
            "{ended}"
        );
        help.push_str(&format!(
            "\n==== greenroom-serve {program} --help\n\n{}",
            ended.stdout
        ));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/help.txt");
    if std::env::var_os("GREENROOM_BLESS").is_some() {
        std::fs::write(&path, &help).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap();
    for (number, (old, new)) in before.lines().zip(help.lines()).enumerate() {
        assert_eq!(old, new, "line {} of {}", number + 1, path.display());
    }
    assert_eq!(before.lines().count(), help.lines().count());
}

#[test]
fn bad_command_lines_are_explained_with_status_2() {
    let _watchdog = watchdog();
    let duration = "give a number and a unit, as in 500ms, 30s, 2m, 1h; or 0 for no limit";
    let count = "give a number from 1 to 1000000000";
    let place = "give ADDRESS:PORT as in 127.0.0.1:8080 or [::1]:8080, PORT, or unix:/PATH";
    for (args, complaint) in [
        ("", "Usage: greenroom-serve <COMMAND>"),
        ("ecko", "a similar subcommand exists: 'echo'"),
        ("echo --listten 1", "a similar argument exists: '--listen'"),
        ("echo --idle-timeout 30", duration),
        ("echo --grace soon", duration),
        ("echo --listen localhost", place),
        ("echo --listen 127.0.0.1:70000", place),
        (
            "echo --listen unix:",
            "give a path, as in unix:/run/echo.sock",
        ),
        ("echo --workers 0", "give a number from 1 to 255"),
        ("echo --workers 256", "give a number from 1 to 255"),
        ("echo --max-clients 0", count),
        ("echo --max-clients many", count),
        ("echo --max-clients 99999999999999999999", count),
        ("echo --max-clients-per-address 0", count),
        ("chat --udp --max-names 0", count),
        ("remote-command --max-running 0", count),
        ("echo --log-level loud", "--log-level"),
        ("echo -v -q", "cannot be used with"),
        (
            "echo --concurrency fork",
            "give green, inline, thread, process, or pool=N",
        ),
        (
            "echo --concurrency pool=0",
            "give green, inline, thread, process, or pool=N",
        ),
        (
            "echo --concurrency pool=999999999",
            "pool=N with N from 1 to 100000",
        ),
        ("echo --udp --concurrency process", "cannot be used with"),
        ("upper --udp --concurrency thread", "cannot be used with"),
        ("echo --udp --max-clients 5", "cannot be used with"),
        (
            "upper --udp --max-clients-per-address 5",
            "cannot be used with",
        ),
        ("chat --udp --idle-timeout 5s", "cannot be used with"),
        ("chat --udp --request-timeout 5s", "cannot be used with"),
        ("chat --udp --outbox 5000", "cannot be used with"),
        ("chat --outbox 1", "--outbox"),
        ("remote-command --allow ls,,df", "--allow"),
        (
            "chat --concurrency pool=1",
            "--concurrency pool=1 is not for this server",
        ),
        (
            "chat --concurrency inline",
            "--concurrency inline is not for this server",
        ),
        ("chat --max-names 5", "--udp"),
        ("ftp --no-anonymous", "--users"),
        (
            "ftp --passive-ports 9-1",
            "give FIRST-LAST, as in 50000-50100",
        ),
        (
            "ftp --concurrency inline",
            "--concurrency inline is not for this server",
        ),
        (
            "ftp --listen 2121 --listen unix:/tmp/x",
            "--listen unix:/tmp/x is not for this server",
        ),
        (
            "http --concurrency process",
            "--concurrency process is not for this server",
        ),
        (
            "remote-command --allow ls --allow-any",
            "cannot be used with",
        ),
    ] {
        let ended = run(&args.split_whitespace().collect::<Vec<_>>());
        assert_eq!(ended.status.code(), Some(2), "{args}: {ended}");
        assert!(ended.stderr.contains(complaint), "{args}: {ended}");
        assert_eq!(ended.stdout, "", "{args}");
    }
}

#[test]
fn places_that_cannot_be_had_are_explained_with_status_1() {
    let _watchdog = watchdog();
    let long = format!("unix:/tmp/{}", "x".repeat(120));
    for (args, complaint) in [
        (
            vec!["echo", "--listen", "192.0.2.1:7000"],
            "`ip address` lists the addresses that this machine has",
        ),
        (
            vec!["echo", "--listen", "unix:/nowhere/at/all"],
            "its folder must exist",
        ),
        (
            vec!["echo", "--udp", "--listen", "unix:/tmp/x"],
            "--udp needs ADDRESS:PORT",
        ),
        (vec!["echo", "--listen", "unix:/"], "remove it, or choose"),
        (vec!["echo", "--listen", &long], "choose a shorter one"),
        (
            vec!["echo", "--listen", "*:7000"],
            "0.0.0.0 and [::] are all that it has",
        ),
        (
            vec!["remote-command", "--listen", "0.0.0.0:0"],
            "give --allow-remote",
        ),
        (
            vec!["remote-command", "--allow-any", "--listen", "[::]:0"],
            "give --allow-remote",
        ),
    ] {
        let ended = run(&args);
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended}");
        let start = format!("greenroom-serve: cannot listen on {}", args.last().unwrap());
        assert!(ended.stderr.starts_with(&start), "{ended}");
        assert!(
            ended.stderr.contains(complaint) && ended.stderr.lines().count() == 1,
            "{ended}"
        );
    }
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at_tcp = tcp.local_addr().unwrap().to_string();
    let at_udp = udp.local_addr().unwrap().to_string();
    for args in [
        vec!["echo", "--listen", &at_tcp],
        vec!["chat", "--udp", "--listen", &at_udp],
    ] {
        let ended = run(&args);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        let advice = "stop the server that has it, or choose another place with --listen";
        assert!(ended.stderr.contains(advice), "{ended}");
    }
}

#[test]
fn roots_and_users_that_are_not_there_are_explained_with_status_1() {
    let _watchdog = watchdog();
    for (args, complaint) in [
        ("http --root /nowhere/at/all", "choose a folder with --root"),
        ("http --root /etc/passwd", "choose a folder with --root"),
        ("ftp --root /nowhere/at/all", "choose a folder with --root"),
        (
            "ftp --users /nowhere/at/all",
            "cannot read the users of /nowhere/at/all",
        ),
    ] {
        let ended = run(&args.split(' ').collect::<Vec<_>>());
        assert_eq!(ended.status.code(), Some(1), "{args}: {ended}");
        assert!(
            ended.stderr.starts_with("greenroom-serve: cannot "),
            "{ended}"
        );
        assert!(ended.stderr.contains(complaint), "{ended}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
    }
}

#[test]
fn ports_below_1024_are_explained_to_those_who_may_not() {
    let _watchdog = watchdog();
    // As nobody, if this is root; a kernel may also let everybody have them.
    let mut shell = std::process::Command::new("setpriv");
    shell.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
    ]);
    let program = command(&[]);
    shell
        .arg(program.get_program())
        .args(["echo", "--listen", "127.0.0.1:1"]);
    let is_there = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--clear-groups", "test", "-x"])
        .arg(program.get_program())
        .status();
    let start = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .unwrap_or_default();
    if !is_there.is_ok_and(|status| status.success()) || start.trim() != "1024" {
        println!("skipped: no way to be somebody else");
        return;
    }
    let ended = Running::start(shell.stdin(std::process::Stdio::null())).end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended.stderr.contains("ports below 1024 are for root"),
        "{ended}"
    );
}

#[test]
fn error_that_nobody_can_read_has_its_status_all_the_same() {
    let _watchdog = watchdog();
    let full = std::fs::File::create("/dev/full").unwrap();
    let mut command = command(&["echo", "--listen", "192.0.2.1:7000"]);
    assert_eq!(command.stderr(full).status().unwrap().code(), Some(1));
}

#[test]
fn levels_choose_what_is_logged() {
    let _watchdog = watchdog();
    for (level, is_logged) in [
        (&[][..], true),
        (&["-v"], true),
        (&["--log-level", "info"], true),
        (&["-q"], false),
        (&["--log-level", "off"], false),
    ] {
        let ended = Served::start(&[&["echo"], level].concat()).end("INT");
        assert_eq!(
            ended.stderr.contains("info: "),
            is_logged,
            "{level:?}: {ended}"
        );
    }
}

#[test]
fn user_whose_hash_the_program_has_made_logs_in() {
    let _watchdog = watchdog();
    let folder = std::env::temp_dir().join(format!("greenroom-serve-user-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut hashing = command(&["ftp", "--hash-password"]);
    let mut running = Running::start(hashing.stdin(Stdio::piped()));
    let mut input = running.child.stdin.take().unwrap();
    input.write_all(b"secret\n").unwrap();
    drop(input);
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    let users = folder.join("users.txt");
    std::fs::write(&users, format!("ada:{}:ro:/\n", ended.stdout.trim())).unwrap();
    let (root, users) = (folder.to_str().unwrap(), users.to_str().unwrap());
    let server = Served::start(&["ftp", "--root", root, "--users", users, "--no-anonymous"]);
    let mut session = TcpStream::connect(server.address).unwrap();
    session
        .write_all(b"USER ada\r\nPASS secret\r\nQUIT\r\n")
        .unwrap();
    let mut said = String::new();
    session.read_to_string(&mut said).unwrap();
    assert!(said.contains("\r\n230 "), "{said}");
    let ended = server.end("TERM");
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    std::fs::remove_dir_all(&folder).unwrap();
}
