//! Every kind of descriptor in every state that one can bring it into, and what changes that state.
#![expect(
    unsafe_code,
    reason = "eventfd, signalfd, timerfd, linger, urgent data"
)]

use crate::descriptors::{fifo, file, terminal};
use greenroom::multiplex::EPOLLIN;
use greenroom::raw;
use std::any::Any;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

/// A descriptor in some state.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) fd: RawFd,
    /// Brings it into another state; not for those whose state lasts.
    pub(crate) stir: Option<Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>>,
    _open: Box<dyn Any + Send>,
}

/// A number that is not open and that no test of this process gets, below the size of the process's table:
/// select(2) leaves out what lies above.
pub(crate) fn closed() -> RawFd {
    static HIGH: OnceLock<RawFd> = OnceLock::new();
    *HIGH.get_or_init(|| {
        let null = File::open("/dev/null").unwrap();
        // SAFETY: takes numbers.
        let high = owned(unsafe { libc::fcntl(null.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 1000) });
        high.as_raw_fd()
    })
}

fn lasting(name: &'static str, fd: &impl AsRawFd, open: impl Any + Send) -> Kind {
    Kind {
        name,
        fd: fd.as_raw_fd(),
        stir: None,
        _open: Box::new(open),
    }
}

fn stirred<T: Any + Send>(
    name: &'static str,
    fd: impl AsRawFd + Any + Send,
    stir: impl FnOnce() -> T + Send + 'static,
) -> Kind {
    Kind {
        name,
        fd: fd.as_raw_fd(),
        stir: Some(Box::new(|| Box::new(stir()))),
        _open: Box::new(fd),
    }
}

fn owned(fd: i32) -> OwnedFd {
    assert!(fd >= 0);
    // SAFETY: has just been made, and is nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub(crate) fn eventfd(count: u32) -> File {
    // SAFETY: takes numbers.
    File::from(owned(unsafe { libc::eventfd(count, libc::EFD_CLOEXEC) }))
}

fn signalfd() -> OwnedFd {
    // SAFETY: a set is an array of integers.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: reads and writes one set.
    unsafe { libc::sigaddset(&raw mut set, libc::SIGUSR2) };
    // SAFETY: reads one set.
    owned(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) })
}

fn timerfd(after_ns: i64) -> OwnedFd {
    // SAFETY: takes numbers.
    let timer = owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) });
    // SAFETY: a structure of integers.
    let mut when: libc::itimerspec = unsafe { std::mem::zeroed() };
    when.it_value.tv_nsec = after_ns;
    let null = std::ptr::null_mut();
    // SAFETY: reads one structure.
    let done = unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &raw const when, null) };
    assert_eq!(done, 0);
    timer
}

fn fresh_socket() -> OwnedFd {
    // SAFETY: takes numbers.
    owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) })
}

/// Closes with a reset instead of an end.
fn reset(stream: TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let size = libc::socklen_t::try_from(size_of::<libc::linger>()).unwrap();
    let fd = stream.as_raw_fd();
    let value = (&raw const linger).cast();
    // SAFETY: reads one structure of the size that is told.
    let done = unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, value, size) };
    assert_eq!(done, 0);
    drop(stream);
}

fn send_urgent(stream: &TcpStream) {
    let byte = b"!";
    // SAFETY: reads one byte.
    let sent = unsafe {
        libc::send(
            stream.as_raw_fd(),
            byte.as_ptr().cast(),
            1,
            libc::MSG_OOB | libc::MSG_NOSIGNAL,
        )
    };
    assert_eq!(sent, 1);
}

pub(crate) fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Until no more goes in; what is in can then be read by [`drain`].
pub(crate) fn fill(mut to: impl Write, set_nonblocking: impl Fn(bool)) {
    set_nonblocking(true);
    let chunk = [0; 1 << 16];
    while to.write(&chunk).is_ok() {}
    while to.write(&chunk[..1]).is_ok() {}
    set_nonblocking(false);
}

/// All that a peer of [`fill`] has got, however late it comes.
fn drain(mut from: UnixStream) -> UnixStream {
    from.set_nonblocking(true).unwrap();
    while from.read(&mut [0; 1 << 16]).is_ok() {}
    from
}

