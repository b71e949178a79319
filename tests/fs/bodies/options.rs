// Ways to open, locks, devices, what the types are and how they print. See `like_std.rs`.

fn options(letters: &str) -> OpenOptions {
    let mut options = OpenOptions::new();
    for letter in letters.chars() {
        match letter {
            'r' => options.read(true),
            'w' => options.write(true),
            'a' => options.append(true),
            't' => options.truncate(true),
            'c' => options.create(true),
            _ => options.create_new(true),
        };
    }
    options
}

pub(super) fn combinations_of_options_are_allowed_or_not(dir: &Dir) {
    let there = dir.file("there", b"old");
    for (letters, is_valid, makes) in [
        ("r", true, false),
        ("w", true, false),
        ("a", true, false),
        ("rw", true, false),
        ("ra", true, false),
        ("wa", true, false),
        ("rwa", true, false),
        ("wt", true, false),
        ("rwt", true, false),
        ("wc", true, true),
        ("ac", true, true),
        ("rwc", true, true),
        ("wct", true, true),
        ("wn", true, true),
        ("an", true, true),
        ("wtn", true, true),
        ("rwcn", true, true),
        ("atn", true, true),
        ("", false, false),
        ("c", false, false),
        ("t", false, false),
        ("n", false, false),
        ("rc", false, false),
        ("rt", false, false),
        ("rn", false, false),
        ("at", false, false),
        ("wat", false, false),
        ("act", false, false),
    ] {
        let options = options(letters);
        let new = dir.join("new");
        let opened = options.open(&new);
        match (is_valid, makes) {
            (false, _) => assert_refused(letters, &opened.unwrap_err()),
            (true, true) => drop(opened.unwrap()),
            (true, false) => assert_eq!(opened.unwrap_err().kind(), ErrorKind::NotFound),
        }
        assert_eq!(fs::exists(&new).unwrap(), makes, "{letters}");
        let _ = fs::remove_file(&new);
        let opened = options.open(&there);
        match (is_valid, letters.contains('n')) {
            (false, _) => assert_refused(letters, &opened.unwrap_err()),
            (true, true) => assert_eq!(opened.unwrap_err().kind(), ErrorKind::AlreadyExists),
            (true, false) => drop(opened.unwrap()),
        }
        let empties = is_valid && letters.contains('t') && !letters.contains('n');
        assert_eq!(fs::read(&there).unwrap().is_empty(), empties, "{letters}");
        fs::write(&there, "old").unwrap();
        // A FIFO opens or not by the same rules; nothing that is refused may wait for its partner.
        if !is_valid {
            let fifo = dir.join("fifo");
            if !fs::exists(&fifo).unwrap() {
                dir.fifo("fifo");
            }
            assert_refused(letters, &options.open(&fifo).unwrap_err());
        }
    }
}

#[track_caller]
fn assert_refused(letters: &str, error: &io::Error) {
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{letters}");
    let text = if letters.is_empty() {
        "must specify at least one of read, write, or append access"
    } else {
        "creating or truncating a file requires write or append access"
    };
    assert_eq!(error.to_string(), text, "{letters}");
}

