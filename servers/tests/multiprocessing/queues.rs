//! Queues, and what a process that is killed leaves of them.

use crate::watch;
use greenroom_servers::multiprocessing::{Builder, Connection, Lock, Process, Queue, pipe};
use std::io::ErrorKind;
use std::time::Duration;

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    items_of_many_processes_arrive_once_each,
    item_on_its_way_to_a_killed_process_is_put_back,
    waiting_processes_that_are_killed_hold_up_nobody,
    empty_queue_of_the_dead_names_the_last_one,
    bounded_queue_holds_up_its_writers_elsewhere,
    time_outs_of_another_process_lose_nothing,
    items_keep_their_order_for_one_process_whose_gets_time_out,
    time_out_of_zero_tries_once_in_another_process,
    closed_queue_is_drained_and_then_an_error,
    queue_is_handed_on_by_a_process,
    descriptors_do_not_go_through_a_queue,
    item_beyond_the_limit_is_an_error_and_harms_nobody,
    huge_items_go_through_a_bounded_queue,
    queue_of_a_dead_process_is_an_error_elsewhere,
    time_outs_while_the_holder_is_stopped_pile_up_no_green_threads,
];

fn items_of_many_processes_arrive_once_each() {
    fn produce((from, to): (u32, Queue<u32>)) {
        for number in from..from + 500 {
            to.put(number).unwrap();
        }
    }
    fn pass((from, to): (Queue<u32>, Queue<u32>)) {
        while let Ok(number) = from.get() {
            to.put(number).unwrap();
        }
    }
    let (first, second) = (Queue::bounded(10), Queue::new());
    let mut processes = Vec::new();
    for part in 0..4 {
        processes.push(Process::spawn(produce, (part * 500, first.clone())).unwrap());
        processes.push(Process::spawn(pass, (first.clone(), second.clone())).unwrap());
    }
    let mut all: Vec<u32> = (0..2000).map(|_| second.get().unwrap()).collect();
    first.close().unwrap();
    for process in processes {
        assert!(process.join().success());
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..2000));
}

fn item_on_its_way_to_a_killed_process_is_put_back() {
    fn take((from, ready): (Queue<u32>, Connection<(), ()>)) {
        ready.send(&()).unwrap();
        let _ = from.get();
        greenroom::thread::park();
    }
    let queue = Queue::new();
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let process = Process::spawn(take, (queue.clone(), theirs)).unwrap();
    ours.recv().unwrap();
    // It cannot say that it has the item.
    watch::kill(process.pid(), "STOP");
    watch::until("it is stopped", || watch::is_stopped(process.pid()));
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    process.kill().unwrap();
    assert_eq!(process.join().code(), -9);
    // It had begun to wait and was lent the first item, or not.
    watch::until("both are here", || queue.qsize().unwrap() == 2);
    assert_eq!((queue.get().unwrap(), queue.get().unwrap()), (1, 2));
}

fn waiting_processes_that_are_killed_hold_up_nobody() {
    fn wait(from: Queue<u32>) {
        drop(from.get());
    }
    fn answer((from, to): (Queue<u32>, Queue<u32>)) {
        while let Ok(number) = from.get() {
            to.put(number + 1).unwrap();
        }
    }
    let (asks, answers) = (Queue::new(), Queue::new());
    let dying: Vec<_> = (0..5)
        .map(|_| Process::spawn(wait, asks.clone()).unwrap())
        .collect();
    let last = Process::spawn(answer, (asks.clone(), answers.clone())).unwrap();
    for process in &dying {
        process.kill().unwrap();
        process.join();
    }
    for number in 0..100 {
        asks.put(number).unwrap();
        assert_eq!(answers.get().unwrap(), number + 1);
    }
    asks.close().unwrap();
    assert!(last.join().success());
}

fn empty_queue_of_the_dead_names_the_last_one() {
    fn put_and_die(to: Queue<u32>) {
        to.put(1).unwrap();
        std::process::exit(7);
    }
    let queue = Queue::new();
    // Nobody had it yet: it waits.
    assert_eq!(
        queue
            .get_timeout(Duration::from_millis(2))
            .unwrap_err()
            .kind(),
        ErrorKind::TimedOut
    );
    let process = Process::spawn(put_and_die, queue.clone()).unwrap();
    assert_eq!(queue.get().unwrap(), 1);
    let error = queue.get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let expected = format!("(pid {}) exited with code 7", process.pid());
    assert!(error.to_string().contains(&expected), "{error}");
}

