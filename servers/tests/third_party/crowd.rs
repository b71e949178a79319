//! Many connections at once, of four protocols side by side, both ends in this process.
//!
//! Every connection is open before the first byte of a message is sent, so they are open at once; then
//! each is used, and ended properly.

use crate::ground::on_workers;
use crate::talkers::{
    accept_websocket, check_bytes, echo_bytes, gzip_echo, gzip_visit, tls_echo, tls_visit,
    usual_trust, websocket, websocket_echo, websocket_visit,
};
use greenroom::net::{TcpListener, TcpStream, serve};
use greenroom::sync::{Event, WaitGroup};
use greenroom::thread;
use std::io::{Read, Write};
use std::time::Duration;

/// Two descriptors each. Debug builds are slow at cryptography.
const CONNECTIONS: usize = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// What a connection speaks; its first byte says so.
const PROTOCOLS: usize = 4;

const LENGTHS: [usize; 3] = [1, 3_000, 20_000];

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    match usize::from(first[0]) {
        0 => {
            tls_echo(usual_trust().server(stream));
        }
        1 => {
            websocket_echo(accept_websocket(stream));
        }
        2 => {
            gzip_echo(&stream, &stream);
        }
        _ => {
            echo_bytes(&mut stream);
        }
    }
}

/// Opens a connection, waits for all others, uses it.
fn visit(address: std::net::SocketAddr, number: usize, opening: impl FnOnce()) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let protocol = number % PROTOCOLS;
    let first = u8::try_from(protocol).unwrap();
    stream.write_all(&[first]).unwrap();
    match protocol {
        0 => {
            let mut tls = usual_trust().client(stream);
            check_bytes(&mut tls, &[10], number);
            opening();
            tls_visit(tls, &LENGTHS, number);
        }
        1 => {
            let socket = websocket(stream);
            opening();
            websocket_visit(socket, &LENGTHS, number);
        }
        2 => {
            opening();
            gzip_visit(&stream, &stream, 5, number);
        }
        _ => {
            opening();
            check_bytes(&mut stream, &LENGTHS, number);
        }
    }
}

#[test]
fn hundreds_of_connections_of_four_protocols_are_open_at_once() {
    for workers in [1, 2] {
        on_workers(workers, || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let server = serve(listener, |stream, _| answer(stream)).unwrap();
            let address = server.local_addr();
            let (opening, all_are_open) = (&WaitGroup::new(), &Event::new());
            thread::scope(|scope| {
                for number in 0..CONNECTIONS {
                    let is_opening = opening.enter();
                    scope.spawn(move || {
                        visit(address, number, || {
                            drop(is_opening);
                            all_are_open.wait();
                        });
                    });
                }
                opening.wait();
                all_are_open.set();
            });
            let stats = server.finish(Duration::from_secs(20));
            assert_eq!(stats.accepted, CONNECTIONS as u64);
            assert_eq!((stats.panicked, stats.cut_off), (0, 0));
        });
    }
}
