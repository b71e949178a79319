// Reading, writing, seeking, positioned and vectored calls. See `like_std.rs`.

pub(super) fn file_written_is_read_back(dir: &Dir) {
    let path = dir.join("file");
    let mut file = File::create(&path).unwrap();
    assert_eq!(file.write(b"hello ").unwrap(), 6);
    (&file).write_all(b"world").unwrap();
    file.flush().unwrap();
    drop(file);
    let mut text = String::new();
    File::open(&path)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "hello world");
    fs::remove_file(&path).unwrap();
    assert_eq!(File::open(&path).unwrap_err().kind(), ErrorKind::NotFound);
}

pub(super) fn small_reads_walk_through_the_file(dir: &Dir) {
    let path = dir.file("file", b"abcdefgh");
    let mut file = File::open(&path).unwrap();
    let mut buf = [0; 3];
    let mut seen = Vec::new();
    loop {
        let count = file.read(&mut buf).unwrap();
        seen.push(count);
        if count == 0 {
            break;
        }
    }
    assert_eq!(seen, [3, 3, 2, 0]);
    assert_eq!(&buf, b"ghf", "what a short read does not fill stays");
    // The end is no state: what is added later is read.
    OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"ij")
        .unwrap();
    assert_eq!(file.read(&mut buf).unwrap(), 2);
    assert_eq!(&buf[..2], b"ij");
}

pub(super) fn empty_slices_read_and_write_nothing(dir: &Dir) {
    let path = dir.file("file", b"abc");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    assert_eq!(file.read(&mut []).unwrap(), 0);
    assert_eq!(file.write(&[]).unwrap(), 0);
    assert_eq!(file.read_vectored(&mut []).unwrap(), 0);
    assert_eq!(file.write_vectored(&[]).unwrap(), 0);
    assert_eq!(file.read_at(&mut [], 1).unwrap(), 0);
    assert_eq!(file.write_at(&[], 100).unwrap(), 0);
    assert_eq!(file.stream_position().unwrap(), 0);
    assert_eq!(fs::read(&path).unwrap(), b"abc");
}

pub(super) fn seek_goes_where_it_is_told(dir: &Dir) {
    let path = dir.file("file", b"0123456789");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    assert_eq!(file.seek(SeekFrom::Start(4)).unwrap(), 4);
    assert_eq!(file.seek(SeekFrom::Current(3)).unwrap(), 7);
    assert_eq!(file.seek(SeekFrom::Current(-5)).unwrap(), 2);
    assert_eq!(file.seek(SeekFrom::End(-1)).unwrap(), 9);
    let mut last = [0; 4];
    assert_eq!(file.read(&mut last).unwrap(), 1);
    assert_eq!(last[0], b'9');
    assert_eq!(file.stream_position().unwrap(), 10);
    file.rewind().unwrap();
    assert_eq!((&file).stream_position().unwrap(), 0);
    file.write_all(b"ab").unwrap();
    assert_eq!((&file).seek(SeekFrom::Current(1)).unwrap(), 3);
    file.write_all(b"c").unwrap();
    file.seek_relative(-4).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "ab2c456789");
}

pub(super) fn seek_beyond_the_limits_is_refused_and_moves_nothing(dir: &Dir) {
    let path = dir.file("file", b"0123456789");
    let mut file = File::open(path).unwrap();
    file.seek(SeekFrom::Start(5)).unwrap();
    for position in [
        SeekFrom::End(-11),
        SeekFrom::Current(-6),
        SeekFrom::Current(i64::MIN),
        SeekFrom::Start(u64::MAX),
        SeekFrom::Current(i64::MAX),
    ] {
        let error = file.seek(position).unwrap_err();
        let error_shared = (&file).seek(position).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{position:?}");
        assert_eq!(error.raw_os_error(), error_shared.raw_os_error());
        assert_eq!(file.stream_position().unwrap(), 5);
    }
    // Behind the end is no error; there is nothing.
    assert_eq!(file.seek(SeekFrom::End(1 << 40)).unwrap(), (1 << 40) + 10);
    assert_eq!(file.read(&mut [0; 8]).unwrap(), 0);
}