fn bounded_queue_holds_up_its_writers_elsewhere() {
    fn fill((to, told): (Queue<u32>, Connection<Vec<String>, ()>)) {
        let kind = |result: std::io::Result<()>| format!("{:?}", result.map_err(|e| e.kind()));
        let short = Duration::from_millis(2);
        let all = vec![
            kind(to.try_put(1)),
            kind(to.put_timeout(2, Duration::from_secs(60))),
            kind(to.try_put(3)),
            kind(to.put_timeout(3, short)),
        ];
        assert_eq!((to.qsize().unwrap(), to.is_full().unwrap()), (2, true));
        told.send(&all).unwrap();
        to.put(4).unwrap();
    }
    let queue = Queue::bounded(2);
    let (ours, theirs) = pipe::<(), Vec<String>>().unwrap();
    let process = Process::spawn(fill, (queue.clone(), theirs)).unwrap();
    let told = ours.recv().unwrap();
    assert_eq!(
        told,
        ["Ok(())", "Ok(())", "Err(WouldBlock)", "Err(TimedOut)"]
    );
    assert_eq!(process.join_timeout(Duration::from_millis(5)), None);
    let all: Vec<u32> = (0..3).map(|_| queue.get().unwrap()).collect();
    assert_eq!(all, [1, 2, 4]);
    assert!(process.join().success());
}

fn time_outs_of_another_process_lose_nothing() {
    fn take((from, to): (Queue<u32>, Queue<u32>)) {
        let mut short = 0;
        loop {
            short = (short + 7) % 300;
            match from.get_timeout(Duration::from_micros(short)) {
                Ok(number) => to.put(number).unwrap(),
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                Err(_) => break,
            }
        }
    }
    let (asks, answers) = (Queue::new(), Queue::new());
    let start = |_| Process::spawn(take, (asks.clone(), answers.clone())).unwrap();
    let processes: Vec<_> = (0..2).map(start).collect();
    for number in 0..500 {
        asks.put(number).unwrap();
    }
    let mut all: Vec<u32> = (0..500).map(|_| answers.get().unwrap()).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..500));
    asks.close().unwrap();
    for process in processes {
        assert!(process.join().success());
    }
}

fn items_keep_their_order_for_one_process_whose_gets_time_out() {
    fn take((from, to): (Queue<u32>, Connection<Vec<u32>, ()>)) {
        let mut all = Vec::new();
        let mut short = 0;
        while all.len() < 1000 {
            short = (short + 7) % 400;
            match from.get_timeout(Duration::from_micros(short)) {
                Ok(number) => all.push(number),
                Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut),
            }
        }
        to.send(&all).unwrap();
    }
    let (queue, (ours, theirs)) = (Queue::new(), pipe::<(), Vec<u32>>().unwrap());
    let process = Process::spawn(take, (queue.clone(), theirs)).unwrap();
    for number in 0..1000 {
        queue.put(number).unwrap();
        if number % 3 == 0 {
            greenroom::thread::sleep(Duration::from_micros(u64::from(number % 300)));
        }
    }
    assert!(ours.recv().unwrap().into_iter().eq(0..1000));
    assert!(process.join().success());
}

fn time_out_of_zero_tries_once_in_another_process() {
    fn try_all((queue, lock, told): (Queue<u32>, Lock, Connection<[bool; 4], ()>)) {
        let has_item = queue.get_timeout(Duration::ZERO).is_ok();
        let is_empty = queue.get_timeout(Duration::ZERO).unwrap_err().kind() == ErrorKind::TimedOut;
        let guard = lock.lock_timeout(Duration::ZERO);
        let is_taken = lock.lock_timeout(Duration::ZERO).unwrap_err().kind() == ErrorKind::TimedOut;
        told.send(&[has_item, is_empty, guard.is_ok(), is_taken])
            .unwrap();
    }
    let (ours, theirs) = pipe::<(), [bool; 4]>().unwrap();
    let queue = Queue::new();
    queue.put(1).unwrap();
    let process = Process::spawn(try_all, (queue.clone(), Lock::new(), theirs)).unwrap();
    assert_eq!(ours.recv().unwrap(), [true; 4]);
    assert!(process.join().success());
}

