//! Pipes between processes.

use crate::watch;
use greenroom_servers::multiprocessing::{Connection, Process, pipe};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    values_of_any_size_go_both_ways,
    end_of_a_killed_process_is_named,
    end_of_a_process_that_returned_comes_after_its_messages,
    time_out_takes_nothing,
    waits_with_a_time_out_hold_up_no_worker,
    message_beyond_the_limit_is_an_error_and_harms_nothing,
    connection_goes_through_a_connection,
    connection_is_moved,
    cancelled_receivers_lose_nothing,
];

fn echo(peer: Connection<String, String>) {
    while let Ok(text) = peer.recv() {
        if peer.send(&text).is_err() {
            break;
        }
    }
}

fn values_of_any_size_go_both_ways() {
    let (ours, theirs) = pipe::<String, String>().unwrap();
    let process = Process::spawn(echo, theirs).unwrap();
    for size in [0, 1, 100, 65_536, 10 << 20] {
        let text = "x".repeat(size);
        ours.send(&text).unwrap();
        assert!(ours.recv().unwrap() == text, "{size}");
    }
    drop(ours);
    assert!(process.join().success());
}

fn end_of_a_killed_process_is_named() {
    let (ours, theirs) = pipe::<String, String>().unwrap();
    let process = Process::spawn(echo, theirs).unwrap();
    watch::kill(process.pid(), "KILL");
    let expected = format!(
        "{} (pid {}) was killed by signal 9",
        process.name(),
        process.pid()
    );
    let error = ours.recv().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains(&expected), "{error}");
    let error = ours.send(&"anybody?".to_owned()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert!(error.to_string().contains(&expected), "{error}");
}

fn end_of_a_process_that_returned_comes_after_its_messages() {
    fn count(to: Connection<u32, ()>) {
        for number in 0..100 {
            to.send(&number).unwrap();
        }
    }
    let (ours, theirs) = pipe::<(), u32>().unwrap();
    let process = Process::spawn(count, theirs).unwrap();
    process.join();
    for number in 0..100 {
        assert_eq!(ours.recv().unwrap(), number);
    }
    let error = ours.recv().unwrap_err().to_string();
    assert!(error.contains("exited with code 0"), "{error}");
}

fn time_out_takes_nothing() {
    let (ours, theirs) = pipe::<u8, u8>().unwrap();
    let error = ours.recv_timeout(Duration::from_millis(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    theirs.send(&5).unwrap();
    assert_eq!(ours.recv_timeout(Duration::ZERO).unwrap(), 5);
}

fn waits_with_a_time_out_hold_up_no_worker() {
    let pipes: Vec<_> = (0..64).map(|_| pipe::<u8, u8>().unwrap()).collect();
    let (near, far): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
    let long = Duration::from_secs(60);
    let wait = |end: Connection<u8, u8>| {
        greenroom::thread::spawn(move || (end.poll(long).unwrap(), end.recv_timeout(long).unwrap()))
    };
    // More of them than there are workers.
    let waiting: Vec<_> = near.into_iter().map(wait).collect();
    let begun = Instant::now();
    let sender = greenroom::thread::spawn(move || {
        for end in &far {
            end.send(&7).unwrap();
        }
        far
    });
    for thread in waiting {
        assert_eq!(thread.join().unwrap(), (true, 7));
    }
    assert!(begun.elapsed() < long);
    drop(sender.join());
}

fn message_beyond_the_limit_is_an_error_and_harms_nothing() {
    let (ours, theirs) = pipe::<String, String>().unwrap();
    let error = ours.send(&"x".repeat((256 << 20) + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("at most 268435456"), "{error}");
    ours.send(&"short".to_owned()).unwrap();
    assert_eq!(theirs.recv().unwrap(), "short");
}

fn connection_goes_through_a_connection() {
    type Inner = Connection<String, String>;
    fn serve(from: Connection<(), Inner>) {
        while let Ok(inner) = from.recv() {
            inner.send(&"hello".to_owned()).unwrap();
        }
    }
    let (ours, theirs) = pipe::<Inner, ()>().unwrap();
    let process = Process::spawn(serve, theirs).unwrap();
    for _ in 0..10 {
        let (near, far) = pipe::<String, String>().unwrap();
        ours.send(&far).unwrap();
        drop(far);
        assert_eq!(near.recv().unwrap(), "hello");
        assert_eq!(near.recv().unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
    drop(ours);
    process.join();
}

fn connection_is_moved() {
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let process = Process::spawn(|peer: Connection<(), ()>| drop(peer.recv()), theirs).unwrap();
    assert_eq!(process.join_timeout(Duration::from_millis(5)), None);
    // The copy in the child is the only one, so this is its end.
    drop(ours);
    process.join();
}

fn cancelled_receivers_lose_nothing() {
    fn count(to: Connection<u32, ()>) {
        for number in 0..2000 {
            to.send(&number).unwrap();
        }
    }
    let (ours, theirs) = pipe::<(), u32>().unwrap();
    let process = Process::spawn(count, theirs).unwrap();
    let mut next = 0;
    let mut short = 0;
    while next < 2000 {
        short = (short + 7) % 300;
        let wait = Duration::from_micros(short);
        if let Ok(number) = greenroom::timeout(wait, || ours.recv().unwrap()) {
            assert_eq!(number, next);
            next += 1;
        }
    }
    process.join();
}
