//! Opening files: on the blocking pool, but for FIFOs, whose open waits for a partner without a thread.
//!
//! A first trip to the pool looks at what the path names. Regular files, directories and what is missing
//! are opened then and there, by std. Devices are opened on the lane of what may wait for ever. A FIFO:
//!
//! | end | how | the partner is there when |
//! |---|---|---|
//! | read | opened with `O_NONBLOCK`, which succeeds at once and counts as a reader | `sys::file::has_writer` |
//! | write | pinned with `O_PATH`, then opened with `O_NONBLOCK` through `/proc/self/fd` | not ENXIO |
//!
//! Pinned, because the path may be renamed or removed meanwhile: std's open waits at the file it found.
//! Afterwards `O_NONBLOCK` is cleared: the open file is ours alone until it is returned. A path that
//! turns into a FIFO between the look and the open holds a thread of the pool until a partner comes.

use super::File;
use super::open_options::OpenOptions;
use super::patience::{Patience, may_block};
use crate::sys::fd;
use crate::sys::file::{self, FileKind, Scratch};
use crate::task::WaitReason;
use crate::unblock::{Lane, ask, lend};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::OnceLock;

/// The ends of a FIFO whose open waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Read,
    Write,
}

/// What the first look has led to.
enum Step {
    Opened(File),
    /// Open, non-blocking; a writer may be missing.
    Reader(fs::File),
    /// Pinned; a reader may be missing.
    Writer(fs::File),
    Device,
}

/// As std's `OpenOptions::open`. Parks.
pub(super) fn open(options: &OpenOptions, path: &Path) -> io::Result<File> {
    if may_block() {
        return options.in_std().open(path).map(File::adopt);
    }
    match lend(Lane::Brief, || first_step(options, path))? {
        Step::Opened(file) => Ok(file),
        Step::Reader(fifo) => await_writer(fifo),
        Step::Writer(pin) => await_reader(options, &pin),
        Step::Device => open_device(options, path),
    }
}

/// On a thread of the pool.
fn first_step(options: &OpenOptions, path: &Path) -> io::Result<Step> {
    let kind = options.look_at(path).map(|metadata| metadata.file_type());
    match kind {
        Ok(kind) if kind.is_fifo() => match options.waiting_end() {
            Some(End::Read) => options
                .with_flags(file::O_NONBLOCK)
                .open(path)
                .map(Step::Reader),
            Some(End::Write) => pin(path).map(Step::Writer),
            None => options
                .in_std()
                .open(path)
                .map(File::adopt)
                .map(Step::Opened),
        },
        Ok(kind) if kind.is_char_device() || kind.is_block_device() => Ok(Step::Device),
        _ => options
            .in_std()
            .open(path)
            .map(File::adopt)
            .map(Step::Opened),
    }
}

/// The open of a device may wait for ever; an interrupt leaves it to itself.
fn open_device(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let (options, path) = (options.in_std().clone(), path.to_owned());
    ask(Lane::Long, move || options.open(path).map(File::adopt))
}

/// A handle of the file that `path` names now, good for nothing else.
fn pin(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let pin = fs::OpenOptions::new()
        .read(true)
        .custom_flags(file::O_PATH)
        .open(path)?;
    fd::above_standard(pin.into()).map(fs::File::from)
}

fn await_writer(fifo: fs::File) -> io::Result<File> {
    // It may have been replaced since it was looked at: then there is nobody to wait for.
    if file::kind(fifo.as_fd())? == FileKind::Pipe {
        let scratch = scratch_pipe()?;
        let mut patience = Patience::new(WaitReason::Fifo);
        while !file::has_writer(fifo.as_fd(), scratch)? {
            patience.pause();
        }
    }
    now_blocking(fifo)
}

fn await_reader(options: &OpenOptions, pin: &fs::File) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", pin.as_raw_fd());
    let options = options.with_flags(file::O_NONBLOCK);
    let is_fifo = file::kind(pin.as_fd())? == FileKind::Pipe;
    let mut patience = Patience::new(WaitReason::Fifo);
    loop {
        // Never waits: names in /proc are not on a disk, and it is non-blocking.
        match options.open(&path) {
            Ok(file) => return now_blocking(file),
            Err(error) if is_fifo && file::is_without_reader(&error) => patience.pause(),
            Err(error) => return Err(error),
        }
    }
}

fn now_blocking(file: fs::File) -> io::Result<File> {
    fd::set_nonblocking(file.as_fd(), false)?;
    Ok(File::adopt(file))
}

/// One for the whole process.
fn scratch_pipe() -> io::Result<&'static Scratch> {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    match SCRATCH.get() {
        Some(scratch) => Ok(scratch),
        None => {
            let scratch = Scratch::new()?;
            Ok(SCRATCH.get_or_init(|| scratch))
        }
    }
}
