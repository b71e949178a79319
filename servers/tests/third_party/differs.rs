//! What a foreign crate sees otherwise over greenroom than over std, and why.
//!
//! Each is a test, so that it is noticed when it changes. All of them come from what std keeps to
//! itself.

use crate::ground::on_every_ground;
use greenroom::net::{TcpListener, TcpStream};
use std::io::{BufWriter, IoSlice, Read, Write};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
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
