//! Conditions and ranges, from end to end; their rules are tables beside the code.

use crate::ground::{Server, Tree, pattern};
use crate::watchdog::watchdog;
use greenroom_servers::http::format_date;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[test]
fn version_that_the_client_has_is_not_sent_again() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let path = tree.file("file", "contents");
    let at = UNIX_EPOCH + Duration::new(784_111_777, 123);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(at)
        .unwrap();
    let server = Server::start(&tree);
    let first = server.get("/file");
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(first.field("last-modified"), Some(date));
    let tag = first.field("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'));
    for (fields, status) in [
        (format!("If-None-Match: {tag}\r\n"), 304),
        (format!("If-Modified-Since: {date}\r\n"), 304),
        (format!("If-Match: {tag}\r\n"), 200),
        (String::from("If-Match: \"other\"\r\n"), 412),
        (format!("If-None-Match: {tag}\r\nRange: bytes=0-1\r\n"), 304),
        (format!("If-Range: {tag}\r\nRange: bytes=0-1\r\n"), 206),
        (format!("If-Range: {date}\r\nRange: bytes=0-1\r\n"), 206),
        (
            String::from("If-Range: \"other\"\r\nRange: bytes=0-1\r\n"),
            200,
        ),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = server.ask(method, "/file", &fields);
            let status = if method == "HEAD" && status == 206 {
                200
            } else {
                status
            };
            assert_eq!(answer.status, status, "{method} {fields}");
            if matches!(status, 200 | 206 | 304) {
                assert_eq!(answer.field("etag"), Some(&*tag), "{fields}");
            }
            assert!(status != 304 || answer.body.is_empty());
        }
    }
    // The same bytes, written anew.
    tree.file("file", "contents");
    assert_ne!(server.get("/file").field("etag"), Some(&*tag));
}

#[test]
fn file_of_the_future_was_modified_now() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let path = tree.file("file", "contents");
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(86_400))
        .unwrap();
    let server = Server::start(&tree);
    let now = || Some(format_date(SystemTime::now()));
    let (before, answer) = (now(), server.get("/file"));
    let told = answer.field("last-modified").map(str::to_owned);
    assert!(told == before || told == now(), "{told:?}");
    let since = format!("If-Modified-Since: {}\r\n", told.unwrap());
    assert_eq!(server.ask("GET", "/file", &since).status, 200);
}

#[test]
fn range_is_sent_with_its_place() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let contents = pattern(1_000_000);
    tree.file("file", &contents);
    let server = Server::start(&tree);
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        ("bytes=999990-", 999_990, 999_999),
        ("bytes=-1", 999_999, 999_999),
        ("bytes=100000-899999", 100_000, 899_999),
        ("bytes=0-99999999", 0, 999_999),
    ] {
        let answer = server.ask("GET", "/file", &format!("Range: {range}\r\n"));
        assert_eq!(answer.status, 206, "{range}");
        let place = format!("bytes {first}-{last}/1000000");
        assert_eq!(answer.field("content-range"), Some(&*place));
        assert_eq!(
            answer.field("content-length"),
            Some(&*(last - first + 1).to_string())
        );
        assert!(answer.body == contents[first..=last], "{range}");
    }
    let answer = server.ask("GET", "/file", "Range: bytes=1000000-\r\n");
    assert_eq!(
        (answer.status, answer.field("content-range")),
        (416, Some("bytes */1000000"))
    );
    for range in ["bytes=0-1,5-6", "bytes=5-1", "lines=1-2"] {
        let answer = server.ask("GET", "/file", &format!("Range: {range}\r\n"));
        assert_eq!(
            (answer.status, answer.body.len()),
            (200, 1_000_000),
            "{range}"
        );
    }
}

#[test]
fn two_range_fields_are_as_good_as_none() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    tree.file("file", "contents");
    let answer =
        Server::start(&tree).ask("GET", "/file", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n");
    assert_eq!((answer.status, answer.text()), (200, "contents"));
}

/// By a rename, in the same instant, with the same size.
#[test]
fn tag_tells_versions_of_one_instant_apart() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let at = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let [file, next] = ["file", "next"].map(|name| {
        let path = tree.file(name, name);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(at).unwrap();
        path
    });
    let server = Server::start(&tree);
    let first = server.get("/file");
    std::fs::rename(next, &file).unwrap();
    let second = server.get("/file");
    assert_eq!((first.text(), second.text()), ("file", "next"));
    assert_ne!(first.field("etag"), second.field("etag"));
    // And nothing else.
    let inode = format!("{:x}", std::fs::metadata(file).unwrap().ino());
    let tag = second.field("etag").unwrap();
    assert!(
        inode.len() < 4 || !tag.contains(&inode),
        "{tag} has {inode}"
    );
}

#[test]
fn file_beyond_four_gigabytes_has_exact_ranges() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let path = tree.file("huge", "");
    let len: u64 = (5 << 30) + 3;
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
    file.write_all_at(b"end", len - 3).unwrap();
    file.write_all_at(b"mark", 1 << 32).unwrap();
    let server = Server::start(&tree);
    let head = server.ask("HEAD", "/huge", "");
    assert_eq!(head.field("content-length"), Some(&*len.to_string()));
    let end = server.ask("GET", "/huge", "Range: bytes=-3\r\n");
    assert_eq!((end.status, end.text()), (206, "end"));
    let mark = server.ask("GET", "/huge", "Range: bytes=4294967296-4294967299\r\n");
    assert_eq!((mark.status, mark.text()), (206, "mark"));
    let long = server.ask("GET", "/huge", "Range: bytes=4294900000-4295000000\r\n");
    assert_eq!((long.status, long.body.len()), (206, 100_001));
    assert_eq!(&long.body[67_296..67_300], b"mark");
}
