//! A server that is stopped and goes on: what came meanwhile came in time.

use crate::ground::Served;
use crate::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Long enough to get from the greetings to the stop on a busy machine.
const IDLE: Duration = Duration::from_secs(3);

#[test]
fn clients_of_a_server_that_was_stopped_are_answered() {
    let _watchdog = watchdog();
    let server = Served::start(&["echo", "--idle-timeout", "3s", "--workers", "1"]);
    let mut clients: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    let mut ask = |meanwhile: &dyn Fn()| {
        for client in &mut clients {
            client.write_all(b"x").unwrap();
        }
        meanwhile();
        for client in &mut clients {
            assert_eq!(client.read(&mut [0; 8]).unwrap(), 1);
        }
    };
    let greeted = Instant::now();
    ask(&|| {});
    server.signal("STOP");
    if greeted.elapsed() >= IDLE {
        server.signal("CONT");
        println!("the machine is too slow to tell");
        return;
    }
    // In time, as far as anybody can tell; but all limits pass before the server runs again.
    ask(&|| {
        std::thread::sleep(IDLE + Duration::from_millis(200));
        server.signal("CONT");
    });
    drop(clients);
    server.end().0.assert_smooth();
}
