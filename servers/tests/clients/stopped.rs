//! A server that is stopped and goes on: what came meanwhile came in time.

use crate::ground::Served;
use crate::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Long enough to get from the connections to the stop, unless the machine is very busy.
const IDLE: Duration = Duration::from_millis(500);

/// A stop finds the server in another place each time: one in fifty used to be a bad one.
const STOPS: u32 = 10;

#[test]
fn clients_of_a_server_that_was_stopped_are_answered() {
    let _watchdog = watchdog();
    let server = Served::start(&["echo", "--idle-timeout", "500ms", "--workers", "1"]);
    let judged = (0..STOPS).filter(|_| stop_and_go_on(&server)).count();
    if judged == 0 {
        println!("the machine is too slow to tell");
    }
    server.end();
}

/// `false`: it took too long to tell.
fn stop_and_go_on(server: &Served) -> bool {
    let begun = Instant::now();
    let mut clients: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    let greeted = clients.iter_mut().all(|client| {
        client.write_all(b"x").unwrap();
        matches!(client.read(&mut [0; 8]), Ok(1))
    });
    // Not all of it: the server sees this one, and is stopped at work.
    clients[0].write_all(b"x").unwrap();
    server.signal("STOP");
    let in_time = greeted && begun.elapsed() < IDLE / 2;
    // In time, as far as anybody can tell; but all limits pass before the server runs again.
    for client in &mut clients[1..] {
        let _ = client.write_all(b"x");
    }
    std::thread::sleep(IDLE + Duration::from_millis(100));
    server.signal("CONT");
    if in_time {
        for client in &mut clients {
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 1);
        }
    }
    in_time
}
