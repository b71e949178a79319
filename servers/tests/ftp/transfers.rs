//! Transfers: what they carry, and all the ways in which they end.

use super::ground::{Raw, Site, pattern, settings};
use super::watchdog::watchdog;
use greenroom_servers::Limits;
use greenroom_servers::ftp::Settings;
use socket2::SockRef;
use std::ffi::OsStr;
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// A limit that tests run into.
const SOON: Duration = Duration::from_millis(150);

#[test]
fn files_and_lists_arrive_whole() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let site = Site::start("127.0.0.1:0", workers, settings(), Limits::default());
        let mut raw = site.login("ada");
        assert_eq!(raw.fetch("RETR big.bin"), pattern(3 << 20));
        assert_eq!(raw.fetch("RETR empty"), b"");
        raw.ask("REST 3145700", "350");
        assert_eq!(raw.fetch("RETR big.bin"), &pattern(3 << 20)[3_145_700..]);
        raw.ask("REST 3145728", "350");
        assert_eq!(raw.fetch("RETR big.bin"), b"");
        // REST is for one transfer.
        assert_eq!(raw.fetch("RETR a.txt"), b"hello\n");
        assert_eq!(
            raw.fetch("NLST"),
            b"a.txt\r\nbig.bin\r\ndir\r\nempty\r\nin\r\n"
        );
        assert_eq!(raw.fetch("NLST dir"), b"dir/b c.txt\r\ndir/sub\r\n");
        assert_eq!(raw.fetch("NLST a.txt"), b"a.txt\r\n");
        assert_eq!(raw.fetch("LIST dir/sub"), b"");
        let list = String::from_utf8(raw.fetch("LIST -a a.txt")).unwrap();
        assert!(
            list.starts_with("-rw") && list.ends_with(" a.txt\r\n"),
            "{list}"
        );
        let facts = String::from_utf8(raw.fetch("MLSD dir")).unwrap();
        assert!(facts.starts_with("type=file;size=6;modify=20"), "{facts}");
        raw.ask("SIZE big.bin", "213 3145728");
        raw.ask("MDTM a.txt", "213 20");
    }
}

#[test]
fn directory_with_many_entries_is_listed() {
    let _watchdog = watchdog();
    let site = Site::new();
    for number in 0..5000 {
        std::fs::write(site.path(&format!("dir/sub/{number:05}")), "").unwrap();
    }
    let mut raw = site.login("ada");
    let text = String::from_utf8(raw.fetch("NLST dir/sub")).unwrap();
    let mut names: Vec<&str> = text.lines().collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), names[4999]), (5000, "dir/sub/04999"));
}

#[test]
fn uploads_are_written_appended_and_changed() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    raw.upload("STOR new.bin", &pattern(300_000));
    assert_eq!(site.read("new.bin"), pattern(300_000));
    raw.upload("STOR new.bin", b"short");
    raw.upload("APPE new.bin", b"er");
    raw.upload("APPE other.bin", b"made");
    assert_eq!(
        (site.read("new.bin"), site.read("other.bin")),
        (b"shorter".to_vec(), b"made".to_vec())
    );
    // What is behind the offset was the old file's.
    raw.ask("REST 5", "350");
    raw.upload("STOR new.bin", b"!");
    assert_eq!(site.read("new.bin"), b"short!");
    raw.door();
    raw.ask("REST 7", "350");
    raw.ask("STOR new.bin", "554");
    assert_eq!(site.read("new.bin"), b"short!");
    raw.ask("REST 7", "350");
    raw.ask("STOR nowhere", "550");
    assert!(!site.path("nowhere").exists());
    raw.ask("MKD made", "257 \"/made\"");
    raw.ask("RNFR new.bin", "350");
    raw.ask("RNTO made/moved.bin", "250");
    raw.ask("RMD made", "550");
    raw.ask("DELE made/moved.bin", "250");
    raw.ask("RMD made", "250");
    assert!(!site.path("made").exists());
}

