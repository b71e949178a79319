//! `StreamServer` and `DatagramServer`: served, bounded, stopped.

use crate::common::{Flag, is_child, run_as_child, until};
use crate::{LONG, SHORT, everywhere};
use greenroom::gevent::server::{DatagramServer, Spawn, StreamServer};
use greenroom::gevent::socket::{TcpStream, UdpSocket};
use greenroom::gevent::{self, sleep};
use std::io::{Read, Write, copy};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ANY: &str = "127.0.0.1:0";

fn echo(stream: TcpStream) {
    let _ = copy(&mut &stream, &mut &stream);
}

#[track_caller]
fn assert_echoes(client: &mut TcpStream) {
    client.write_all(b"hello").unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
}

#[test]
fn stream_server_serves_until_it_is_stopped_and_again_after() {
    for spawn in [Spawn::Default, Spawn::Pool(2)] {
        everywhere(|| {
            let server = StreamServer::with_spawn(ANY, spawn, |stream, _| echo(stream)).unwrap();
            for _ in 0..2 {
                let own = server.clone();
                let serving = gevent::spawn(move || own.serve_forever().is_ok());
                until(|| server.started());
                assert_echoes(&mut TcpStream::connect(server.address()).unwrap());
                let address = server.address();
                server.stop(LONG);
                assert!(serving.get(true, LONG).unwrap());
                assert!(!server.started() && TcpStream::connect(address).is_err());
            }
        });
    }
}

#[test]
fn stream_server_with_a_pool_serves_so_many_at_a_time() {
    everywhere(|| {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let theirs = (Arc::clone(&now), Arc::clone(&most));
        let server = StreamServer::with_spawn(ANY, Spawn::Pool(2), move |stream, _| {
            let (now, most) = &theirs;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            echo(stream);
            now.fetch_sub(1, Ordering::SeqCst);
        })
        .unwrap();
        server.start().unwrap();
        let address = server.address();
        let clients: Vec<_> = (0..10)
            .map(|_| {
                gevent::spawn(move || {
                    let mut client = TcpStream::connect(address).unwrap();
                    assert_echoes(&mut client);
                    sleep(SHORT / 4);
                })
            })
            .collect();
        gevent::joinall(&clients, LONG, true, None).unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 2);

        let mut held: Vec<_> = (0..2)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        held.iter_mut().for_each(assert_echoes);
        let mut third = TcpStream::connect(address).unwrap();
        third.write_all(b"later").unwrap();
        third.set_read_timeout(Some(SHORT)).unwrap();
        assert!(third.read(&mut [0]).is_err(), "there is no room");
        third.set_read_timeout(None).unwrap();
        drop(held.pop());
        third.read_exact(&mut [0; 5]).unwrap();
        server.stop(SHORT);
        assert_eq!(third.read(&mut [0]).unwrap_or(0), 0, "cut off");
    });
}

#[test]
fn stream_server_that_stops_cancels_handlers_when_the_grace_is_over() {
    for spawn in [Spawn::Default, Spawn::Pool(2)] {
        everywhere(|| {
            let (entered, unwound) = (Flag::default(), Flag::default());
            let (theirs, guard) = (entered.clone(), unwound.clone());
            let server = StreamServer::with_spawn(ANY, spawn, move |stream, _| {
                let _unwound = guard.on_drop();
                theirs.raise();
                echo(stream);
            })
            .unwrap();
            server.start().unwrap();
            let _client = TcpStream::connect(server.address()).unwrap();
            until(|| entered.is_up());
            server.stop(SHORT);
            assert!(unwound.is_up());
        });
    }
}

#[test]
fn stream_server_outlives_a_handler_that_panics() {
    for spawn in [Spawn::Default, Spawn::Pool(1)] {
        everywhere(|| {
            let server = StreamServer::with_spawn(ANY, spawn, |mut stream, _| {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                assert_ne!(byte, *b"!", "told to panic");
                stream.write_all(&byte).unwrap();
            })
            .unwrap();
            server.start().unwrap();
            for (sent, answer) in [(b"!", ""), (b"a", "a")] {
                let mut client = TcpStream::connect(server.address()).unwrap();
                client.write_all(sent).unwrap();
                let mut text = String::new();
                client.read_to_string(&mut text).unwrap();
                assert_eq!(text, answer);
            }
            server.stop(None);
        });
    }
}

#[test]
fn server_started_twice_goes_on_as_it_was() {
    for spawn in [Spawn::Default, Spawn::Pool(2)] {
        everywhere(|| {
            let server = StreamServer::with_spawn(ANY, spawn, |stream, _| echo(stream)).unwrap();
            server.start().unwrap();
            let address = server.address();
            let mut client = TcpStream::connect(address).unwrap();
            assert_echoes(&mut client);
            server.start().unwrap();
            assert_eq!(server.address(), address);
            assert_echoes(&mut client);
            drop(client);
            server.stop(None);
            server.stop(None);

            let datagrams = DatagramServer::with_spawn(ANY, spawn, |_, _, _| ()).unwrap();
            datagrams.start().unwrap();
            let address = datagrams.address();
            datagrams.start().unwrap();
            assert_eq!(datagrams.address(), address);
            datagrams.stop(None);
        });
    }
}

