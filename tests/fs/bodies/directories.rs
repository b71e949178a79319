// Making, reading and removing directories. See `like_std.rs`.

pub(super) fn directories_are_made_and_removed(dir: &Dir) {
    let one = dir.join("one");
    fs::create_dir(&one).unwrap();
    assert_eq!(
        fs::create_dir(&one).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        fs::create_dir(dir.join("a/b")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    fs::create_dir(dir.join("slash/")).unwrap();
    let deep = dir.join("d1/d2/");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all("").unwrap();
    fs::create_dir_all(".").unwrap();
    let file = dir.file("file", b"");
    assert_eq!(
        fs::create_dir_all(&file).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        fs::create_dir_all(file.join("x")).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(
        fs::remove_dir(dir.join("d1")).unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );
    assert_eq!(
        fs::remove_dir(&file).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(
        fs::remove_file(&one).unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    fs::remove_dir(&one).unwrap();
    assert_eq!(
        fs::remove_dir(&one).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

pub(super) fn remove_dir_all_removes_links_and_not_their_targets(dir: &Dir) {
    let (kept, gone) = (dir.join("kept"), dir.join("gone"));
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("canary"), "alive").unwrap();
    fs::create_dir_all(gone.join("a/b/c")).unwrap();
    fs::write(gone.join("a/file"), "").unwrap();
    unix_fs::symlink(&kept, gone.join("a/link")).unwrap();
    fs::remove_dir_all(&gone).unwrap();
    assert!(!fs::exists(&gone).unwrap());
    assert!(fs::exists(kept.join("canary")).unwrap());
    assert_eq!(
        fs::remove_dir_all(&gone).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let file = kept.join("canary");
    assert_eq!(
        fs::remove_dir_all(&file).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    unix_fs::symlink(&kept, &gone).unwrap();
    fs::remove_dir_all(&gone).unwrap();
    assert!(fs::exists(&file).unwrap());
}

pub(super) fn many_threads_make_the_same_directories(dir: &Dir) {
    for round in 0..20 {
        let deep = Arc::new(dir.join(format!("{round}/a/b/c/d/e")));
        let makers: Vec<_> = (0..8)
            .map(|_| {
                let deep = Arc::clone(&deep);
                thread::spawn(move || fs::create_dir_all(&*deep))
            })
            .collect();
        for maker in makers {
            maker.join().unwrap().unwrap();
        }
    }
}

pub(super) fn read_dir_gives_each_entry_once(dir: &Dir) {
    let large = dir.join("large");
    fs::create_dir(&large).unwrap();
    for n in 0..300 {
        fs::write(large.join(n.to_string()), "").unwrap();
    }
    let entries: Vec<_> = fs::read_dir(&large).unwrap().map(Result::unwrap).collect();
    let mut names: Vec<u32> = entries
        .iter()
        .map(|entry| entry.file_name().to_str().unwrap().parse().unwrap())
        .collect();
    names.sort_unstable();
    assert!(names.into_iter().eq(0..300));
    for entry in entries.iter().take(3) {
        assert_eq!(entry.path(), large.join(entry.file_name()));
        assert_eq!(entry.metadata().unwrap().ino(), entry.ino());
    }
    // Exactly full batches, an empty directory, and the end stays the end.
    for count in [0, 1, 127, 128, 129, 256] {
        let sized = dir.join(format!("sized{count}"));
        fs::create_dir(&sized).unwrap();
        (0..count).for_each(|n| fs::write(sized.join(format!("{n}")), "").unwrap());
        let mut entries = fs::read_dir(&sized).unwrap();
        assert_eq!(entries.by_ref().count(), count);
        assert!(entries.next().is_none() && entries.next().is_none());
    }
}

pub(super) fn entries_know_their_kinds(dir: &Dir) {
    let place = dir.join("place");
    fs::create_dir_all(place.join("directory")).unwrap();
    fs::write(place.join("file"), "12").unwrap();
    unix_fs::symlink("nowhere", place.join("link")).unwrap();
    for entry in fs::read_dir(&place).unwrap() {
        let entry = entry.unwrap();
        let (kind, metadata) = (entry.file_type().unwrap(), entry.metadata().unwrap());
        assert_eq!(kind, metadata.file_type());
        match entry.file_name().to_str().unwrap() {
            "directory" => assert!(kind.is_dir()),
            "file" => assert_eq!((kind.is_file(), metadata.len()), (true, 2)),
            _ => assert!(kind.is_symlink()),
        }
    }
    // An entry outlives its file; what has to be asked for is gone.
    fs::remove_dir(place.join("directory")).unwrap();
    fs::remove_file(place.join("link")).unwrap();
    let entry = fs::read_dir(&place).unwrap().next().unwrap().unwrap();
    fs::remove_file(entry.path()).unwrap();
    assert!(entry.file_type().unwrap().is_file());
    assert_eq!(entry.metadata().unwrap_err().kind(), ErrorKind::NotFound);
}

pub(super) fn read_dir_refuses_what_is_none(dir: &Dir) {
    let file = dir.file("file", b"");
    assert_eq!(
        fs::read_dir(&file).unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    assert_eq!(
        fs::read_dir(dir.join("x")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(fs::read_dir("").unwrap_err().kind(), ErrorKind::NotFound);
}

pub(super) fn dir_builder_has_a_mode(dir: &Dir) {
    let (one, deep) = (dir.join("one"), dir.join("d1/d2"));
    DirBuilder::new().mode(0o700).create(&one).unwrap();
    assert_eq!(fs::metadata(&one).unwrap().mode() & 0o777, 0o700);
    let mut builder = DirBuilder::new();
    assert_eq!(
        builder.create(&deep).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    builder.recursive(true).create(&deep).unwrap();
    builder.create(&deep).unwrap();
}