pub(super) fn positioned_calls_leave_the_position_alone(dir: &Dir) {
    let path = dir.file("file", b"asdf");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    file.seek(SeekFrom::Start(1)).unwrap();
    assert_eq!(file.write_at(b"fghj", 2).unwrap(), 4);
    let mut buf = [0; 8];
    assert_eq!(file.read_at(&mut buf, 0).unwrap(), 6);
    assert_eq!(&buf[..6], b"asfghj");
    assert_eq!(file.read_at(&mut buf, 6).unwrap(), 0);
    assert_eq!(file.read_at(&mut buf, 1 << 50).unwrap(), 0);
    file.read_exact_at(&mut buf[..3], 3).unwrap();
    assert_eq!(&buf[..3], b"ghj");
    let error = file.read_exact_at(&mut buf, 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(error.to_string(), "failed to fill whole buffer");
    file.write_all_at(b"XY", 10).unwrap();
    assert_eq!(file.stream_position().unwrap(), 1);
    assert_eq!(fs::read(&path).unwrap(), b"asfghj\0\0\0\0XY");
    let readonly = File::open(&path).unwrap();
    assert_eq!(
        readonly.write_at(b"x", 0).unwrap_err().raw_os_error(),
        Some(libc::EBADF)
    );
}

pub(super) fn offsets_that_do_not_exist_are_invalid(dir: &Dir) {
    let path = dir.file("file", b"asdf");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    for offset in [u64::MAX, 1 << 63, u64::MAX - 1] {
        let read = file.read_at(&mut [0; 2], offset).unwrap_err();
        let written = file.write_at(b"x", offset).unwrap_err();
        assert_eq!(read.kind(), ErrorKind::InvalidInput);
        assert_eq!(written.kind(), ErrorKind::InvalidInput);
    }
    let far = file.write_at(b"x", 1 << 62).unwrap_err();
    assert_eq!(far.kind(), ErrorKind::FileTooLarge);
    assert_eq!(file.read_at(&mut [0; 2], 1 << 62).unwrap(), 0);
    assert_eq!(
        file.read_at(&mut [0; 8], 0).unwrap(),
        4,
        "not at the position -1"
    );
}

pub(super) fn vectored_calls_fill_in_order(dir: &Dir) {
    let path = dir.join("file");
    let mut file = OpenOptions::new();
    let mut file = file
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .unwrap();
    let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert_eq!(file.write_vectored(&parts).unwrap(), 5);
    file.rewind().unwrap();
    let (mut one, mut two, mut three) = ([0; 3], [0; 0], [0; 4]);
    let mut parts = [
        IoSliceMut::new(&mut one),
        IoSliceMut::new(&mut two),
        IoSliceMut::new(&mut three),
    ];
    assert_eq!((&file).read_vectored(&mut parts).unwrap(), 5);
    assert_eq!((&one, &three[..2]), (b"abc", &b"de"[..]));
    // More buffers than one call takes: the first thousand.
    let many = vec![IoSlice::new(b"x"); 2000];
    assert_eq!(file.write_vectored(&many).unwrap(), 1024);
}

pub(super) fn append_writes_at_the_end_wherever_the_position_is(dir: &Dir) {
    let path = dir.file("file", b"one ");
    let mut file = OpenOptions::new()
        .append(true)
        .read(true)
        .open(&path)
        .unwrap();
    file.rewind().unwrap();
    file.write_all(b"two ").unwrap();
    OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(b"three")
        .unwrap();
    file.rewind().unwrap();
    assert_eq!(io::read_to_string(&mut file).unwrap(), "one two three");
}

pub(super) fn whole_file_functions_agree_with_files(dir: &Dir) {
    let path = dir.join("file");
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(&path, &bytes).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let mut file = File::open(&path).unwrap();
    file.seek(SeekFrom::Start(99_998)).unwrap();
    let mut end = b"what was there".to_vec();
    assert_eq!(file.read_to_end(&mut end).unwrap(), 2);
    assert_eq!(end.len(), 16);
    assert_eq!(
        fs::read_to_string(&path).unwrap_err().kind(),
        ErrorKind::InvalidData
    );
    let mut text = String::from("kept");
    file.rewind().unwrap();
    let error = file.read_to_string(&mut text).unwrap_err();
    assert_eq!(error.to_string(), "stream did not contain valid UTF-8");
    assert_eq!(text, "kept");
    fs::write(&path, "shorter").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "shorter");
    // What says that it has no length is read to its end all the same.
    assert!(
        fs::read_to_string("/proc/self/status")
            .unwrap()
            .contains("Threads:")
    );
    let mut status = String::new();
    File::open("/proc/self/status")
        .unwrap()
        .read_to_string(&mut status)
        .unwrap();
    assert!(status.contains("Threads:"));
}

pub(super) fn clones_share_position_and_length(dir: &Dir) {
    let path = dir.file("file", b"abcdef");
    let mut one = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut two = one.try_clone().unwrap();
    let mut buf = [0; 2];
    one.read_exact(&mut buf).unwrap();
    two.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"cd");
    one.set_len(5).unwrap();
    drop(one);
    let mut rest = Vec::new();
    two.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"e");
}

pub(super) fn set_len_cuts_and_extends(dir: &Dir) {
    let path = dir.file("file", b"foobar");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.set_len(10).unwrap();
    file.write_all(b"X").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"foobarX\0\0\0");
    file.set_len(2).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"fo");
    assert_eq!(
        file.set_len(u64::MAX).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    file.sync_all().unwrap();
    file.sync_data().unwrap();
    assert!(
        File::open(&path).unwrap().set_len(1).is_err(),
        "not writable"
    );
}

pub(super) fn many_threads_read_one_file_at_their_offsets(dir: &Dir) {
    let bytes: Vec<u8> = (0..64 * 1024_u32).map(|n| (n / 64 % 251) as u8).collect();
    let file = Arc::new(File::open(dir.file("file", &bytes)).unwrap());
    let readers: Vec<_> = (0..64_usize)
        .map(|n| {
            let file = Arc::clone(&file);
            thread::spawn(move || {
                let mut record = [0; 1024];
                file.read_exact_at(&mut record, n as u64 * 1024).unwrap();
                record
            })
        })
        .collect();
    for (n, reader) in readers.into_iter().enumerate() {
        assert_eq!(reader.join().unwrap()[..], bytes[n * 1024..][..1024]);
    }
}

pub(super) fn reads_of_a_shared_file_take_whole_records(dir: &Dir) {
    const RECORD: usize = 100;
    let bytes: Vec<u8> = (0..200_u8).flat_map(|n| [n; RECORD]).collect();
    let file = Arc::new(File::open(dir.file("file", &bytes)).unwrap());
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let file = Arc::clone(&file);
            thread::spawn(move || {
                let mut seen = Vec::new();
                let mut record = [0; RECORD];
                while (&*file).read(&mut record).unwrap() == RECORD {
                    assert_eq!(record, [record[0]; RECORD], "torn");
                    seen.push(record[0]);
                }
                seen
            })
        })
        .collect();
    let mut all: Vec<u8> = readers
        .into_iter()
        .flat_map(|reader| reader.join().unwrap())
        .collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..200));
}
