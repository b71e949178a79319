//! Whatever a name says, what is opened lies inside: with the kernel's memory of names, and by `cap-std`.

use super::{Facts, Kind, Root, VirtualPath, Writing};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Sets its flag when dropped: by a panic, too, or the other thread of a failed test runs for ever.
struct SetOnDrop<'f>(&'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A directory with all kinds of names in it, and one beside it.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Tree {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-root-{}-{count}", std::process::id());
        let tree = Tree(std::env::temp_dir().join(name));
        let root = tree.root();
        fs::create_dir_all(root.join("dir/deep")).unwrap();
        fs::write(tree.0.join("secret"), "secret").unwrap();
        fs::write(root.join("file"), "inside").unwrap();
        fs::write(root.join("dir/file"), "deeper").unwrap();
        symlink("dir/file", root.join("link in")).unwrap();
        symlink("../file", root.join("dir/up")).unwrap();
        symlink("../secret", root.join("link out")).unwrap();
        symlink("..", root.join("dir out")).unwrap();
        symlink(tree.0.join("secret"), root.join("absolute out")).unwrap();
        symlink(root.join("file"), root.join("absolute in")).unwrap();
        symlink("/proc/self/root", root.join("magic")).unwrap();
        symlink("loop b", root.join("loop a")).unwrap();
        symlink("loop a", root.join("loop b")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        let _socket = UnixListener::bind(root.join("socket")).unwrap();
        let mode = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, root.join("fifo"), FileType::Fifo, mode, 0).unwrap();
        tree
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn path(text: &str) -> VirtualPath {
    VirtualPath::new(text).unwrap()
}

const ELOOP: i32 = 40;

#[test]
fn names_that_lead_out_open_nothing() {
    let tree = Tree::new();
    let root = Root::writable(tree.root()).unwrap();
    let refused = [
        ("/../secret", ErrorKind::NotFound),
        ("/dir/../../secret", ErrorKind::NotFound),
        ("/link out", ErrorKind::PermissionDenied),
        ("/dir out/secret", ErrorKind::PermissionDenied),
        ("/dir out/root/file", ErrorKind::PermissionDenied),
        ("/absolute out", ErrorKind::PermissionDenied),
        ("/absolute in", ErrorKind::PermissionDenied),
        ("/magic/etc/passwd", ErrorKind::PermissionDenied),
        ("/dangling", ErrorKind::NotFound),
        ("/nothing", ErrorKind::NotFound),
        ("/file/below", ErrorKind::NotADirectory),
        ("/dir", ErrorKind::IsADirectory),
        ("/", ErrorKind::IsADirectory),
        ("/socket", ErrorKind::PermissionDenied),
        ("/fifo", ErrorKind::PermissionDenied),
        ("/..%2fsecret", ErrorKind::NotFound),
        ("/..\\secret", ErrorKind::NotFound),
    ];
    for (name, kind) in refused {
        let path = path(name);
        for error in [
            root.open(&path).map(|_| ()).unwrap_err(),
            root.open_on_pool(&path).map(|_| ()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind, "{name}: {error}");
        }
    }
    for name in ["/loop a", "/loop b/x"] {
        let error = root.open(&path(name)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(ELOOP), "{name}");
    }
    for (name, text) in [
        ("/file", "inside"),
        ("//dir//.//file/", "deeper"),
        ("/link in", "deeper"),
        ("/dir/up", "inside"),
        ("/../../file", "inside"),
        ("/link out/../file", "inside"),
    ] {
        for opened in [root.open(&path(name)), root.open_on_pool(&path(name))] {
            let (mut file, facts) = opened.unwrap();
            let mut found = String::new();
            file.read_to_string(&mut found).unwrap();
            assert_eq!(found, text, "{name}");
            assert_eq!((facts.len, facts.kind), (6, Kind::File));
        }
    }
}

#[test]
fn writes_that_lead_out_change_nothing() {
    let tree = Tree::new();
    let root = Root::writable(tree.root()).unwrap();
    for name in [
        "/link out",
        "/dir out/new",
        "/absolute out",
        "/fifo",
        "/socket",
    ] {
        for writing in [Writing::Create, Writing::Keep, Writing::Append] {
            let error = root.open_to_write(&path(name), writing).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name}: {error}");
        }
    }
    let out = path("/dir out/secret");
    assert!(root.remove_file(&out).is_err());
    assert!(root.rename(&out, &path("/mine")).is_err());
    assert!(root.rename(&path("/file"), &out).is_err());
    assert!(root.create_dir(&path("/dir out/new")).is_err());
    assert!(root.remove_dir(&path("/dir out/root")).is_err());
    assert!(root.subtree(&path("/dir out")).is_err());
    assert!(root.read_dir(&path("/dir out")).is_err());
    assert_eq!(fs::read_to_string(tree.0.join("secret")).unwrap(), "secret");
    assert_eq!(names(&tree.0), ["root", "secret"]);
    // A link is not what it leads to.
    root.remove_file(&path("/link out")).unwrap();
    assert!(tree.0.join("secret").exists());
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn writes_inside_do_what_their_names_say() {
    let tree = Tree::new();
    let root = Root::writable(tree.root()).unwrap();
    let write = |name: &str, writing, text: &str| -> io::Result<()> {
        root.open_to_write(&path(name), writing)?
            .write_all(text.as_bytes())
    };
    let read = |name: &str| fs::read_to_string(tree.root().join(name)).unwrap();
    write("/new", Writing::CreateNew, "one two").unwrap();
    write("/new", Writing::Keep, "ONE").unwrap();
    write("/new", Writing::Append, " three").unwrap();
    assert_eq!(read("new"), "ONE two three");
    write("/new", Writing::Create, "four").unwrap();
    assert_eq!(read("new"), "four");
    let error = write("/new", Writing::CreateNew, "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    write("/link in", Writing::Append, "!").unwrap();
    assert_eq!(read("dir/file"), "deeper!");
    root.rename(&path("/new"), &path("/dir/moved")).unwrap();
    assert_eq!(read("dir/moved"), "four");
    root.create_dir(&path("/made")).unwrap();
    root.remove_dir(&path("/made")).unwrap();
    let error = root.remove_dir(&path("/dir")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
    let home = root.subtree(&path("/dir")).unwrap();
    let (_, facts) = home.open(&path("/moved")).unwrap();
    assert_eq!(facts.len, 4);
    assert!(home.open(&path("/up")).is_err(), "leads out of the subtree");
}

#[test]
fn read_only_root_writes_nothing() {
    let tree = Tree::new();
    let writable = Root::writable(tree.root()).unwrap();
    let file = path("/file");
    for root in [
        Root::read_only(tree.root()).unwrap(),
        writable.to_read_only(),
        writable.to_read_only().subtree(&path("/")).unwrap(),
    ] {
        let errors = [
            root.open_to_write(&file, Writing::Append).map(|_| ()),
            root.open_to_write(&path("/new"), Writing::Create)
                .map(|_| ()),
            root.create_dir(&path("/new")),
            root.remove_file(&file),
            root.remove_dir(&path("/dir/deep")),
            root.rename(&file, &path("/new")),
        ];
        for result in errors {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
        }
        assert!(root.open(&file).is_ok());
    }
}

#[test]
fn listing_has_what_can_be_opened_or_entered() {
    let tree = Tree::new();
    let root = Root::read_only(tree.root()).unwrap();
    let mut found: Vec<(String, Kind)> = root
        .read_dir(&VirtualPath::root())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.name.into_string().unwrap(), entry.facts.kind))
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [
        ("dir", Kind::Directory),
        ("fifo", Kind::Other),
        ("file", Kind::File),
        ("link in", Kind::File),
        ("socket", Kind::Other),
    ];
    assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind)));
}

