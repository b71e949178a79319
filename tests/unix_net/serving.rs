//! `serve` on Unix sockets.

use crate::common::{FOREVER, Rt, watchdog};
use greenroom::net::serve;
use greenroom::os::unix::net::{UnixListener, UnixStream};
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn unix_clients_are_all_served_on_every_worker() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let listener = UnixListener::bind("").unwrap();
            let server = serve(listener, |mut stream, _| {
                let mut text = [0; 5];
                stream.read_exact(&mut text).unwrap();
                stream.write_all(&text).unwrap();
            })
            .unwrap();
            let address = server.local_addr();
            greenroom::thread::scope(|scope| {
                for _ in 0..100 {
                    scope.spawn(|| {
                        let mut stream = UnixStream::connect_addr(&address).unwrap();
                        stream.write_all(b"hello").unwrap();
                        let mut text = String::new();
                        stream.read_to_string(&mut text).unwrap();
                        assert_eq!(text, "hello");
                    });
                }
            });
            let stats = server.finish(FOREVER);
            assert_eq!((stats.accepted, stats.open, stats.cut_off), (100, 0, 0));
            assert!(UnixStream::connect_addr(&address).is_err());
        });
    }
}

#[test]
fn unix_client_that_stays_is_cut_off_after_the_grace() {
    let _watchdog = watchdog();
    Rt::with_workers(2).run(|| {
        let server = serve(UnixListener::bind("").unwrap(), |mut stream, _| {
            let _ = stream.write_all(b"!");
            let _ = stream.read(&mut [0]);
        })
        .unwrap();
        let mut stream = UnixStream::connect_addr(&server.local_addr()).unwrap();
        stream.read_exact(&mut [0]).unwrap();
        let stats = server.finish(Duration::ZERO);
        assert_eq!((stats.accepted, stats.open, stats.cut_off), (1, 0, 1));
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    });
}
