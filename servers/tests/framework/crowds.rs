//! Two thousand clients at a time.

use crate::ground::*;
use crate::watchdog::watchdog;
use greenroom_servers::{Concurrency, TcpServer};
use std::io::Write;

const CLIENTS: usize = 2000;

#[test]
fn two_thousand_clients_are_served_at_the_same_time() {
    let _watchdog = watchdog();
    for (mode, workers) in [
        (Concurrency::GreenThread, 1),
        (Concurrency::GreenThread, 2),
        (Concurrency::Pool(CLIENTS), 2),
    ] {
        let runtime = greenroom::Runtime::builder()
            .workers(workers)
            .build()
            .unwrap();
        runtime.run(|| {
            let server = TcpServer::bind("127.0.0.1:0").unwrap().concurrency(mode);
            let server = Live::Tcp(server.limits(generous()).serve_in_background(obey).unwrap());
            let streams: Vec<_> = (0..CLIENTS).map(|_| server.connect()).collect();
            for stream in &streams {
                assert_eq!(byte(stream), b'!');
            }
            assert_eq!(server.totals().open, CLIENTS as u64);
            for stream in &streams {
                (&*stream).write_all(b"x").unwrap();
            }
            for stream in &streams {
                assert_eq!(byte(stream), b'x');
            }
            let (going, staying) = streams.split_at(CLIENTS / 2);
            for stream in going {
                (&*stream).write_all(b"q").unwrap();
            }
            until(|| server.totals().open == staying.len() as u64);
            let totals = server.shutdown(SHORT);
            assert_eq!((totals.accepted, totals.open), (CLIENTS as u64, 0));
            assert_eq!(totals.cut_off, staying.len() as u64);
            assert_eq!(totals.errors, 0);
        });
    }
}