#[test]
fn text_is_converted_in_both_directions() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    raw.ask("TYPE A", "200");
    raw.upload("STOR text", b"one\r\ntwo\rthree\r\n\r");
    assert_eq!(site.read("text"), b"one\ntwo\rthree\n\r");
    assert_eq!(raw.fetch("RETR text"), b"one\r\ntwo\rthree\r\n\r");
    raw.ask("TYPE I", "200");
    assert_eq!(raw.fetch("RETR text"), b"one\ntwo\rthree\n\r");
    raw.ask("REST 4", "350");
    raw.ask("TYPE A", "200");
    // Forgotten with the type: it had another meaning.
    assert!(raw.fetch("RETR text").starts_with(b"one"));
}

#[test]
fn transfer_that_stands_still_is_given_up() {
    let _watchdog = watchdog();
    let site = Site::with(Settings {
        stall: SOON,
        ..settings()
    });
    std::fs::write(site.path("huge"), vec![7; 64 << 20]).unwrap();
    let mut raw = site.login("ada");
    for line in ["STOR slow", "RETR huge"] {
        let data = raw.data();
        raw.ask(line, "150");
        raw.expect("426 It stood still");
        drop(data);
    }
    assert_eq!(site.read("slow"), b"");
}

#[test]
fn transfer_that_takes_too_long_is_given_up() {
    let _watchdog = watchdog();
    let site = Site::with(Settings {
        transfer_max: SOON,
        ..settings()
    });
    let mut raw = site.login("ada");
    let mut data = raw.data();
    raw.ask("STOR slow", "150");
    let trickle = std::thread::spawn(move || {
        while data.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    raw.expect("426 It took too long");
    trickle.join().unwrap();
    assert!(!site.read("slow").is_empty());
}

#[test]
fn download_that_is_read_too_slowly_is_given_up() {
    let _watchdog = watchdog();
    let settings = Settings {
        stall: Duration::from_secs(1),
        ..settings()
    };
    let limits = Limits {
        write_rate_min: 16 << 20,
        ..Limits::default()
    };
    let site = Site::start("127.0.0.1:0", 2, settings, limits);
    let mut raw = site.login("ada");
    let mut data = endless(&site, &mut raw);
    // Never still for a second.
    let trickle = std::thread::spawn(move || {
        let mut piece = vec![0; 64 << 10];
        while data.read(&mut piece).is_ok_and(|count| count > 0) {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    raw.expect("426 It stood still");
    drop(raw);
    trickle.join().unwrap();
}

#[test]
fn file_that_becomes_shorter_is_no_whole_download() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let mut data = endless(&site, &mut raw);
    std::fs::File::options()
        .write(true)
        .open(site.path("huge"))
        .and_then(|file| file.set_len(1000))
        .unwrap();
    let sent = std::io::copy(&mut data, &mut std::io::sink()).unwrap();
    assert!(sent < 1 << 30, "{sent}");
    raw.expect("451 The file has become shorter");
    assert_eq!(raw.fetch("RETR a.txt"), b"hello\n");
}

/// A transfer that cannot end by itself: nobody reads.
fn endless(site: &Site, raw: &mut Raw) -> TcpStream {
    if !site.path("huge").exists() {
        let file = std::fs::File::create(site.path("huge")).unwrap();
        file.set_len(1 << 30).unwrap();
    }
    let data = raw.data();
    raw.ask("RETR huge", "150");
    data
}

#[test]
fn abort_ends_a_transfer_and_the_session_goes_on() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let site = Site::start("127.0.0.1:0", workers, settings(), Limits::default());
        let mut raw = site.login("ada");
        let plain: fn(&Raw) = |raw| raw.send(b"ABOR\r\n");
        let telnet: fn(&Raw) = |raw| raw.send(b"\xff\xf4\xff\xf2ABOR\r\n");
        // As RFC 959 has it: "interrupt process", and "data mark" as urgent data.
        let urgent: fn(&Raw) = |raw| {
            raw.send(b"\xff\xf4");
            SockRef::from(raw.stream())
                .send_out_of_band(b"\xff")
                .unwrap();
            raw.send(b"\xf2ABOR\r\n");
        };
        // As Python's ftplib has it: all of it urgent, so the line's end is the urgent byte.
        let python: fn(&Raw) = |raw| {
            SockRef::from(raw.stream())
                .send_out_of_band(b"ABOR\r\n")
                .unwrap();
        };
        for abort in [plain, telnet, urgent, python] {
            for _ in 0..5 {
                let data = endless(&site, &mut raw);
                abort(&raw);
                raw.expect("426");
                raw.expect("226");
                drop(data);
                assert_eq!(raw.fetch("RETR a.txt"), b"hello\n");
            }
        }
        let data = raw.data();
        raw.ask("STOR cut", "150");
        raw.ask("ABOR", "426");
        raw.expect("226");
        drop(data);
        raw.ask("ABOR", "225");
        // Before the data connection is there.
        raw.door();
        raw.ask("RETR a.txt", "150");
        raw.ask("ABOR", "426");
        raw.expect("226");
    }
}

#[test]
fn commands_during_a_transfer_wait_their_turn() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let mut data = raw.data();
    raw.ask("STOR slow.txt", "150");
    data.write_all(b"half").unwrap();
    // The one that does not.
    raw.ask("STAT", "213 ");
    raw.send(b"NOOP\r\nSIZE slow.txt\r\nSTAT\r\nABORT\r\nEPSV\r\n");
    data.write_all(b" and half").unwrap();
    drop(data);
    for start in ["226", "200", "213 13", "211", "500", "229"] {
        raw.expect(start);
    }
    // An ABOR behind others ends the transfer now, and is answered in its turn.
    let data = endless(&site, &mut raw);
    raw.send(b"NOOP\r\nABOR\r\nPWD\r\n");
    for start in ["426", "200", "226", "257"] {
        raw.expect(start);
    }
    drop(data);
}

#[test]
fn quit_during_a_transfer_waits_for_its_end() {
    let _watchdog = watchdog();
    let site = Site::new();
    for half_closed in [false, true] {
        let mut raw = site.login("ada");
        let mut data = raw.data();
        raw.send(b"STOR last.txt\r\nQUIT\r\n");
        raw.expect("150");
        if half_closed {
            raw.stream().shutdown(std::net::Shutdown::Write).unwrap();
        }
        data.write_all(b"last words").unwrap();
        drop(data);
        raw.expect("226");
        raw.expect("221");
        raw.expect_end();
        assert_eq!(site.read("last.txt"), b"last words");
    }
}

#[test]
fn flood_of_lines_during_a_transfer_is_held_back() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let data = raw.data();
    raw.ask("STOR slow.txt", "150");
    let mut flood = raw.stream().try_clone().unwrap();
    flood.set_write_timeout(Some(SOON)).unwrap();
    // The server stops reading, so the connection fills.
    let line = b"NOOP\r\n".repeat(1000);
    let mut sent = 0;
    while let Ok(count @ 1..) = flood.write(&line[sent % 6..]) {
        sent += count;
        assert!(sent < 64 << 20, "the server reads on and on");
    }
    drop(data);
    raw.expect("226");
    for _ in 0..sent / 6 {
        raw.expect("200");
    }
}

