//! No name leads out of the tree, whoever asks and whatever for.

use super::ground::{Site, pattern};
use super::watchdog::watchdog;
use std::os::unix::fs::symlink;
use std::process::Command;

#[test]
fn no_name_leads_out_of_the_tree() {
    let _watchdog = watchdog();
    let site = Site::new();
    let secret = site.root.parent().unwrap().join("secret.txt");
    symlink(&secret, site.path("absolute")).unwrap();
    symlink("/proc/self/root", site.path("proc")).unwrap();
    symlink("loop", site.path("loop")).unwrap();
    symlink("../../secret.txt", site.path("dir/deep.txt")).unwrap();
    let absolute = secret.to_str().unwrap().to_owned();
    let mut raw = site.login("ada");
    for directory in ["/", "/dir", "/dir/sub", "/in"] {
        for name in [
            "../secret.txt",
            "../../secret.txt",
            "../../../../../../etc/passwd",
            "dir/../../secret.txt",
            "/../secret.txt",
            "//..//secret.txt",
            "./.././secret.txt",
            "/out.txt",
            "/absolute",
            "/up/secret.txt",
            "/in/deep.txt",
            "/proc/etc/passwd",
            "/loop",
            absolute.as_str(),
            "/etc/passwd",
            "..\\secret.txt",
            "%2e%2e/secret.txt",
            "~/secret.txt",
            "~root",
        ] {
            raw.ask(&format!("CWD {directory}"), "250");
            let door = raw.door();
            for verb in [
                "RETR", "SIZE", "MDTM", "CWD", "LIST", "NLST", "MLST", "MLSD", "RNFR", "RMD",
            ] {
                raw.ask(&format!("{verb} {name}"), "5");
            }
            // The door is as it was: nothing was opened.
            drop(std::net::TcpStream::connect(door).unwrap());
        }
    }
    // Writing through a link, beside the tree, and moving the tree itself.
    for name in ["/out.txt", "/absolute", "/up/secret.txt", "/up/new.txt"] {
        raw.data();
        raw.ask(&format!("STOR {name}"), "5");
        raw.data();
        raw.ask(&format!("APPE {name}"), "5");
        raw.ask("RNFR /a.txt", "350");
        // A link is replaced, not followed.
        let code = if name.starts_with("/up") { "5" } else { "250" };
        raw.ask(&format!("RNTO {name}"), code);
        std::fs::write(site.path("a.txt"), "again").unwrap();
    }
    for (from, to) in [("/", "5"), ("/..", "5"), ("/dir/..", "5")] {
        raw.ask(&format!("RNFR {from}"), "350");
        raw.ask("RNTO elsewhere", to);
        raw.ask(&format!("RMD {from}"), "5");
        raw.ask(&format!("DELE {from}"), "5");
    }
    assert_eq!(std::fs::read(&secret).unwrap(), b"secret");
    assert_eq!(site.root.parent().unwrap().read_dir().unwrap().count(), 2);
    // Deleting a link deletes the link.
    symlink("../secret.txt", site.path("link")).unwrap();
    raw.ask("DELE /link", "250");
    assert_eq!(std::fs::read(&secret).unwrap(), b"secret");
}

#[test]
fn links_inside_the_tree_are_followed() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    raw.ask("CWD in", "250 \"/in\"");
    assert_eq!(raw.fetch("RETR b c.txt"), b"blank\n");
    // Names, not links: up from here is where the client came from.
    raw.ask("CDUP", "250 \"/\"");
}

#[test]
fn home_is_a_tree_of_its_own() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("bob");
    assert_eq!(raw.fetch("NLST /"), b"/b c.txt\r\n/sub\r\n");
    raw.data();
    raw.ask("RETR ../a.txt", "550");
    raw.ask("CWD /dir", "550");
    assert_eq!(raw.fetch("RETR /../../b c.txt"), b"blank\n");
}

#[test]
fn names_on_the_disk_forge_no_entries() {
    let _watchdog = watchdog();
    let site = Site::new();
    let forged = "x\r\n-rw-r--r-- 1 ftp ftp 1 Jan  1  2020 forged";
    std::fs::write(site.path("dir/sub").join(forged), "").unwrap();
    let mut raw = site.login("ada");
    for list in ["LIST", "NLST", "MLSD"] {
        let text = raw.fetch(&format!("{list} dir/sub"));
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("x??-rw-"), "{text}");
    }
}

#[test]
fn what_is_no_file_is_refused_at_once_and_not_listed() {
    let _watchdog = watchdog();
    let site = Site::new();
    let fifo = site.path("dir/sub/fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let socket = std::os::unix::net::UnixListener::bind(site.path("dir/sub/socket")).unwrap();
    let mut raw = site.login("ada");
    raw.ask("CWD dir/sub", "250");
    for name in ["fifo", "socket"] {
        raw.door();
        for verb in ["RETR", "STOR", "APPE", "SIZE", "LIST"] {
            raw.ask(&format!("{verb} {name}"), "550");
        }
    }
    assert_eq!(raw.fetch("LIST"), b"");
    drop(socket);
}

#[test]
fn names_are_kept_as_they_are() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    for name in [
        "grüße.txt",
        " blank ",
        "quote\"d",
        "-dash",
        "a:b|c",
        "名前",
        "tab\tx",
    ] {
        raw.ask(&format!("MKD {name}"), "257");
        raw.ask(&format!("CWD {name}"), "250");
        let quoted = name.replace('"', "\"\"").replace('\t', "?");
        raw.ask("PWD", &format!("257 \"/{quoted}\" "));
        raw.upload(&format!("STOR {name}"), &pattern(10));
        assert_eq!(site.read(&format!("{name}/{name}")), pattern(10));
        raw.ask("CDUP", "250");
    }
    raw.ask("CWD -dash", "250");
    assert_eq!(raw.fetch("NLST -la ./"), b"./-dash\r\n");
}
