//! What a foreign crate sees otherwise over greenroom than over std, and why.
//!
//! Each is a test, so that it is noticed when it changes. All of them come from what std keeps to
//! itself, or from options that were set past the type that mirrors them.

use crate::ground::on_every_ground;
use greenroom::net::{TcpListener, TcpStream};
use socket2::SockRef;
use std::io::{BufWriter, ErrorKind, IoSlice, Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(5);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// A wait looks at greenroom's copy of mode and time-outs, not at the kernel's, which would be a system
/// call more for each. The type's own methods set both; so does adopting the socket anew.
#[test]
fn mode_and_timeouts_set_past_the_type_count_once_it_is_adopted_anew() {
    on_every_ground(|ground| {
        let settings: [fn(&TcpStream); 2] = [
            |stream| SockRef::from(stream).set_nonblocking(true).unwrap(),
            |stream| SockRef::from(stream).set_read_timeout(Some(SHORT)).unwrap(),
        ];
        for set in settings {
            let (mut client, mut server) = pair();
            set(&client);
            let reading = ground.spawn(move || {
                client.read_exact(&mut [0; 1]).unwrap();
                client
            });
            // Time to get into its wait, and for the kernel's time-out to pass.
            greenroom::thread::sleep(4 * SHORT);
            server.write_all(b"x").unwrap();
            let client = reading.join();
            let mut client = TcpStream::from(OwnedFd::from(client));
            let error = client.read(&mut [0; 1]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
    });
}

/// Whether a writer takes slices at once is asked by `Write::is_write_vectored`, which is unstable. So
/// a `BufWriter` that must pass them on writes one after the other; `write_vectored` itself takes all.
#[test]
fn slices_larger_than_a_buf_writer_are_written_one_by_one() {
    on_every_ground(|_| {
        let (client, mut server) = pair();
        let pieces = [IoSlice::new(b"abc"), IoSlice::new(b"defgh")];
        assert_eq!((&client).write_vectored(&pieces).unwrap(), 8);
        let mut writer = BufWriter::with_capacity(4, &client);
        assert_eq!(writer.write_vectored(&pieces).unwrap(), 3);
        writer.write_all(b"defgh").unwrap();
        drop(writer);
        let mut received = [0; 16];
        server.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"abcdefghabcdefgh");
    });
}
