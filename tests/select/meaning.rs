//! What a select promises: one winner, fairness, places that are switched off, and what bodies may do.

use crate::common::{
    FOREVER, Rt, SHORT, everywhere, let_others_run, on_every_runtime, on_private_runtimes, text,
    until, watchdog,
};
use crate::kinds::{assert_deserted, shown};
use greenroom::net::TcpListener;
use greenroom::queue::{PriorityQueue, Queue, ShutDown};
use greenroom::select::Select;
use greenroom::thread::{spawn, spawn_local};
use greenroom::{select, timeout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Expected count 10,000 of 30,000; the bounds are a hundred standard deviations away.
const ROUNDS: usize = 30_000;

fn assert_fair(wins: &[usize], low_percent: usize, high_percent: usize) {
    let rounds: usize = wins.iter().sum();
    for &count in wins {
        let percent = count * 100 / rounds;
        assert!((low_percent..=high_percent).contains(&percent), "{wins:?}");
    }
}

#[test]
fn three_ready_arms_win_equally_often() {
    everywhere(|| {
        let queues: [Queue<()>; 3] = Default::default();
        queues.iter().for_each(|queue| queue.put(()).unwrap());
        let mut wins = [0; 3];
        for _ in 0..ROUNDS {
            let winner = select! {
                recv(queues[0]) -> _ => 0,
                recv(queues[1]) -> _ => 1,
                recv(queues[2]) -> _ => 2,
            };
            wins[winner] += 1;
            queues[winner].put(()).unwrap();
        }
        assert_fair(&wins, 20, 47);
    });
}

#[test]
fn ready_neighbours_among_many_arms_win_about_equally_often() {
    everywhere(|| {
        for (ready, low, high) in [(2, 40, 60), (3, 20, 47)] {
            let queues: Vec<Queue<()>> = (0..24).map(|_| Queue::unbounded()).collect();
            queues[..ready]
                .iter()
                .for_each(|queue| queue.put(()).unwrap());
            let mut wins = vec![0; ready];
            for _ in 0..ROUNDS / 3 {
                let mut select = Select::new();
                for (number, queue) in queues.iter().enumerate() {
                    select.recv(queue, move |_| number);
                }
                let winner = select.wait();
                wins[winner] += 1;
                queues[winner].put(()).unwrap();
            }
            assert_fair(&wins, low, high);
        }
    });
}

#[test]
fn biased_select_takes_the_first_ready_arm() {
    everywhere(|| {
        let (off, first, second) = (Queue::unbounded(), Queue::unbounded(), Queue::unbounded());
        (0..100).for_each(|item| first.put(item).unwrap());
        (0..100).for_each(|item| second.put(item).unwrap());
        for round in 0..200 {
            let winner = select! {
                biased;
                recv(off) -> item => item.map(|()| 0),
                recv(first) -> item => item.map(|_| 1),
                recv(second) -> item => item.map(|_| 2),
            };
            assert_eq!(winner, Ok(if round < 100 { 1 } else { 2 }));
        }
    });
}

#[test]
fn only_the_winner_consumes_and_a_lost_send_keeps_its_item() {
    everywhere(|| {
        let (one, two, sink) = (Queue::unbounded(), Queue::unbounded(), Queue::bounded(1));
        for item in 0..200 {
            one.put(item).unwrap();
            two.put(item).unwrap();
            let mut place = Some(item);
            let before = (one.len() + two.len(), sink.len());
            select! {
                recv(one) -> item => assert!(item.is_ok()),
                recv(two) -> item => assert!(item.is_ok()),
                send(sink, place) -> sent => assert_eq!(sent, Ok(())),
            }
            let received = before.0 - one.len() - two.len();
            let sent = sink.len() - before.1;
            assert_eq!(received + sent, 1, "exactly one arm has an effect");
            assert_eq!(place, (sent == 0).then_some(item));
            sink.try_iter().for_each(drop);
        }
    });
}

#[test]
fn none_switches_a_send_off_also_on_a_queue_that_was_shut_down() {
    everywhere(|| {
        let (sink, shut) = (Queue::<u8>::unbounded(), Queue::<u8>::unbounded());
        shut.shutdown();
        let (mut nothing, mut never) = (None, None);
        let is_default = select! {
            send(sink, nothing) => false,
            send(shut, never) => false,
            default => true,
        };
        assert!(is_default);
        let is_late = select! {
            send(sink, nothing) => false,
            send(shut, never) => false,
            after(Duration::from_millis(1)) => true,
        };
        assert!(is_late);
        assert!(sink.is_empty());
    });
}

#[test]
fn refused_send_gives_its_item_back_once() {
    everywhere(|| {
        let item = Rc::new(());
        let shut = Queue::unbounded();
        shut.shutdown();
        let mut place = Some(item.clone());
        select! { send(shut, place) -> sent => assert!(matches!(sent, Err(ShutDown(_)))) }
        assert!(place.is_none());
        assert_eq!(Rc::strong_count(&item), 1);
    });
}

#[test]
fn arms_on_one_queue_take_one_item_and_do_not_meet_each_other() {
    on_every_runtime(|| {
        for capacity in [0, 1] {
            let queue = Arc::new(Queue::bounded(capacity));
            let mut place = Some(1);
            // With room the send goes into it; without any, it must not be its own partner.
            let sent = select! {
                biased;
                recv(queue) -> item => unreachable!("it received {item:?} from itself"),
                recv(queue) -> item => unreachable!("it received {item:?} from itself"),
                send(queue, place) -> sent => { sent.unwrap(); true },
                after(Duration::from_millis(1)) => false,
            };
            assert_eq!(sent, capacity == 1);
            assert_eq!(place.is_some(), capacity == 0);
            assert_deserted(&queue);
            assert_eq!(queue.try_iter().count(), capacity);
            let waiter = spawn({
                let queue = queue.clone();
                move || {
                    select! {
                        recv(queue) -> item => item,
                        recv(queue) -> item => item,
                        recv(queue) -> item => item,
                    }
                }
            });
            // Three nodes of one select: the first that is given to decides.
            until(|| shown(&queue, "getters") == Some(3));
            queue.put(2).unwrap();
            assert_eq!(waiter.join().unwrap(), Ok(2));
            assert_deserted(&queue);
            assert!(queue.is_empty());
        }
    });
}

#[test]
fn withdrawn_select_leaves_no_trace() {
    everywhere(|| {
        let (empty, full) = (Queue::<u8>::unbounded(), Queue::bounded(1));
        full.put(1).unwrap();
        let mut place = Some(2);
        let outcome = timeout(SHORT, || {
            select! {
                recv(empty) => (),
                send(full, place) => (),
            }
        });
        assert!(outcome.is_err());
        assert_deserted(&empty);
        assert_deserted(&full);
        assert_eq!(place, Some(2));
        // Whoever comes later finds no stale partner.
        empty.put(3).unwrap();
        assert_eq!((empty.get(), full.get()), (Ok(3), Ok(1)));
        assert!(full.is_empty());
    });
}

fn first_even(queue: &Queue<u32>, stop: &Queue<()>) -> Result<Option<u32>, ShutDown> {
    let mut odd = 0;
    loop {
        select! {
            biased;
            recv(queue) -> item => {
                let item = item?;
                if item % 2 == 1 {
                    odd += 1;
                    continue;
                }
                if item == 0 {
                    break;
                }
                return Ok(Some(item + odd));
            }
            recv(stop) -> _ => break,
        }
    }
    Ok(None)
}

#[test]
fn bodies_may_continue_break_return_and_propagate() {
    everywhere(|| {
        let (queue, stop) = (Queue::unbounded(), Queue::unbounded());
        [1, 3, 10, 0]
            .into_iter()
            .for_each(|item| queue.put(item).unwrap());
        assert_eq!(first_even(&queue, &stop), Ok(Some(12)));
        assert_eq!(first_even(&queue, &stop), Ok(None));
        stop.put(()).unwrap();
        assert_eq!(first_even(&queue, &stop), Ok(None));
        queue.shutdown();
        assert_eq!(first_even(&queue, &stop), Err(ShutDown(())));
    });
}

#[test]
fn twenty_four_arms_and_a_default_fit() {
    everywhere(|| {
        let queues: Vec<Queue<usize>> = (0..24).map(|_| Queue::unbounded()).collect();
        let q = |number: usize| &queues[number];
        let choose = || {
            select! {
                recv(q(0)) -> item => item, recv(q(1)) -> item => item, recv(q(2)) -> item => item,
                recv(q(3)) -> item => item, recv(q(4)) -> item => item, recv(q(5)) -> item => item,
                recv(q(6)) -> item => item, recv(q(7)) -> item => item, recv(q(8)) -> item => item,
                recv(q(9)) -> item => item, recv(q(10)) -> item => item, recv(q(11)) -> item => item,
                recv(q(12)) -> item => item, recv(q(13)) -> item => item, recv(q(14)) -> item => item,
                recv(q(15)) -> item => item, recv(q(16)) -> item => item, recv(q(17)) -> item => item,
                recv(q(18)) -> item => item, recv(q(19)) -> item => item, recv(q(20)) -> item => item,
                recv(q(21)) -> item => item, recv(q(22)) -> item => item, recv(q(23)) -> item => item,
                default => Err(ShutDown(())),
            }
        };
        assert!(choose().is_err());
        for number in 0..24 {
            q(number).put(number).unwrap();
            assert_eq!(choose(), Ok(number));
        }
    });
}

#[test]
fn builder_takes_none_one_and_a_thousand_arms() {
    everywhere(|| {
        let none = Select::<()>::new();
        let refused = catch_unwind(AssertUnwindSafe(|| none.wait())).unwrap_err();
        assert_eq!(
            text(refused.as_ref()),
            "a select without arms would wait for ever"
        );
        assert_eq!(Select::<()>::new().try_wait(), None);
        assert_eq!(Select::<()>::new().wait_timeout(SHORT), None);

        let one = Queue::unbounded();
        one.put(1).unwrap();
        let mut select = Select::new().biased();
        select.recv(&one, |item| item);
        assert_eq!((select.len(), select.wait()), (1, Ok(1)));

        let many: Vec<Queue<u8>> = (0..1000).map(|_| Queue::unbounded()).collect();
        let build = || {
            let mut select = Select::new();
            for (number, queue) in many.iter().enumerate() {
                select.recv(queue, move |item| (number, item));
            }
            select
        };
        assert_eq!(build().try_wait(), None);
        assert_eq!(build().wait_timeout(Duration::ZERO), None);
        assert_eq!(build().wait_timeout(SHORT), None);
        many.iter().for_each(assert_deserted);
        many[777].put(7).unwrap();
        assert_eq!(build().wait_timeout(Duration::MAX), Some((777, Ok(7))));
    });
}

#[test]
fn thousand_arms_are_woken_by_one_of_them() {
    on_every_runtime(|| {
        let many: Arc<Vec<Queue<u8>>> = Arc::new((0..1000).map(|_| Queue::unbounded()).collect());
        let waiter = spawn({
            let many = many.clone();
            move || {
                let mut select = Select::new();
                for (number, queue) in many.iter().enumerate() {
                    select.recv(queue, move |item| (number, item));
                }
                select.wait()
            }
        });
        until(|| shown(&many[999], "getters") == Some(1));
        many[500].put(5).unwrap();
        assert_eq!(waiter.join().unwrap(), (500, Ok(5)));
        many.iter().for_each(assert_deserted);
    });
}

/// Selects while it is dropped.
struct Last<'a>(&'a Queue<u8>, &'a Queue<u8>);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        let (from, to) = (self.0, self.1);
        let mut place = select! {
            recv(from) -> item => item.ok(),
            after(SHORT) => Some(0),
        };
        select! { send(to, place) -> sent => sent.unwrap() }
    }
}

