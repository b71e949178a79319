// Metadata, links, permissions, times, copies and names. See `like_std.rs`.

pub(super) fn metadata_tells_kinds_apart(dir: &Dir) {
    let file = dir.file("file", b"12345");
    let link = dir.join("link");
    unix_fs::symlink("file", &link).unwrap();
    let fifo = dir.fifo("fifo");
    let metadata = fs::metadata(&file).unwrap();
    assert!(metadata.is_file() && !metadata.is_dir() && !metadata.is_symlink());
    assert_eq!(
        (metadata.len(), metadata.size(), metadata.nlink()),
        (5, 5, 1)
    );
    assert!(metadata.created().is_ok() && metadata.accessed().is_ok());
    assert_eq!(
        File::open(&file).unwrap().metadata().unwrap().ino(),
        metadata.ino()
    );
    assert!(fs::metadata(&**dir).unwrap().is_dir());
    assert!(fs::metadata(&link).unwrap().is_file());
    assert!(
        fs::symlink_metadata(&link)
            .unwrap()
            .file_type()
            .is_symlink()
    );
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    fs::remove_file(&file).unwrap();
    assert_eq!(fs::metadata(&link).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(fs::symlink_metadata(&link).is_ok());
    assert!(!fs::exists(&link).unwrap());
}

pub(super) fn links_lead_to_what_they_name(dir: &Dir) {
    let file = dir.file("file", b"foobar");
    let (soft, hard, older) = (dir.join("soft"), dir.join("hard"), dir.join("older"));
    unix_fs::symlink(&file, &soft).unwrap();
    #[expect(deprecated, reason = "std still has it")]
    fs::soft_link("file", &older).unwrap();
    fs::hard_link(&file, &hard).unwrap();
    assert_eq!(fs::read_link(&soft).unwrap(), file);
    assert_eq!(fs::read_link(&older).unwrap().to_str(), Some("file"));
    assert_eq!(
        fs::read_link(&file).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(fs::metadata(&hard).unwrap().nlink(), 2);
    for path in [&soft, &hard, &older] {
        assert_eq!(fs::read(path).unwrap(), b"foobar");
        assert_eq!(fs::canonicalize(path).unwrap() == file, path != &hard);
    }
    let error = fs::hard_link(dir.join("missing"), dir.join("new")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        fs::hard_link(&file, &hard).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        unix_fs::symlink("x", &soft).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    // A link to a link is linked itself.
    fs::hard_link(&soft, dir.join("second")).unwrap();
    assert!(
        fs::symlink_metadata(dir.join("second"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(
        fs::canonicalize(dir.join("./file/../soft"))
            .unwrap_err()
            .raw_os_error(),
        Some(libc::ENOTDIR)
    );
}

pub(super) fn permissions_are_set_and_seen(dir: &Dir) {
    let path = dir.file("file", b"");
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    assert!(!permissions.readonly());
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions.clone()).unwrap();
    assert!(fs::metadata(&path).unwrap().permissions().readonly());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    let file = File::open(&path).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let error = fs::set_permissions(dir.join("missing"), permissions).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

pub(super) fn owners_are_set_and_left(dir: &Dir) {
    let path = dir.file("file", b"");
    let (uid, gid) = {
        let metadata = fs::metadata(&path).unwrap();
        (metadata.uid(), metadata.gid())
    };
    unix_fs::chown(&path, Some(uid), None).unwrap();
    unix_fs::lchown(&path, None, Some(gid)).unwrap();
    unix_fs::fchown(File::open(&path).unwrap(), Some(uid), Some(gid)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().uid(), uid);
    for result in [
        unix_fs::chown(dir.join("missing"), None, None),
        unix_fs::lchown(dir.join("missing"), None, None),
        unix_fs::chroot(dir.join("missing")),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

pub(super) fn times_are_set_to_the_nanosecond(dir: &Dir) {
    let file = File::create(dir.join("file")).unwrap();
    let accessed = SystemTime::UNIX_EPOCH + Duration::new(12_345, 600);
    let modified = UNIX_EPOCH + Duration::new(54_321, 700);
    let times = fs::FileTimes::new()
        .set_accessed(accessed)
        .set_modified(modified);
    file.set_times(times).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.accessed().unwrap(), accessed);
    assert_eq!(metadata.modified().unwrap(), modified);
    assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (54_321, 700));
    let before = UNIX_EPOCH - Duration::from_millis(1);
    file.set_modified(before).unwrap();
    assert_eq!(file.metadata().unwrap().modified().unwrap(), before);
    assert_eq!(file.metadata().unwrap().accessed().unwrap(), accessed);
}

pub(super) fn copy_takes_contents_and_permissions(dir: &Dir) {
    let (from, to) = (
        dir.file("from", b"hello"),
        dir.file("to", b"longer than that"),
    );
    fs::set_permissions(&from, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(fs::copy(&from, &to).unwrap(), 5);
    assert_eq!(fs::read(&to).unwrap(), b"hello");
    assert_eq!(fs::metadata(&to).unwrap().mode() & 0o777, 0o400);
    // Through a link, to a device, from nothing, from and to a directory.
    let target = dir.file("target", b"");
    let link = dir.join("link");
    unix_fs::symlink(&target, &link).unwrap();
    assert_eq!(fs::copy(&from, &link).unwrap(), 5);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"hello");
    assert_eq!(fs::copy(&from, "/dev/null").unwrap(), 5);
    let missing = dir.join("missing");
    assert_eq!(
        fs::copy(&missing, dir.join("x")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(
        !fs::exists(dir.join("x")).unwrap(),
        "nothing is made for a missing source"
    );
    assert_eq!(
        fs::copy(&from, &**dir).unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    for no_file in [&**dir, "/dev/null".as_ref()] {
        let error = fs::copy(no_file, dir.join("x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            "the source path is neither a regular file nor a symlink to a regular file"
        );
    }
}

pub(super) fn rename_replaces_and_refuses(dir: &Dir) {
    let (one, two) = (dir.file("one", b"1"), dir.file("two", b"2"));
    let open = File::open(&two).unwrap();
    fs::rename(&one, &two).unwrap();
    assert_eq!(fs::read(&two).unwrap(), b"1");
    assert_eq!(io::read_to_string(open).unwrap(), "2", "open files live on");
    assert_eq!(
        fs::rename(&one, &two).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let full = dir.join("full");
    fs::create_dir_all(full.join("sub")).unwrap();
    fs::create_dir(dir.join("empty")).unwrap();
    let error = fs::rename(dir.join("empty"), &full).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
    fs::rename(&full, dir.join("empty")).unwrap();
    assert!(fs::exists(dir.join("empty/sub")).unwrap());
    unix_fs::symlink(&two, dir.join("link")).unwrap();
    fs::rename(dir.join("link"), dir.join("moved")).unwrap();
    assert!(
        fs::symlink_metadata(dir.join("moved"))
            .unwrap()
            .is_symlink()
    );
}