fn closed_queue_is_drained_and_then_an_error() {
    let queue = Queue::new();
    queue.put(1).unwrap();
    queue.close().unwrap();
    assert_eq!(queue.put(2).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(queue.get().unwrap(), 1);
    assert!(queue.get().unwrap_err().to_string().contains("closed"));
}

fn queue_is_handed_on_by_a_process() {
    type Onward = Connection<Queue<String>, ()>;
    fn first((queue, onward): (Queue<String>, Onward)) {
        onward.send(&queue).unwrap();
        queue.put("first".to_owned()).unwrap();
    }
    fn second(from: Connection<(), Queue<String>>) {
        from.recv().unwrap().put("second".to_owned()).unwrap();
    }
    let queue = Queue::new();
    let (left, right) = pipe::<Queue<String>, ()>().unwrap();
    let one = Process::spawn(first, (queue.clone(), left)).unwrap();
    let other = Process::spawn(second, right).unwrap();
    let mut all = [queue.get().unwrap(), queue.get().unwrap()];
    all.sort();
    assert_eq!(all, ["first", "second"]);
    assert!(one.join().success() && other.join().success());
}

fn item_beyond_the_limit_is_an_error_and_harms_nobody() {
    fn pass((from, to): (Queue<String>, Queue<String>)) {
        while let Ok(text) = from.get() {
            to.put(text).unwrap();
        }
    }
    let (asks, answers) = (Queue::new(), Queue::unbounded());
    let process = Process::spawn(pass, (asks.clone(), answers.clone())).unwrap();
    let error = asks.put("x".repeat(256 << 20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("at most 268435392"), "{error}");
    asks.put("short".to_owned()).unwrap();
    assert_eq!(answers.get().unwrap(), "short");
    assert_eq!(answers.len().unwrap(), 0);
    asks.close().unwrap();
    assert!(process.join().success());
}

fn huge_items_go_through_a_bounded_queue() {
    fn fill(to: Queue<String>) {
        for number in 0..6 {
            to.put(number.to_string().repeat(1 << 20)).unwrap();
        }
    }
    let queue = Queue::bounded(1);
    let process = Process::spawn(fill, queue.clone()).unwrap();
    for number in 0..6 {
        assert!(queue.get().unwrap() == number.to_string().repeat(1 << 20));
        assert!(queue.qsize().unwrap() <= 1);
    }
    assert!(process.join().success());
}

/// Makes a queue, and stays.
fn own(to: Connection<Queue<u32>, ()>) {
    to.send(&Queue::new()).unwrap();
    greenroom::thread::park();
}

fn time_outs_while_the_holder_is_stopped_pile_up_no_green_threads() {
    let (ours, theirs) = pipe::<(), Queue<u32>>().unwrap();
    // A daemon, so that a failure does not wait for it.
    let owner = Builder::new().daemon(true).spawn(own, theirs).unwrap();
    let queue = ours.recv().unwrap();
    watch::kill(owner.pid(), "STOP");
    watch::until("it is stopped", || watch::is_stopped(owner.pid()));
    let before = greenroom::stack_stats().in_use;
    for _ in 0..3000 {
        let error = queue.get_timeout(Duration::from_micros(50)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    // Other tests have some.
    let more = greenroom::stack_stats().in_use.saturating_sub(before);
    assert!(more < 1500, "{more}");
    watch::kill(owner.pid(), "CONT");
    queue.put(1).unwrap();
    assert_eq!(queue.get().unwrap(), 1);
    owner.kill().unwrap();
}

fn queue_of_a_dead_process_is_an_error_elsewhere() {
    fn get((queue, told): (Queue<u32>, Connection<String, ()>)) {
        told.send(&String::new()).unwrap();
        let error = queue.get().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        told.send(&error.to_string()).unwrap();
        assert!(queue.put(1).is_err());
    }
    let (ours, theirs) = pipe::<(), Queue<u32>>().unwrap();
    let owner = Process::spawn(own, theirs).unwrap();
    let queue = ours.recv().unwrap();
    let (ours, theirs) = pipe::<(), String>().unwrap();
    let getter = Process::spawn(get, (queue.clone(), theirs)).unwrap();
    assert_eq!(ours.recv().unwrap(), "");
    let here = greenroom::thread::spawn(move || queue.get().unwrap_err().to_string());
    watch::kill(owner.pid(), "KILL");
    for error in [ours.recv().unwrap(), here.join().unwrap()] {
        let expected = "the process that holds the queue is gone";
        assert!(error.contains(expected), "{error}");
    }
    assert!(getter.join().success());
}

fn descriptors_do_not_go_through_a_queue() {
    use greenroom_servers::multiprocessing::Handed;
    let queue = Queue::new();
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = queue.put(Handed::from(file)).unwrap_err();
    assert!(error.to_string().contains("not through a queue"), "{error}");
}