fn pipes() -> Vec<Kind> {
    let mut kinds = Vec::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    kinds.push(stirred("empty pipe", reader, move || {
        writer.write_all(b"x").unwrap();
        writer
    }));
    let (reader, writer) = std::io::pipe().unwrap();
    kinds.push(stirred("pipe whose writer goes", reader, move || {
        drop(writer);
    }));
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"x").unwrap();
    kinds.push(lasting(
        "pipe with data and no writer",
        &reader.as_raw_fd(),
        reader,
    ));
    let (reader, writer) = std::io::pipe().unwrap();
    kinds.push(stirred("pipe with room", writer, move || drop(reader)));
    let (reader, writer) = std::io::pipe().unwrap();
    (&writer).write_all(&[0; 1 << 16]).unwrap();
    drop(reader);
    kinds.push(lasting(
        "full pipe without a reader",
        &writer.as_raw_fd(),
        writer,
    ));
    let (reader, writer) = std::io::pipe().unwrap();
    // 64 KiB is what a pipe holds.
    (&writer).write_all(&[0; 1 << 16]).unwrap();
    kinds.push(stirred("full pipe", writer, move || {
        (&reader).read_exact(&mut [0; 1 << 16]).unwrap();
        reader
    }));
    let (mut reader, mut writer) = greenroom::io::pipe().unwrap();
    let fd = reader.as_raw_fd();
    kinds.push(stirred("greenroom's pipe", fd, move || {
        writer.write_all(b"x").unwrap();
        (writer, reader.by_ref().as_raw_fd(), reader)
    }));
    let (reader, mut writer) = fifo();
    kinds.push(stirred("FIFO", reader, move || {
        writer.write_all(b"x").map(|()| writer)
    }));
    kinds
}

fn sockets() -> Vec<Kind> {
    let mut kinds = Vec::new();
    let (one, mut other) = UnixStream::pair().unwrap();
    kinds.push(stirred("Unix stream", one, move || {
        other.write_all(b"x").map(|()| other)
    }));
    let (one, other) = UnixStream::pair().unwrap();
    fill(&one, |on| one.set_nonblocking(on).unwrap());
    kinds.push(stirred("full Unix stream", one, move || drain(other)));
    let (one, other) = tcp();
    kinds.push(stirred("TCP stream", one, move || {
        (&other).write_all(b"x").map(|()| other)
    }));
    let (one, other) = tcp();
    kinds.push(stirred("TCP stream that ends", one, move || {
        other.shutdown(Shutdown::Write).map(|()| other)
    }));
    let (one, other) = tcp();
    kinds.push(stirred("TCP stream that is reset", one, move || {
        reset(other);
    }));
    let (one, other) = tcp();
    kinds.push(stirred("TCP stream with urgent data", one, move || {
        send_urgent(&other);
        other
    }));
    let (one, other) = tcp();
    one.shutdown(Shutdown::Both).unwrap();
    drop(other);
    kinds.push(lasting("TCP stream that has ended", &one.as_raw_fd(), one));
    let (one, other) = tcp();
    let one = greenroom::net::TcpStream::from(one);
    kinds.push(stirred("greenroom's TCP stream", one, move || {
        (&other).write_all(b"x").map(|()| other)
    }));
    let socket = fresh_socket();
    kinds.push(lasting(
        "TCP socket before connect",
        &socket.as_raw_fd(),
        socket,
    ));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    kinds.push(stirred("listener", listener, move || {
        TcpStream::connect(address)
    }));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    kinds.push(stirred("UDP socket", socket, move || {
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        other.send_to(b"x", address).map(|_| other)
    }));
    kinds
}

fn others() -> Vec<Kind> {
    let mut kinds = Vec::new();
    let (mut master, slave) = terminal();
    kinds.push(stirred("terminal", slave, move || {
        master.write_all(b"x\n").map(|()| master)
    }));
    let (master, mut slave) = terminal();
    kinds.push(stirred("terminal's master", master, move || {
        slave.write_all(b"x").map(|()| slave)
    }));
    let (master, slave) = terminal();
    kinds.push(stirred("terminal that hangs up", slave, move || {
        drop(master);
    }));
    let regular = file(b"content");
    kinds.push(lasting("regular file", &regular.as_raw_fd(), regular));
    let null = File::open("/dev/null").unwrap();
    kinds.push(lasting("/dev/null", &null.as_raw_fd(), null));
    let directory = File::open("/proc/self").unwrap();
    kinds.push(lasting("directory", &directory.as_raw_fd(), directory));
    let event = eventfd(0);
    let mut twin = event.try_clone().unwrap();
    kinds.push(stirred("eventfd", event, move || {
        twin.write_all(&1u64.to_ne_bytes())
    }));
    let event = eventfd(1);
    kinds.push(lasting("eventfd that was rung", &event.as_raw_fd(), event));
    let signals = signalfd();
    kinds.push(lasting("signalfd", &signals.as_raw_fd(), signals));
    let timer = timerfd(300_000);
    kinds.push(stirred("timerfd", timer, || ()));
    let (reader, mut writer) = std::io::pipe().unwrap();
    let epoll = raw::Epoll::new().unwrap();
    epoll.add(reader.as_raw_fd(), EPOLLIN).unwrap();
    kinds.push(stirred("epoll instance", epoll, move || {
        writer.write_all(b"x").unwrap();
        (reader, writer)
    }));
    kinds.push(lasting("closed number", &closed(), ()));
    kinds
}

/// One of each.
pub(crate) fn all() -> Vec<Kind> {
    pipes()
        .into_iter()
        .chain(sockets())
        .chain(others())
        .collect()
}
