//! What names get, and that none leads out of the tree. The rows of `docs/servers/http_files.md`.

use crate::ground::{Server, Tree};
use crate::watchdog::watchdog;
use greenroom_servers::Limits;
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn tree() -> Tree {
    let tree = Tree::new();
    fs::write(tree.0.join("secret"), "secret").unwrap();
    tree.file("file.txt", "inside");
    tree.file("empty", "");
    tree.file("dir/index.html", "index");
    tree.file("bare/one", "1");
    tree.file("odd/index.html/x", "");
    tree.file(".hidden", "hidden");
    tree.file(".git/config", "hidden");
    tree.file("with space", "space");
    let root = tree.root();
    symlink("file.txt", root.join("link")).unwrap();
    symlink("../secret", root.join("out")).unwrap();
    symlink("..", root.join("up")).unwrap();
    symlink("/etc/passwd", root.join("absolute")).unwrap();
    symlink("/proc/self/root", root.join("magic")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink(".hidden", root.join("shown")).unwrap();
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, root.join("fifo"), FileType::Fifo, mode, 0).unwrap();
    tree
}

#[test]
fn names_get_what_the_table_says() {
    let _watchdog = watchdog();
    let tree = tree();
    let server = Server::start(&tree);
    let table = fs::read_to_string("../docs/servers/http_files.md").unwrap();
    let mut rows = 0;
    for line in table.lines() {
        let Some(row) = line.strip_prefix("| `GET ") else {
            continue;
        };
        let (target, rest) = row.split_once("` | ").unwrap();
        let (expected, log) = rest.split_once(" | ").unwrap();
        let (status, what) = expected.split_at(3);
        let (answer, logged) = server.get_logged(target);
        let log: &[&str] = match log.trim_end_matches(" |") {
            "none" => &[],
            line => &[line],
        };
        assert_eq!(logged, log, "{line}");
        assert_eq!(answer.status.to_string(), status, "{line}");
        assert!(!answer.text().contains("secret"), "{line}");
        let what = what.trim_matches([' ', '`', ',']);
        if let Some(location) = what.strip_prefix("Location: ") {
            assert_eq!(answer.field("location"), Some(location), "{line}");
        } else if !what.is_empty() {
            assert_eq!(answer.text(), what, "{line}");
        }
        rows += 1;
    }
    assert!(rows > 25, "{rows} rows");
}

/// The directory and a symlink that leads out change places all the time.
#[test]
fn directory_swapped_for_a_link_meanwhile_never_leads_out() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    fs::create_dir(tree.0.join("outside")).unwrap();
    fs::write(tree.0.join("outside/name"), "secret").unwrap();
    fs::write(tree.0.join("outside/secret"), "").unwrap();
    tree.file("dir/name", "inside");
    let (dir, other) = (tree.root().join("dir"), tree.root().join("other"));
    symlink("../outside", &other).unwrap();
    let server = Server::with(&tree, |files| files.listing(true), Limits::default());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                renameat_with(CWD, &dir, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let (mut inside, mut refused) = (0, 0);
        let deadline = Instant::now() + Duration::from_secs(20);
        while (inside < 300 || refused < 300) && Instant::now() < deadline {
            for target in ["/dir/name", "/dir/", "/dir", "/dir/secret", "/"] {
                let answer = server.get(target);
                let text = answer.text();
                let is_right = match answer.status {
                    200 => !text.contains("secret"),
                    301 | 403 | 404 => true,
                    _ => false,
                };
                if !is_right {
                    is_over.store(true, Ordering::Relaxed);
                    panic!("{target}: {answer:?}");
                }
                inside += u32::from(text == "inside");
                refused += u32::from(answer.status == 403);
            }
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(inside > 0 && refused > 0, "{inside} {refused}");
    });
}

#[test]
fn unreadable_file_is_forbidden() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let path = tree.file("locked", "x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        eprintln!("not tested: root may read everything");
        return;
    }
    assert_eq!(Server::start(&tree).get("/locked").status, 403);
}

#[test]
fn not_found_page_of_the_tree_is_shown() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    tree.file("404.html", "<p>gone fishing");
    let server = Server::start(&tree);
    for target in ["/nothing", "/nothing/", "/.hidden", "/../x"] {
        let answer = server.get(target);
        assert_eq!((answer.status, answer.text()), (404, "<p>gone fishing"));
        assert_eq!(
            answer.field("content-type"),
            Some("text/html; charset=utf-8")
        );
    }
    let head = server.ask("HEAD", "/nothing", "");
    assert_eq!(
        (head.status, head.field("content-length")),
        (404, Some("15"))
    );
    assert!(head.body.is_empty());
}

#[test]
fn listing_escapes_names_and_leaves_out_the_hidden() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    tree.file("a<script>'\"&.txt", "123");
    tree.file("javascript:alert(1)", "");
    tree.file("sub/x", "");
    tree.file(".hidden", "");
    symlink("/etc", tree.root().join("out")).unwrap();
    let server = Server::with(&tree, |files| files.listing(true), Limits::default());
    let answer = server.get("/");
    let expected = "<li><a href=\"./a%3Cscript%3E%27%22%26.txt\">a&lt;script&gt;&#39;&quot;&amp;.txt</a> 3\n\
                    <li><a href=\"./javascript%3Aalert%281%29\">javascript:alert(1)</a> 0\n\
                    <li><a href=\"./sub/\">sub/</a> \n</ul>\n";
    assert!(answer.text().ends_with(expected), "{}", answer.text());
    let shown = Server::with(&tree, |files| files.hidden(true), Limits::default());
    assert_eq!(shown.get("/.hidden").status, 200);
    assert_eq!(shown.get("/").status, 404, "no listing by default");
}

#[test]
fn types_are_told_by_extension() {
    let _watchdog = watchdog();
    let tree = Tree::new();
    let server = Server::start(&tree);
    for (name, expected) in [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.png", "image/png"),
        ("a.svg", "image/svg+xml"),
        ("a", "application/octet-stream"),
        ("a.zzz", "application/octet-stream"),
    ] {
        tree.file(name, "x");
        let answer = server.get(&format!("/{name}"));
        assert_eq!(answer.field("content-type"), Some(expected), "{name}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    }
}
