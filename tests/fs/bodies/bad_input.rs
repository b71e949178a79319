// Paths that cannot be, and what has no room. See `like_std.rs`.

pub(super) fn paths_with_nul_are_invalid_everywhere(dir: &Dir) {
    let bad = dir.join("a\0b");
    let good = dir.join("good");
    let all = [
        File::open(&bad).map(drop),
        File::create(&bad).map(drop),
        fs::read(&bad).map(drop),
        fs::read_to_string(&bad).map(drop),
        fs::write(&bad, "x"),
        fs::copy(&bad, &good).map(drop),
        fs::rename(&bad, &good),
        fs::rename(&good, &bad),
        fs::hard_link(&bad, &good),
        fs::hard_link(&good, &bad),
        unix_fs::symlink(&good, &bad),
        unix_fs::chown(&bad, None, None),
        fs::create_dir(&bad),
        fs::create_dir_all(&bad),
        fs::remove_dir(&bad),
        fs::remove_dir_all(&bad),
        fs::remove_file(&bad),
        fs::metadata(&bad).map(drop),
        fs::symlink_metadata(&bad).map(drop),
        fs::canonicalize(&bad).map(drop),
        fs::read_link(&bad).map(drop),
        fs::read_dir(&bad).map(drop),
        fs::exists(&bad).map(drop),
        fs::set_permissions(&bad, fs::Permissions::from_mode(0o600)),
    ];
    for (n, result) in all.into_iter().enumerate() {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{n}");
        assert_eq!(
            error.to_string(),
            "file name contained an unexpected NUL byte"
        );
    }
    fs::write(dir.join("file"), "").unwrap();
    let error = fs::copy(dir.join("file"), &bad).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

pub(super) fn paths_too_long_or_empty_are_refused(dir: &Dir) {
    let long_name = dir.join("x".repeat(300));
    let long_path = dir.join("y/".repeat(3000));
    for path in [long_name, long_path] {
        for result in [
            File::open(&path).map(drop),
            fs::write(&path, ""),
            fs::create_dir(&path),
            fs::metadata(&path).map(drop),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidFilename);
        }
    }
    for result in [
        File::open("").map(drop),
        fs::read("").map(drop),
        fs::write("", ""),
        fs::create_dir(""),
        fs::remove_file(""),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

pub(super) fn file_without_room_in_memory_is_an_error(dir: &Dir) {
    let path = dir.join("huge");
    let file = File::create(&path).unwrap();
    // The largest that the file system takes, which is more than memory has in any case tried.
    if file.set_len(1 << 43).is_err() {
        return;
    }
    assert_eq!(fs::read(&path).unwrap_err().kind(), ErrorKind::OutOfMemory);
    assert_eq!(
        fs::read_to_string(&path).unwrap_err().kind(),
        ErrorKind::OutOfMemory
    );
    let mut bytes = vec![1];
    let mut file = File::open(&path).unwrap();
    assert_eq!(
        file.read_to_end(&mut bytes).unwrap_err().kind(),
        ErrorKind::OutOfMemory
    );
    assert_eq!(bytes, [1]);
}