#[test]
fn select_in_a_destructor_works_while_a_panic_or_a_cancel_unwinds() {
    on_private_runtimes(|| {
        let queues = Arc::new((Queue::unbounded(), Queue::unbounded()));
        let (from, to) = &*queues;
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let _last = Last(from, to);
            panic!("expected by the test");
        }));
        assert_eq!(text(panics.unwrap_err().as_ref()), "expected by the test");
        assert_eq!(to.get(), Ok(0), "nothing came in time");

        let cancelled = spawn({
            let queues = queues.clone();
            move || {
                let last = Last(&queues.0, &queues.1);
                let never = Queue::<u8>::unbounded();
                greenroom::shield(|| queues.0.get()).unwrap();
                let _ = select! { recv(never) -> item => item, after(FOREVER) => Ok(1) };
                drop(last);
            }
        });
        until(|| shown(from, "getters") == Some(1));
        cancelled.cancel();
        from.put(1).unwrap();
        assert!(cancelled.join().is_err());
        assert_deserted(from);
    });
}

#[test]
fn readiness_that_another_took_first_does_not_win() {
    let _watchdog = watchdog();
    // On one worker, so that whoever waits first runs first.
    Rt::with_workers(1).run(|| {
        let listener = Rc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let stop = Rc::new(Queue::unbounded());
        let taker = spawn_local({
            let listener = listener.clone();
            move || listener.accept().unwrap()
        });
        let_others_run();
        let selecting = spawn_local({
            let (listener, stop) = (listener.clone(), stop.clone());
            move || {
                select! {
                    readable(listener) -> result => result.map(|()| "readable").unwrap(),
                    recv(stop) -> _ => "stopped",
                }
            }
        });
        until(|| shown(&*stop, "getters") == Some(1));
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_stream, _) = taker.join().unwrap();
        let_others_run();
        assert!(!selecting.is_finished(), "the connection was another's");
        stop.put(()).unwrap();
        assert_eq!(selecting.join().unwrap(), "stopped");
        assert_deserted(&*stop);
    });
}