#[test]
fn upload_beyond_the_limit_is_cut() {
    let _watchdog = watchdog();
    let site = Site::with(Settings {
        upload_bytes_max: 100_000,
        ..settings()
    });
    let mut raw = site.login("ada");
    raw.upload("STOR exact", &pattern(100_000));
    for (line, name) in [
        ("STOR over", "over"),
        ("APPE exact", "exact"),
        ("APPE big.bin", "big.bin"),
    ] {
        let before = site.path(name).metadata().map_or(0, |facts| facts.len());
        let mut data = raw.data();
        raw.ask(line, "150");
        drop(data.write_all(&pattern(100_001)));
        raw.expect("552");
        assert_eq!(site.read(name).len() as u64, before.max(100_000));
    }
    raw.ask("REST 99999", "350");
    raw.upload("STOR over", b"1");
    assert_eq!(site.read("over").len(), 100_000);
}

#[test]
fn upload_that_was_cut_off_is_resumed() {
    let _watchdog = watchdog();
    let site = Site::new();
    let whole = pattern(1 << 20);
    for (name, verb) in [("one", "STOR"), ("two", "APPE")] {
        let mut raw = site.login("ada");
        let mut data = raw.data();
        raw.ask(&format!("STOR {name}"), "150");
        data.write_all(&whole[..400_000]).unwrap();
        // Arrived, before the client dies.
        while site.path(name).metadata().unwrap().len() < 400_000 {
            std::thread::yield_now();
        }
        SockRef::from(&data)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop((raw, data));
        site.wait_until_empty();

        let mut raw = site.login("ada");
        let size = raw.ask(&format!("SIZE {name}"), "213")[4..]
            .parse::<usize>()
            .unwrap();
        assert_eq!(size, 400_000);
        if verb == "STOR" {
            raw.ask(&format!("REST {size}"), "350");
        }
        raw.upload(&format!("{verb} {name}"), &whole[size..]);
        assert!(site.read(name) == whole);
    }
}

