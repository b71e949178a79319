//! curl against the program: one connection for many requests, many at once, refusals, a Unix socket.

use crate::ground::{Folder, SMALL, Served, output};
use crate::watchdog::watchdog;

/// What curl printed; `None`: there is none.
#[track_caller]
fn curl(args: &[&str]) -> Option<String> {
    let always = ["-sS", "--noproxy", "*", "--max-time", "60"];
    output("curl", &[&always, args].concat(), b"")
}

#[test]
fn curl_uses_one_connection_again() {
    let _watchdog = watchdog();
    let folder = Folder::site();
    let server = Served::http(&folder, &[]);
    let url = server.url("/small.txt");
    let facts = ["-w", "%{http_code} %{num_connects} %{size_download}\n"];
    let none = ["-o", "/dev/null"];
    for (args, wanted) in [
        (
            [&facts[..], &none, &none, &[&url, &url]].concat(),
            "200 1 15\n200 0 15\n",
        ),
        (
            [&facts[..], &["-I"], &none, &none, &[&url, &url]].concat(),
            "200 1 0\n200 0 0\n",
        ),
        (
            [&facts[..], &["--http1.0"], &none, &none, &[&url, &url]].concat(),
            "200 1 15\n200 1 15\n",
        ),
        (
            [
                &facts[..],
                &["--http1.0", "-H", "Connection: keep-alive"],
                &none,
                &none,
                &[&url, &url],
            ]
            .concat(),
            "200 1 15\n200 0 15\n",
        ),
    ] {
        let Some(printed) = curl(&args) else {
            return;
        };
        assert_eq!(printed, wanted, "{args:?}");
    }
    let (totals, _) = server.end();
    totals.assert_smooth();
    assert_eq!(totals.served, 1 + 1 + 2 + 1);
}

#[test]
fn curl_gets_parts_heads_and_fifty_files_at_once() {
    let _watchdog = watchdog();
    let folder = Folder::site();
    let got = Folder::new();
    let server = Served::http(&folder, &["--workers", "2"]);
    let url = server.url("/small.txt");
    let part = got.path("part");
    if curl(&["-r", "3-6", "-o", &part, &url]).is_none() {
        return;
    }
    assert_eq!(std::fs::read_to_string(&part).unwrap(), SMALL[3..7]);
    assert_eq!(curl(&["-r", "-7", &url]).unwrap(), &SMALL[8..]);
    let status = ["-w", "%{http_code}\n", "-o", "/dev/null"];
    assert_eq!(
        curl(&[&status[..], &["-r", "99-", &url]].concat()).unwrap(),
        "416\n"
    );
    let head = curl(&["-I", &url]).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\n"), "{head}");
    assert!(head.contains("\ncontent-length: 15\n"), "{head}");
    assert!(head.contains("\naccept-ranges: bytes\n"), "{head}");

    let contents = |number: usize| format!("{number} ").repeat(number * 500);
    let mut args = vec![
        "--parallel".to_owned(),
        "-w".to_owned(),
        "%{http_code}\n".to_owned(),
    ];
    for number in 0..50 {
        folder.file(&format!("{number}.txt"), contents(number));
        args.push("-o".to_owned());
        args.push(got.path(&number.to_string()));
        args.push(server.url(&format!("/{number}.txt")));
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_eq!(curl(&args).unwrap(), "200\n".repeat(50));
    for number in 0..50 {
        let found = std::fs::read_to_string(got.path(&number.to_string())).unwrap();
        assert!(found == contents(number), "{number}");
    }
    server.end().0.assert_smooth();
}

#[test]
fn uploads_are_refused_before_they_are_sent() {
    let _watchdog = watchdog();
    let folder = Folder::site();
    folder.file("short", vec![b'x'; 100_000]);
    folder.file("long", vec![b'x'; 8 << 20]);
    let server = Served::http(&folder, &[]);
    let url = server.url("/small.txt");
    for (name, status) in [("short", "405"), ("long", "413")] {
        let printed = curl(&[
            "-T",
            &folder.path(name),
            "-H",
            "Expect: 100-continue",
            "--expect100-timeout",
            "60",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code} %{size_upload}\n",
            &url,
        ]);
        let Some(printed) = printed else {
            return;
        };
        assert_eq!(printed, format!("{status} 0\n"), "{name}");
    }
    let (totals, _) = server.end();
    assert!(totals.bytes_in < 2000, "{totals:?}");
    assert_eq!(
        std::fs::read_to_string(folder.path("small.txt")).unwrap(),
        SMALL
    );
}

#[test]
fn curl_gets_files_over_a_unix_socket() {
    let _watchdog = watchdog();
    let (folder, place) = (Folder::site(), Folder::new());
    let path = place.path("http.sock");
    let root = folder.0.to_str().unwrap();
    let server = Served::unix(path.as_ref(), &["http", "--root", root, "--access-log"]);
    let url = "http://localhost/small.txt";
    let Some(twice) = curl(&["--unix-socket", &path, url, url]) else {
        return;
    };
    assert_eq!(twice, SMALL.repeat(2));
    let (totals, ended) = server.end();
    totals.assert_smooth();
    assert_eq!(totals.served, 1, "{ended}");
    assert_eq!(ended.stderr.matches("unix - - [").count(), 2, "{ended}");
    assert!(!std::fs::exists(&path).unwrap(), "left behind");
}
