//! `SIGPIPE` as std has it: a write that nobody will read is an error, unless the host asked to die.

use crate::child::Running;
use crate::reexec::{role, this_test};
use crate::watchdog::watchdog;
use greenroom::Runtime;
use greenroom::net::{TcpListener, TcpStream};
use std::io::{ErrorKind, Write};
use std::os::unix::process::ExitStatusExt;

/// Writes to a connection whose other end has gone until that fails.
fn write_to_a_closed_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(listener.accept().unwrap());
    let error = loop {
        if let Err(error) = stream.write(&[1; 4096]) {
            break error;
        }
    };
    let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    assert!(gone.contains(&error.kind()), "{error}");
    let again = stream.write(&[1]).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::BrokenPipe);
}

fn write_to_a_closed_pipe() {
    let (reader, mut writer) = greenroom::io::pipe().unwrap();
    drop(reader);
    assert_eq!(
        writer.write(&[1]).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

fn on_green_threads(test: fn()) {
    for workers in [1, 2] {
        Runtime::builder()
            .workers(workers)
            .build()
            .unwrap()
            .run(test);
    }
}

#[test]
fn write_without_a_reader_is_an_error() {
    let _watchdog = watchdog();
    for test in [write_to_a_closed_socket, write_to_a_closed_pipe] {
        test();
        on_green_threads(test);
    }
}

#[test]
fn default_action_kills_from_os_threads_by_pipes_only() {
    let test = "pipe::default_action_kills_from_os_threads_by_pipes_only";
    if role().is_none() {
        let _watchdog = watchdog();
        let mut child = Running::start(&mut this_test(test, "alone", ""));
        child.line("green threads live");
        assert_eq!(child.end().status.signal(), Some(libc::SIGPIPE));
        return;
    }
    #[expect(unsafe_code, reason = "a host that wants to die of SIGPIPE")]
    // SAFETY: the default action is a valid one.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL)
    };
    write_to_a_closed_socket();
    on_green_threads(write_to_a_closed_socket);
    on_green_threads(write_to_a_closed_pipe);
    println!("green threads live");
    write_to_a_closed_pipe();
    unreachable!("SIGPIPE kills");
}