#[test]
fn large_directory_is_listed_once_each() {
    let tree = Tree::new();
    for count in 0..1000 {
        fs::write(tree.root().join(format!("dir/deep/{count:04}")), "").unwrap();
    }
    let root = Root::read_only(tree.root()).unwrap();
    let listed = greenroom::run(move || {
        let mut listed = Vec::new();
        for entry in root.read_dir(&path("/dir/deep"))? {
            listed.push(entry?.name);
        }
        Ok::<_, io::Error>(listed)
    });
    let mut listed = listed.unwrap();
    listed.sort();
    assert_eq!(
        listed,
        (0..1000)
            .map(|count| OsString::from(format!("{count:04}")))
            .collect::<Vec<_>>()
    );
}

/// The name is a file and a symlink that leads out by turns: never is anything else than the file open.
#[test]
fn name_that_changes_meanwhile_never_leads_out() {
    let tree = Tree::new();
    let (root, dir) = (Root::read_only(tree.root()).unwrap(), tree.root());
    fs::write(dir.join("kept"), "inside").unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0.. {
                let _ = fs::remove_file(dir.join("next"));
                let next = dir.join("next");
                match turn % 2 {
                    0 => symlink("../secret", &next).unwrap(),
                    _ => fs::hard_link(dir.join("kept"), &next).unwrap(),
                }
                fs::rename(next, dir.join("name")).unwrap();
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let _over = SetOnDrop(&is_over);
        let (mut inside, mut refused) = (0, 0);
        while inside < 1000 || refused < 1000 {
            for opened in [root.open(&path("/name")), root.open_on_pool(&path("/name"))] {
                let Ok((mut file, _)) = opened else {
                    refused += 1;
                    continue;
                };
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, "inside");
                inside += 1;
            }
        }
    });
}

#[test]
fn paths_have_one_spelling() {
    for (text, canonical) in [
        ("", "/"),
        ("/", "/"),
        ("..", "/"),
        ("/../..", "/"),
        ("a/b/../../..", "/"),
        ("a//b/./c/", "/a/b/c"),
        ("...", "/..."),
        ("a\\..\\b", "/a\\..\\b"),
        ("/%2e%2e/x", "/%2e%2e/x"),
    ] {
        assert_eq!(path(text).as_os_str(), canonical, "{text:?}");
    }
    let kind = |text: &str| VirtualPath::new(text).unwrap_err().kind();
    assert_eq!(kind("a\0b"), ErrorKind::InvalidInput);
    assert_eq!(kind(&"n".repeat(256)), ErrorKind::InvalidFilename);
    assert_eq!(kind(&"name/".repeat(1000)), ErrorKind::InvalidFilename);
    assert!(path("/a/.b/c").is_hidden() && !path("/a.b/c").is_hidden());
}

#[test]
fn facts_are_the_same_by_name_and_by_descriptor() {
    let tree = Tree::new();
    let root = Root::read_only(tree.root()).unwrap();
    let (_, opened): (_, Facts) = root.open(&path("/link in")).unwrap();
    assert_eq!(root.facts(&path("/dir/file")).unwrap(), opened);
}