#[test]
fn data_connection_that_breaks_is_told() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let data = endless(&site, &mut raw);
    SockRef::from(&data)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(data);
    raw.expect("426 The data connection broke");
    assert_eq!(raw.fetch("RETR a.txt"), b"hello\n");
}

#[test]
fn names_that_are_not_utf8_are_kept() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    // The last byte is Telnet's escape, and goes twice.
    raw.send(b"MKD caf\xe9\xff\xff\r\n");
    raw.expect("257");
    let name = OsStr::from_bytes(b"caf\xe9\xff");
    assert!(site.root.join(name).is_dir());
    raw.send(b"CWD caf\xe9\xff\xff\r\n");
    raw.expect("250");
    raw.send(b"PWD\r\n");
    let mut path = Vec::new();
    raw.reader.read_until(b'\n', &mut path).unwrap();
    assert!(path.starts_with(b"257 \"/caf\xe9\xff\xff\""), "{path:?}");
    let mut data = raw.data();
    raw.send(b"STOR \xe9\r\n");
    raw.expect("150");
    data.write_all(b"bytes").unwrap();
    drop(data);
    raw.expect("226");
    assert_eq!(raw.fetch("NLST"), b"\xe9\r\n");
    assert!(raw.fetch("MLSD").ends_with(b"; \xe9\r\n"));
    for (line, start) in [
        (&b"SIZE \xe9\r\n"[..], "213 5"),
        (b"RNFR \xe9\r\n", "350"),
        (b"RNTO \xe8\r\n", "250"),
        (b"DELE \xe8\r\n", "250"),
        (b"CDUP\r\n", "250"),
        (b"RMD caf\xe9\xff\xff\r\n", "250"),
    ] {
        raw.send(line);
        raw.expect(start);
    }
    raw.ask(
        &format!("MKD {}", "n".repeat(256)),
        "553 A name is too long",
    );
}

#[test]
fn upload_whose_data_connection_never_comes_leaves_the_file_as_it_is() {
    let _watchdog = watchdog();
    let site = Site::with(Settings {
        data_wait: SOON,
        ..settings()
    });
    let mut raw = site.login("ada");
    raw.door();
    raw.ask("STOR a.txt", "150");
    raw.expect("425");
    raw.door();
    raw.ask("REST 2", "350");
    raw.ask("STOR a.txt", "150");
    raw.expect("425");
    assert_eq!(site.read("a.txt"), b"hello\n");
}

#[test]
fn bytes_of_transfers_are_among_the_totals() {
    let _watchdog = watchdog();
    let site = Site::new();
    let mut raw = site.login("ada");
    let totals = || site.running.as_ref().unwrap().totals();
    raw.fetch("RETR big.bin");
    let (bytes_in, bytes_out) = (totals().bytes_in, totals().bytes_out);
    assert!(
        (3 << 20..(3 << 20) + 1000).contains(&bytes_out),
        "{bytes_out}"
    );
    assert!(bytes_in < 1000, "{bytes_in}");
    raw.upload("STOR new", &pattern(500_000));
    let bytes_in = totals().bytes_in;
    assert!((500_000..501_000).contains(&bytes_in), "{bytes_in}");
    let bytes_out = totals().bytes_out;
    let list = raw.fetch("LIST").len() as u64;
    assert!(totals().bytes_out >= bytes_out + list);
}