pub(super) fn constructors_open_as_they_say(dir: &Dir) {
    let path = dir.join("file");
    let mut new = File::create_new(&path).unwrap();
    new.write_all(b"text").unwrap();
    new.rewind().unwrap();
    assert_eq!(io::read_to_string(new).unwrap(), "text");
    assert_eq!(
        File::create_new(&path).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    let mut made = File::create(&path).unwrap();
    assert_eq!(made.metadata().unwrap().len(), 0);
    assert_eq!(
        made.read(&mut [0]).unwrap_err().raw_os_error(),
        Some(libc::EBADF)
    );
    let mut open = File::options().read(true).open(&path).unwrap();
    assert_eq!(
        open.write(b"x").unwrap_err().raw_os_error(),
        Some(libc::EBADF)
    );
    // Opened, a directory can be asked and synced, and not read.
    let mut directory = File::open(&**dir).unwrap();
    assert!(directory.metadata().unwrap().is_dir());
    directory.sync_all().unwrap();
    assert_eq!(
        directory.read(&mut [0; 8]).unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    assert_eq!(
        fs::read(&**dir).unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    assert_eq!(
        File::create(&**dir).unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
}

pub(super) fn modes_and_flags_reach_the_kernel(dir: &Dir) {
    let path = dir.join("file");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let link = dir.join("link");
    unix_fs::symlink(&path, &link).unwrap();
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(libc::O_NOFOLLOW);
    assert_eq!(
        options.open(&link).unwrap_err().raw_os_error(),
        Some(libc::ELOOP)
    );
    assert!(options.open(&path).is_ok());
    // A path, and nothing more, is open: of a FIFO, too, and without waiting.
    let fifo = dir.fifo("fifo");
    let options = options.custom_flags(libc::O_PATH);
    let mut pin = options.open(&fifo).unwrap();
    assert_eq!(
        pin.read(&mut [0]).unwrap_err().raw_os_error(),
        Some(libc::EBADF)
    );
    assert!(pin.metadata().unwrap().file_type().is_fifo());
}

pub(super) fn fifo_opened_without_waiting_stays_non_blocking(dir: &Dir) {
    let fifo = dir.fifo("fifo");
    let mut options = OpenOptions::new();
    let writer = options.write(true).custom_flags(libc::O_NONBLOCK);
    assert_eq!(
        writer.open(&fifo).unwrap_err().raw_os_error(),
        Some(libc::ENXIO)
    );
    let mut options = OpenOptions::new();
    let mut reader = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&fifo)
        .unwrap();
    assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0, "nobody writes");
    let mut writer = writer.open(&fifo).unwrap();
    assert_eq!(
        reader.read(&mut [0; 4]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    writer.write_all(b"abc").unwrap();
    assert_eq!(reader.read(&mut [0; 4]).unwrap(), 3);
    assert_eq!(
        reader.seek(SeekFrom::Start(0)).unwrap_err().kind(),
        ErrorKind::NotSeekable
    );
    assert_eq!(
        reader.read_at(&mut [0], 0).unwrap_err().kind(),
        ErrorKind::NotSeekable
    );
    assert_eq!(
        writer.write_at(&[0], 0).unwrap_err().kind(),
        ErrorKind::NotSeekable
    );
}

pub(super) fn fifo_with_both_ends_open_is_a_pipe(dir: &Dir) {
    let fifo = dir.fifo("fifo");
    let mut both = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .unwrap();
    both.write_all(b"abcdef").unwrap();
    let mut buf = [0; 4];
    assert_eq!(both.read(&mut buf).unwrap(), 4);
    // A partner is there: neither end waits. What is read last comes before the end.
    let mut reader = File::open(&fifo).unwrap();
    let mut writer = OpenOptions::new().append(true).open(&fifo).unwrap();
    let parts = [IoSlice::new(b"gh"), IoSlice::new(b"i")];
    assert_eq!(writer.write_vectored(&parts).unwrap(), 3);
    drop((both, writer));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "efghi");
}

pub(super) fn fifo_opens_wait_for_each_other(dir: &Dir) {
    let fifo = Arc::new(dir.fifo("fifo"));
    for writer_first in [true, false] {
        let path = Arc::clone(&fifo);
        let write = move || fs::write(&*path, "through the fifo");
        let path = Arc::clone(&fifo);
        let read = move || fs::read_to_string(&*path);
        let (writer, reader);
        if writer_first {
            writer = thread::spawn(write);
            thread::sleep(Duration::from_millis(5));
            reader = thread::spawn(read);
        } else {
            reader = thread::spawn(read);
            thread::sleep(Duration::from_millis(5));
            writer = thread::spawn(write);
        }
        assert_eq!(reader.join().unwrap().unwrap(), "through the fifo");
        writer.join().unwrap().unwrap();
    }
    // From a FIFO nothing is copied, once it has opened; to one, all.
    let path = Arc::clone(&fifo);
    let copier = thread::spawn(move || fs::copy(&*path, "/dev/null"));
    drop(OpenOptions::new().write(true).open(&*fifo).unwrap());
    assert_eq!(
        copier.join().unwrap().unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let file = dir.file("file", vec![7; 200_000]);
    let path = Arc::clone(&fifo);
    let copier = thread::spawn(move || fs::copy(file, &*path));
    assert_eq!(fs::read(&*fifo).unwrap(), vec![7; 200_000]);
    assert_eq!(copier.join().unwrap().unwrap(), 200_000);
}

pub(super) fn devices_read_and_write(_dir: &Dir) {
    let mut null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    assert_eq!(null.write(&[1; 9]).unwrap(), 9);
    assert_eq!(null.read(&mut [1; 9]).unwrap(), 0);
    let mut zeros = [1; 5000];
    File::open("/dev/zero")
        .unwrap()
        .read_exact(&mut zeros)
        .unwrap();
    assert_eq!(zeros, [0; 5000]);
    assert_eq!(
        File::open("/dev/zero")
            .unwrap()
            .read_at(&mut zeros, 7)
            .unwrap(),
        5000
    );
    let full = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .write(b"x");
    assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    fs::write("/dev/null", "text").unwrap();
    assert_eq!(fs::read("/dev/null").unwrap(), b"");
}

pub(super) fn locks_exclude_each_other(dir: &Dir) {
    let path = dir.file("file", b"");
    let [one, two] = [(), ()].map(|()| File::open(&path).unwrap());
    one.lock_shared().unwrap();
    two.lock_shared().unwrap();
    assert!(matches!(one.try_lock(), Err(fs::TryLockError::WouldBlock)));
    two.unlock().unwrap();
    one.lock().unwrap();
    let refused = two.try_lock_shared().unwrap_err();
    assert_eq!(format!("{refused:?}"), "\"WouldBlock\"");
    assert_eq!(io::Error::from(refused).kind(), ErrorKind::WouldBlock);
    // A clone has the same lock, which ends with the last handle, or by hand.
    let clone = one.try_clone().unwrap();
    drop(one);
    assert!(two.try_lock().is_err());
    clone.lock().unwrap();
    drop(clone);
    // Not at once: child processes of other tests have it until they execute their program.
    two.lock().unwrap();
    two.unlock().unwrap();
    two.unlock().unwrap();
}

pub(super) fn lock_waits_for_its_turn(dir: &Dir) {
    let path = dir.file("count", b"\0");
    let turns: Vec<_> = (0..8)
        .map(|n| {
            let path = path.clone();
            thread::spawn(move || {
                let file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(path)
                    .unwrap();
                file.lock().unwrap();
                let mut count = [0];
                file.read_exact_at(&mut count, 0).unwrap();
                thread::sleep(Duration::from_micros(100));
                file.write_all_at(&[count[0] + 1], 0).unwrap();
                if n % 2 == 0 {
                    file.unlock().unwrap();
                }
            })
        })
        .collect();
    for turn in turns {
        turn.join().unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), [8]);
}

pub(super) fn texts_are_std_s(dir: &Dir) {
    let path = dir.file("file", b"");
    let quoted = format!("{path:?}");
    let file = File::open(&path).unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    assert_eq!(
        format!("{file:?}"),
        format!("File {{ fd: {fd}, path: {quoted}, read: true, write: false }}")
    );
    let mut options = OpenOptions::new();
    let text = format!("{:?}", options.append(true).mode(0o600).custom_flags(7));
    assert!(
        text.starts_with("OpenOptions(OpenOptions { read: false"),
        "{text}"
    );
    assert!(
        text.contains("append: true") && text.contains("custom_flags: 7"),
        "{text}"
    );
    assert!(format!("{:?}", DirBuilder::new()).starts_with("DirBuilder { inner: "));
    let mut entries = fs::read_dir(&**dir).unwrap();
    assert_eq!(format!("{entries:?}"), format!("ReadDir({:?})", &**dir));
    let entry = entries.next().unwrap().unwrap();
    assert_eq!(format!("{entry:?}"), format!("DirEntry({quoted})"));
}

pub(super) fn types_implement_the_same(_dir: &Dir) {
    use std::fmt::Debug;
    use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn is_shared<T: Send + Sync + Debug + UnwindSafe + RefUnwindSafe + Unpin>() {}
    fn is_stream<T: Read + Write + Seek>() {}
    fn is_holder<T>()
    where
        T: AsFd + AsRawFd + FromRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd>,
        T: Into<std::process::Stdio>,
    {
    }
    is_shared::<File>();
    is_shared::<OpenOptions>();
    is_shared::<DirBuilder>();
    is_shared::<fs::DirEntry>();
    is_shared::<fs::ReadDir>();
    is_shared::<fs::Metadata>();
    is_stream::<File>();
    is_stream::<&File>();
    is_holder::<File>();
    let _clone: OpenOptions = OpenOptions::new().clone();
}
