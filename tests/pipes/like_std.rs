//! The same bodies against `std::io::pipe` and greenroom's: what holds of one holds of the other.

#![expect(unsafe_code, reason = "FromRawFd is an unsafe function")]

use crate::common::watchdog;
use crate::{flags, places};

/// Calls a test once, as std's do.
#[track_caller]
fn once(test: impl Fn()) {
    let _watchdog = watchdog();
    test();
}

macro_rules! same_tests {
    ($name:ident, $io:path, $thread:path, $around:path) => {
        mod $name {
            use super::*;
            use io::{
                BufRead, BufReader, BufWriter, ErrorKind, IoSlice, IoSliceMut, LineWriter,
                PipeReader, PipeWriter, Read, Write, pipe,
            };
            use std::fmt::Debug;
            use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
            use std::panic::{RefUnwindSafe, UnwindSafe};
            use std::process::{Command, Stdio};
            use $around as around;
            use $io as io;
            use $thread as thread;

            /// More than a pipe holds.
            const LARGE: usize = 300_000;

            fn pattern(len: usize) -> Vec<u8> {
                (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect()
            }

            #[test]
            fn types_implement_the_same() {
                fn both<T>()
                where
                    T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + AsFd + AsRawFd,
                    T: FromRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd> + Into<Stdio>,
                {
                }
                fn reads<T: Read>() {}
                fn writes<T: Write>() {}
                both::<PipeReader>();
                both::<PipeWriter>();
                reads::<PipeReader>();
                reads::<&PipeReader>();
                writes::<PipeWriter>();
                writes::<&PipeWriter>();
            }

            #[test]
            fn debug_texts_are_the_same() {
                let (reader, writer) = pipe().unwrap();
                let (r, w) = (reader.as_raw_fd(), writer.as_raw_fd());
                let expected = format!("PipeReader(FileDesc(OwnedFd {{ fd: {r} }}))");
                assert_eq!(format!("{reader:?}"), expected);
                let expected = format!("PipeWriter(FileDesc(OwnedFd {{ fd: {w} }}))");
                assert_eq!(format!("{writer:?}"), expected);
                assert_eq!(format!("{writer:#?}").lines().count(), 7);
            }

            #[test]
            fn bytes_go_through_and_the_end_follows() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    writer.write_all(b"hello").unwrap();
                    writer.flush().unwrap();
                    drop(writer);
                    let mut some = [0; 3];
                    assert_eq!(reader.read(&mut some).unwrap(), 3);
                    let mut rest = String::from("have ");
                    assert_eq!(reader.read_to_string(&mut rest).unwrap(), 2);
                    assert_eq!(rest, "have lo");
                    for _ in 0..3 {
                        assert_eq!(reader.read(&mut some).unwrap(), 0);
                    }
                });
            }

            #[test]
            fn empty_slices_transfer_nothing_and_wait_for_nothing() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    assert_eq!(writer.write(&[]).unwrap(), 0);
                    assert_eq!(writer.write_vectored(&[]).unwrap(), 0);
                    let none = [IoSlice::new(&[]), IoSlice::new(&[])];
                    assert_eq!(writer.write_vectored(&none).unwrap(), 0);
                    assert_eq!(reader.read_vectored(&mut []).unwrap(), 0);
                    assert_eq!(reader.read(&mut []).unwrap(), 0);
                });
            }

            #[test]
            fn write_of_more_than_it_holds_is_one_count() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    let sender = thread::spawn(move || writer.write(&pattern(LARGE)).unwrap());
                    let mut all = Vec::new();
                    reader.read_to_end(&mut all).unwrap();
                    assert_eq!(sender.join().unwrap(), LARGE);
                    assert_eq!(all, pattern(LARGE));
                });
            }

            #[test]
            fn vectored_calls_gather_and_scatter() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    let text = pattern(LARGE);
                    let parts: Vec<IoSlice<'_>> = text.chunks(777).map(IoSlice::new).collect();
                    let expected = text.clone();
                    let receiver = thread::spawn(move || {
                        let mut all = Vec::new();
                        loop {
                            let (mut a, mut b) = ([0; 1000], [0; 3000]);
                            let mut bufs = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
                            let count = reader.read_vectored(&mut bufs).unwrap();
                            if count == 0 {
                                break;
                            }
                            all.extend_from_slice(&a[..count.min(1000)]);
                            all.extend_from_slice(&b[..count.saturating_sub(1000)]);
                        }
                        assert!(all == expected);
                    });
                    assert_eq!(writer.write_vectored(&parts).unwrap(), LARGE);
                    drop(writer);
                    receiver.join().unwrap();
                });
            }

            #[test]
            fn write_without_a_reader_is_a_broken_pipe() {
                around(|| {
                    let (reader, mut writer) = pipe().unwrap();
                    drop(reader);
                    let error = writer.write(b"x").unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                    assert_eq!(error.to_string(), "Broken pipe (os error 32)");
                    assert_eq!(writer.write(b"").unwrap(), 0);
                    let parts = [IoSlice::new(b"x")];
                    let error = writer.write_vectored(&parts).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                });
            }

            #[test]
            fn reader_that_leaves_ends_a_waiting_write() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    let sender = thread::spawn(move || writer.write_all(&pattern(LARGE)));
                    reader.read_exact(&mut [0; 10]).unwrap();
                    drop(reader);
                    let error = sender.join().unwrap().unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                });
            }

            #[test]
            fn clones_share_the_pipe_and_the_last_one_ends_it() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    let mut second = writer.try_clone().unwrap();
                    writer.write_all(b"a").unwrap();
                    drop(writer);
                    let mut other = reader.try_clone().unwrap();
                    let mut byte = [0];
                    reader.read_exact(&mut byte).unwrap();
                    assert_eq!(&byte, b"a");
                    drop(reader);
                    let sender = thread::spawn(move || second.write_all(b"b").unwrap());
                    let mut rest = Vec::new();
                    other.read_to_end(&mut rest).unwrap();
                    assert_eq!(rest, b"b");
                    sender.join().unwrap();
                });
            }

            #[test]
            fn shared_references_read_and_write() {
                around(|| {
                    let (reader, writer) = pipe().unwrap();
                    thread::scope(|s| {
                        s.spawn(|| (&writer).write_all(b"ab").unwrap());
                        s.spawn(|| (&writer).write_all(b"ab").unwrap());
                        let mut four = [0; 4];
                        (&reader).read_exact(&mut four).unwrap();
                        assert_eq!(&four, b"abab");
                    });
                });
            }

            #[test]
            fn buffers_of_std_work_over_both_ends() {
                around(|| {
                    let (reader, writer) = pipe().unwrap();
                    let second = writer.try_clone().unwrap();
                    let sender = thread::spawn(move || {
                        let mut lines = LineWriter::new(second);
                        for n in 0..1000 {
                            writeln!(lines, "line {n}").unwrap();
                        }
                        lines.into_inner().unwrap();
                        let mut rest = BufWriter::with_capacity(100, writer);
                        for n in 1000..5000 {
                            writeln!(rest, "line {n}").unwrap();
                        }
                    });
                    let lines = BufReader::new(reader).lines();
                    let mut count = 0;
                    for (n, line) in lines.enumerate() {
                        assert_eq!(line.unwrap(), format!("line {n}"));
                        count += 1;
                    }
                    assert_eq!(count, 5000);
                    sender.join().unwrap();
                });
            }

            #[test]
            fn copy_takes_all_of_it() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    let sender = thread::spawn(move || {
                        io::copy(&mut pattern(LARGE).as_slice(), &mut writer).unwrap()
                    });
                    let mut all = Vec::new();
                    let count = io::copy(&mut reader, &mut all).unwrap();
                    assert_eq!(count, sender.join().unwrap());
                    assert!(all == pattern(LARGE));
                });
            }

            #[test]
            fn ends_given_to_a_child_are_its_streams() {
                around(|| {
                    let (to_read, mut to_cat) = pipe().unwrap();
                    let (mut from_cat, to_write) = pipe().unwrap();
                    // One by its own conversion, the other as a bare descriptor.
                    let mut child = Command::new("cat")
                        .stdin(to_read)
                        .stdout(Stdio::from(OwnedFd::from(to_write)))
                        .spawn()
                        .unwrap();
                    to_cat.write_all(b"there and back").unwrap();
                    drop(to_cat);
                    let mut text = String::new();
                    from_cat.read_to_string(&mut text).unwrap();
                    assert_eq!(text, "there and back");
                    child.wait().unwrap();
                });
            }

            #[test]
            fn flags_of_both_ends_stay_as_they_are() {
                around(|| {
                    let (mut reader, mut writer) = pipe().unwrap();
                    let before = (flags(&reader), flags(&writer));
                    assert_eq!(before.0, "flags:\t02000000", "blocking, close-on-exec");
                    assert_eq!(before.1, "flags:\t02000001");
                    let sender = thread::spawn(move || {
                        writer.write_all(&pattern(LARGE)).unwrap();
                        flags(&writer)
                    });
                    reader.read_exact(&mut vec![0; LARGE]).unwrap();
                    assert_eq!((flags(&reader), sender.join().unwrap()), before);
                    let raw = reader.into_raw_fd();
                    assert_eq!(flags(&raw), before.0);
                    // SAFETY: the descriptor has just been given up.
                    drop(unsafe { PipeReader::from_raw_fd(raw) });
                });
            }
        }
    };
}

same_tests!(theirs, std::io, std::thread, once);
same_tests!(ours, greenroom::io, greenroom::thread, places);
