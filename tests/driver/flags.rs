//! The flags of an open file belong to its user: seen by whoever shares it, before and after.

use crate::child::{Ended, Running};
use crate::reexec::{role, this_test};
use crate::watchdog::watchdog;
use greenroom::net::{TcpListener, TcpStream};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::Stdio;

/// O_NONBLOCK of an open file, as the kernel prints it: no call that could change it.
fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    const O_NONBLOCK: u32 = 0o4000;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    u32::from_str_radix(flags.unwrap().trim(), 8).unwrap() & O_NONBLOCK != 0
}

const TEST: &str = "flags::flags_of_stdin_and_of_adopted_fds_are_as_before_after_exit";

/// Runs this test's child with `stdin` as its descriptor 0.
fn child_with(role: &str, stdin: impl Into<OwnedFd>) -> Running {
    Running::start(this_test(TEST, role, "").stdin(Stdio::from(stdin.into())))
}

#[test]
fn flags_of_stdin_and_of_adopted_fds_are_as_before_after_exit() {
    let _watchdog = watchdog();
    match role().as_deref() {
        None => {}
        Some("reads") => return child_reads_stdin(),
        Some(role) => return child_adopts(role),
    }
    // Standard input is a pipe that others share: a shell's terminal, as far as flags go.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let child = child_with("reads", reader.try_clone().unwrap());
    writer.write_all(b"a line\n").unwrap();
    drop(writer);
    succeeded(child.end());
    assert!(!is_nonblocking(&reader));

    for nonblocking in [false, true] {
        for role in ["stream", "stream exits"] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(nonblocking).unwrap();
            let child = child_with(role, stream.try_clone().unwrap());
            client.write_all(b"ping").unwrap();
            succeeded(child.end());
            assert_eq!(is_nonblocking(&stream), nonblocking, "{role}");
        }
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(nonblocking).unwrap();
        let child = child_with("listener", listener.try_clone().unwrap());
        let mut text = String::new();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        if !nonblocking {
            client.read_to_string(&mut text).unwrap();
            assert_eq!(text, "hello");
        }
        succeeded(child.end());
        assert_eq!(is_nonblocking(&listener), nonblocking);
    }
}

fn succeeded(ended: Ended) {
    assert!(ended.status.success(), "{ended}");
}

/// Reads standard input the way a program with green threads should.
fn child_reads_stdin() {
    let before = [0, 1, 2].map(|fd| is_nonblocking(&fd));
    let line = greenroom::run(|| {
        greenroom::unblock(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        })
    });
    assert_eq!(line.unwrap(), "a line\n");
    println!("printed by a green thread's program");
    assert_eq!([0, 1, 2].map(|fd| is_nonblocking(&fd)), before);
}

/// Adopts descriptor 0, uses it, and leaves it: by drop, or by the end of the process.
fn child_adopts(role: &str) {
    let own = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let before = is_nonblocking(&own);
    greenroom::run(|| match role {
        "listener" => {
            let listener = TcpListener::from(own);
            let clone = listener.try_clone().unwrap();
            drop(listener);
            match clone.accept() {
                Ok((mut stream, _)) => stream.write_all(b"hello").unwrap(),
                Err(error) => assert!(before, "{error}: only a non-blocking one may refuse"),
            }
            drop(clone);
            assert_eq!(is_nonblocking(&0), before);
        }
        _ => {
            let mut stream = TcpStream::from(own);
            let mut word = [0; 4];
            while let Err(error) = stream.read_exact(&mut word) {
                assert!(before && error.kind() == std::io::ErrorKind::WouldBlock);
            }
            assert_eq!(&word, b"ping");
            assert_eq!(is_nonblocking(&0), before);
            if role == "stream exits" {
                std::process::exit(0);
            }
        }
    });
}