#[test]
fn server_started_by_many_at_once_runs_once() {
    everywhere(|| {
        for spawn in [Spawn::Default, Spawn::Pool(2)] {
            let server = StreamServer::with_spawn(ANY, spawn, |stream, _| echo(stream)).unwrap();
            let starts: Vec<_> = (0..4)
                .map(|_| {
                    let server = server.clone();
                    gevent::spawn(move || server.start().is_ok())
                })
                .collect();
            assert!(starts.iter().all(|start| start.get(true, LONG).unwrap()));
            assert_echoes(&mut TcpStream::connect(server.address()).unwrap());
            server.stop(LONG);
            assert!(!server.started());
        }
    });
}

#[test]
fn handler_is_named_after_its_server() {
    for spawn in [Spawn::Default, Spawn::Pool(2)] {
        everywhere(|| {
            let name = || gevent::getcurrent().name().map(str::to_owned).unwrap();
            let server = StreamServer::with_spawn(ANY, spawn, move |mut stream, _| {
                let _ = stream.write_all(name().as_bytes());
            })
            .unwrap();
            server.start().unwrap();
            let mut text = String::new();
            let mut client = TcpStream::connect(server.address()).unwrap();
            client.read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("handler of {}", server.address()));
            server.stop(None);

            let datagrams = DatagramServer::with_spawn(ANY, spawn, move |socket, _, peer| {
                socket.send_to(name().as_bytes(), peer).unwrap();
            })
            .unwrap();
            datagrams.start().unwrap();
            let client = UdpSocket::bind(ANY).unwrap();
            client.send_to(b"?", datagrams.address()).unwrap();
            let mut answer = [0; 100];
            let length = client.recv(&mut answer).unwrap();
            let expected = format!("handler of {}", datagrams.address());
            assert_eq!(answer[..length], *expected.as_bytes());
            datagrams.stop(None);
        });
    }
}

#[test]
fn datagram_server_answers_each_and_stops() {
    for spawn in [Spawn::Default, Spawn::Pool(1)] {
        everywhere(|| {
            let server = DatagramServer::with_spawn(ANY, spawn, |socket, data, peer| {
                socket.send_to(&data, peer).unwrap();
            })
            .unwrap();
            let own = server.clone();
            let serving = gevent::spawn(move || own.serve_forever().is_ok());
            until(|| server.started());
            let client = UdpSocket::bind(ANY).unwrap();
            for length in [0, 5, 1400] {
                let data = vec![7; length];
                client.send_to(&data, server.address()).unwrap();
                let mut answer = vec![0; 2000];
                assert_eq!(client.recv(&mut answer).unwrap(), length);
                assert_eq!(answer[..length], data);
            }
            server.stop(None);
            assert!(serving.get(true, LONG).unwrap());
        });
    }
}

#[test]
fn serve_forever_killed_stops_accepting_and_leaves_connections() {
    for spawn in [Spawn::Default, Spawn::Pool(2)] {
        everywhere(|| {
            let server = StreamServer::with_spawn(ANY, spawn, |stream, _| echo(stream)).unwrap();
            let own = server.clone();
            let serving = gevent::spawn(move || own.serve_forever().is_ok());
            until(|| server.started());
            let address = server.address();
            let mut client = TcpStream::connect(address).unwrap();
            assert_echoes(&mut client);
            assert!(serving.kill(true, LONG));
            until(|| TcpStream::connect(address).is_err());
            assert!(!server.started());
            assert_echoes(&mut client);
        });
    }
}

#[test]
fn handler_stops_its_server_by_a_greenlet() {
    for spawn in [Spawn::Default, Spawn::Pool(2)] {
        everywhere(|| {
            let own: Arc<std::sync::OnceLock<StreamServer>> = Arc::default();
            let theirs = Arc::clone(&own);
            let server = StreamServer::with_spawn(ANY, spawn, move |_, _| {
                let server = theirs.get().unwrap().clone();
                gevent::spawn(move || server.stop(LONG));
            })
            .unwrap();
            own.set(server.clone()).unwrap();
            server.start().unwrap();
            let _client = TcpStream::connect(server.address()).unwrap();
            until(|| !server.started());
        });
    }
}

/// A handler of each that panics, served once.
fn panic_in_handlers() {
    for spawn in [Spawn::Default, Spawn::Pool(1)] {
        let server = StreamServer::with_spawn(ANY, spawn, |_, _| panic!("told to")).unwrap();
        server.start().unwrap();
        println!(
            "'handler of {}' (spawned at tests/gevent/",
            server.address()
        );
        // Its stream is dropped when the panic has been reported.
        let mut client = TcpStream::connect(server.address()).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
        server.stop(LONG);
    }
}

#[test]
fn panic_in_a_handler_is_reported_by_its_server_and_where_that_was_made() {
    if is_child() {
        return panic_in_handlers();
    }
    let child = run_as_child(
        "servers::panic_in_a_handler_is_reported_by_its_server_and_where_that_was_made",
    );
    let report = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{report}");
    let output = String::from_utf8_lossy(&child.stdout);
    let expected: Vec<_> = output
        .lines()
        .filter_map(|line| line.find("'handler").map(|at| &line[at..]))
        .collect();
    assert_eq!(expected.len(), 2, "{output}");
    for expected in expected {
        assert!(report.contains(expected), "{expected}: {report}");
    }
}