#[test]
fn earliest_of_several_times_wins_and_zero_is_at_once() {
    everywhere(|| {
        let start = Instant::now();
        let winner = select! {
            after(FOREVER) => 0,
            after(Duration::from_millis(2)) => 1,
            at(start + FOREVER) => 2,
            after(Duration::MAX) => 3,
        };
        assert_eq!(winner, 1);
        assert!(start.elapsed() >= Duration::from_millis(2));
        let is_now = select! { after(Duration::ZERO) => true, default => false };
        assert!(is_now);
        let is_past = select! { at(start) => true, default => false };
        assert!(is_past);
    });
}

#[test]
fn priority_queues_and_pointers_may_stand_in_arms() {
    everywhere(|| {
        let queue = Rc::new(PriorityQueue::unbounded());
        [3, 1, 2]
            .into_iter()
            .for_each(|item| queue.put(item).unwrap());
        let boxed = Box::new(queue.clone());
        let items: Vec<i32> = (0..3)
            .map(|_| select! { recv(boxed) -> item => item, recv(&queue) -> item => item })
            .map(Result::unwrap)
            .collect();
        assert_eq!(items, [1, 2, 3]);
    });
}

/// Names that stand in the user's code mean nothing to the macro.
#[test]
fn names_of_the_users_do_not_get_in_the_macros_way() {
    #[expect(non_upper_case_globals, reason = "as a user might write")]
    const a: u8 = 1;
    #[expect(non_upper_case_globals, reason = "as a user might write")]
    static b: u8 = 2;
    let queue = Queue::unbounded();
    queue.put(3).expect("open");
    let sum = select! {
        recv(queue) -> Ok(_) | Err(_) => 3,
        default => 0,
    };
    assert_eq!(sum + a + b, 6);
}
