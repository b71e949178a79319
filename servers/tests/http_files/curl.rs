//! curl, as people use it. Without curl these tests say so, and pass.

use crate::ground::{Server, Tree, pattern};
use crate::installed::is_installed;
use crate::watchdog::watchdog;
use std::fs;
use std::process::Command;

/// What it wrote to its standard output; none if there is no curl.
fn curl(args: &[&str]) -> Option<String> {
    if !is_installed("curl") {
        return None;
    }
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "60"])
        .args(args)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "curl {args:?}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn curl_gets_resumes_and_asks_again() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let contents = pattern(3_000_000);
    tree.file("file", &contents);
    tree.file("text.txt", "0123456789");
    tree.file("dir/index.html", "index");
    let server = Server::start(&tree);
    let (file, text) = (server.url("/file"), server.url("/text.txt"));
    let Some(part) = curl(&["-r", "2-4", &text]) else {
        return;
    };
    assert_eq!(part, "234");
    assert_eq!(curl(&["-r", "-2", &text]).unwrap(), "89");
    assert_eq!(curl(&["-r", "0-1,8-9", &text]).unwrap(), "0123456789");
    assert_eq!(curl(&["--compressed", &text]).unwrap(), "0123456789");
    assert_eq!(curl(&["-L", &server.url("/dir")]).unwrap(), "index");
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    let status = |args: &[&str]| curl(&[&code, args].concat()).unwrap();
    assert_eq!(status(&[&text]), "200");
    assert_eq!(status(&["-z", "1 Jan 2100", &text]), "304");
    assert_eq!(status(&["-z", "1 Jan 1990", &text]), "200");
    assert_eq!(status(&["-I", &text]), "200");
    assert_eq!(status(&["--path-as-is", &server.url("/../secret")]), "404");
    // In pieces, then the rest of it.
    let here = tree.0.join("download");
    let path = here.to_str().unwrap();
    fs::write(&here, &contents[..1_234_567]).unwrap();
    curl(&["-C", "-", "-o", path, &file]).unwrap();
    assert!(fs::read(&here).unwrap() == contents);
    // By tag.
    let tag = tree.0.join("tag");
    let tag = tag.to_str().unwrap();
    curl(&["--etag-save", tag, "-o", path, &file]).unwrap();
    assert_eq!(status(&["--etag-compare", tag, &file]), "304");
}

#[test]
fn curl_gets_many_at_once() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let mut args = vec![
        String::from("--parallel"),
        String::from("--parallel-max"),
        String::from("16"),
    ];
    let server = Server::start(&tree);
    for count in 0..40_usize {
        tree.file(&format!("{count}"), vec![b'x'; count * 20_011]);
        let to = tree
            .0
            .join(format!("got-{count}"))
            .to_str()
            .unwrap()
            .to_owned();
        args.extend([String::from("-o"), to, server.url(&format!("/{count}"))]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if curl(&args).is_none() {
        return;
    }
    for count in 0..40_usize {
        let got = fs::read(tree.0.join(format!("got-{count}"))).unwrap();
        assert_eq!(got.len(), count * 20_011);
    }
}
