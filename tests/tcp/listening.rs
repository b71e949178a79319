//! Accepting: several acceptors, clones, modes, addresses.

use super::ground::{Ground, on_both};
use greenroom::net::{TcpListener, TcpStream};
use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CONNECTIONS: usize = 200;

/// Accepts in the manner of a server until it is told to stop by an empty connection.
fn serve(listener: &TcpListener, served: &AtomicUsize) {
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        let mut byte = [0];
        if stream.read(&mut byte).unwrap() == 0 {
            return;
        }
        served.fetch_add(1, Ordering::Relaxed);
        stream.write_all(&byte).unwrap();
    }
}

/// Connects, in bursts of four, to acceptors that run elsewhere; then stops `acceptors` of them.
fn visit(addr: greenroom::net::SocketAddr, acceptors: usize) {
    for _ in 0..CONNECTIONS / 4 {
        let mut burst: Vec<_> = (0..4).map(|_| TcpStream::connect(addr).unwrap()).collect();
        burst
            .iter_mut()
            .for_each(|stream| stream.write_all(b"x").unwrap());
        burst
            .iter_mut()
            .for_each(|stream| stream.read_exact(&mut [0]).unwrap());
    }
    for _ in 0..acceptors {
        // Each acceptor returns at the first empty connection it sees.
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.shutdown(greenroom::net::Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn two_acceptors_on_one_listener_miss_no_connection() {
    on_both(|ground| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let served = Arc::new(AtomicUsize::new(0));
        let acceptors: Vec<_> = (0..2)
            .map(|_| {
                let (listener, served) = (Arc::clone(&listener), Arc::clone(&served));
                ground.spawn(move || serve(&listener, &served))
            })
            .collect();
        visit(listener.local_addr().unwrap(), 2);
        acceptors.into_iter().for_each(|acceptor| acceptor.join());
        assert_eq!(served.load(Ordering::Relaxed), CONNECTIONS);
    });
}

#[test]
fn acceptors_on_green_and_os_threads_and_clones_miss_no_connection() {
    Ground::Green.run(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let served = Arc::new(AtomicUsize::new(0));
        let grounds = [Ground::Green, Ground::Os, Ground::Green];
        let acceptors = grounds.map(|ground| {
            let listener = listener.try_clone().unwrap();
            let served = Arc::clone(&served);
            ground.spawn(move || serve(&listener, &served))
        });
        visit(listener.local_addr().unwrap(), acceptors.len());
        acceptors.into_iter().for_each(|acceptor| acceptor.join());
        assert_eq!(served.load(Ordering::Relaxed), CONNECTIONS);
    });
}

#[test]
fn clone_turned_into_std_leaves_its_siblings_able_to_park() {
    Ground::Green.run(|ground| {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let addr = listener.local_addr().unwrap();
        let acceptors: Vec<_> = (0..8)
            .map(|_| {
                let listener = Arc::clone(&listener);
                ground.spawn(move || drop(listener.accept().unwrap()))
            })
            .collect();
        ground.settle();
        let given_away = listener.try_clone().unwrap().into_std();
        // Each connection wakes all who still wait. One that blocked its OS thread in accept, instead
        // of finding nothing, would keep this task from connecting again.
        for _ in &acceptors {
            TcpStream::connect(addr).unwrap();
            ground.settle();
        }
        acceptors.into_iter().for_each(|acceptor| acceptor.join());
        drop(given_away);
    });
}

#[test]
fn nonblocking_accept_would_block_until_somebody_calls() {
    on_both(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let clone = listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        for listener in [&listener, &clone] {
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        clone.accept().unwrap();
        clone.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.accept().unwrap();
    });
}

#[test]
fn nonblocking_stream_would_block_and_reports_partial_writes() {
    on_both(|ground| {
        let (mut stream, mut peer) = super::ground::pair();
        stream.set_nonblocking(true).unwrap();
        for _ in 0..2 {
            assert_eq!(
                stream.read(&mut [0; 8]).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
        }
        let block = vec![7; 32 << 20];
        let queued = stream.write(&block).unwrap();
        assert!(queued > 0 && queued < block.len());
        assert_eq!(
            stream.write(&block).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        // A mode of its clones too, and it can be left again.
        let mut clone = stream.try_clone().unwrap();
        assert_eq!(
            clone.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        stream.set_nonblocking(false).unwrap();
        let reader = ground.spawn(move || clone.read(&mut [0; 8]).unwrap());
        ground.settle();
        peer.write_all(b"abc").unwrap();
        assert_eq!(reader.join(), 3);
    });
}

#[test]
fn incoming_yields_connections_and_their_addresses_agree() {
    on_both(|ground| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let clients = ground.spawn(move || {
            let clients = (0..5).map(|_| TcpStream::connect(addr).unwrap());
            clients.collect::<Vec<_>>()
        });
        let accepted: Vec<_> = listener.incoming().take(5).map(Result::unwrap).collect();
        let theirs: HashSet<_> = clients
            .join()
            .iter()
            .map(|client| client.local_addr().unwrap())
            .collect();
        let ours: HashSet<_> = accepted
            .iter()
            .map(|stream| stream.peer_addr().unwrap())
            .collect();
        assert_eq!(ours, theirs);
    });
}

#[test]
fn bind_of_an_address_in_use_is_refused() {
    on_both(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        assert_eq!(
            TcpListener::bind(addr).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
    });
}

#[test]
fn ipv6_addresses_work_where_there_are_any() {
    on_both(|_| {
        // A machine without IPv6 loopback has nothing to test.
        let Ok(listener) = TcpListener::bind("[::1]:0") else {
            return;
        };
        let addr = listener.local_addr().unwrap();
        assert!(addr.is_ipv6());
        let mut client = TcpStream::connect(addr).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        client.write_all(b"six").unwrap();
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 3);
    });
}

#[test]
fn clones_of_a_std_listener_are_one_listener() {
    on_both(|ground| {
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = std.local_addr().unwrap();
        let [first, second] = [(), ()].map(|()| TcpListener::from(std.try_clone().unwrap()));
        // The second came when the file was non-blocking already, by our doing, not by its user's.
        let acceptor = ground.spawn(move || drop(second.accept().unwrap()));
        ground.settle();
        assert!(!acceptor.is_finished());
        // Nor does the first to go take the flag along that the other needs.
        drop(first);
        TcpStream::connect(addr).unwrap();
        acceptor.join();
        let client = TcpStream::connect(addr).unwrap();
        assert_eq!(std.accept().unwrap().1, client.local_addr().unwrap());
        let waiter = std::thread::spawn(move || drop(std.accept().unwrap()));
        ground.settle();
        assert!(
            !waiter.is_finished(),
            "blocking again, since no handle of ours is left"
        );
        TcpStream::connect(addr).unwrap();
        waiter.join().unwrap();
    });
}

/// A clone that has accepted once and is kept, or dropped, must not be the one that hears of the
/// others' connections (as it would if listeners were watched exclusively).
#[test]
fn clone_that_accepted_once_does_not_swallow_the_others_connections() {
    for workers in [1, 2] {
        let runtime = greenroom::Runtime::builder().workers(workers).build();
        runtime.unwrap().run(|| {
            let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
            let addr = listener.local_addr().unwrap();
            let clone = listener.try_clone().unwrap();
            let visit = move || std::net::TcpStream::connect(addr).unwrap();
            let accept_on = |listener: Arc<TcpListener>| {
                let acceptor = greenroom::thread::spawn(move || drop(listener.accept().unwrap()));
                Ground::Green.settle();
                acceptor
            };
            let clone = Arc::new(clone);
            let first = accept_on(Arc::clone(&clone));
            let mut visitors = vec![greenroom::unblock(visit)];
            first.join().unwrap();

            let second = accept_on(Arc::clone(&listener));
            visitors.push(greenroom::unblock(visit));
            let heard = second.join_timeout(Duration::from_secs(10));
            assert!(heard.is_ok(), "{workers} workers, the clone is kept");

            let third = accept_on(Arc::clone(&listener));
            drop(clone);
            visitors.push(greenroom::unblock(visit));
            let heard = third.join_timeout(Duration::from_secs(10));
            assert!(heard.is_ok(), "{workers} workers, the clone is dropped");
        });
    }
}

/// The mode of a listener's open file is ours. A copy of the descriptor that sets it must not block a worker.
#[test]
fn copy_of_a_listener_that_is_made_blocking_blocks_nobody() {
    use std::os::fd::AsFd;
    on_both(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let copy = listener.as_fd().try_clone_to_owned().unwrap();
        let copy = std::net::TcpListener::from(copy);
        for _ in 0..2 {
            copy.set_nonblocking(false).unwrap();
            let outcome = greenroom::timeout(Duration::from_millis(5), || listener.accept());
            assert!(outcome.is_err());
        }
    });
}

/// A connection that was accepted and not begun holds a descriptor, and is served by nobody.
#[test]
fn accept_in_a_loop_that_spawns_does_not_outrun_what_it_spawns() {
    // Fewer than an acceptor's budget, and than a backlog.
    const CROWD: usize = 100;
    Ground::Green.run(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let connect = |_| std::net::TcpStream::connect(addr).unwrap();
        let _crowd: Vec<_> = (0..CROWD).map(connect).collect();
        let (begun, mut ahead_max) = (Arc::new(AtomicUsize::new(0)), 0);
        for accepted in 0..CROWD {
            drop(listener.accept().unwrap());
            ahead_max = ahead_max.max(accepted - begun.load(Ordering::SeqCst));
            let begun = Arc::clone(&begun);
            greenroom::thread::spawn(move || begun.fetch_add(1, Ordering::SeqCst));
        }
        assert!(ahead_max <= 32, "{ahead_max} of {CROWD}");
    });
}
