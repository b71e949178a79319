//! The same bodies against `std::sync::mpsc` and greenroom's: what holds of one holds of the other.
//!
//! The types are compared by what they implement and how they print, too.

use crate::common::{Census, everywhere, watchdog};

/// Calls a test once, as std's do.
#[track_caller]
fn once(test: impl Fn()) {
    let _watchdog = watchdog();
    test();
}

macro_rules! same_tests {
    ($name:ident, $mpsc:path, $thread:path, $around:path) => {
        mod $name {
            use super::*;
            use mpsc::{
                IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, Sender,
                SyncSender, TryIter, TryRecvError, TrySendError, channel, sync_channel,
            };
            use std::fmt::Debug;
            use std::panic::{RefUnwindSafe, UnwindSafe};
            use std::time::Duration;
            use $mpsc as mpsc;
            use $thread as thread;

            fn is_send<T: Send>() {}
            fn is_shared<T: Send + Sync + Clone>() {}
            fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
            fn is_iterator<I: Iterator<Item = u8> + Debug>() {}

            #[test]
            fn types_implement_the_same() {
                is_shared::<Sender<u8>>();
                is_shared::<SyncSender<u8>>();
                is_send::<Receiver<u8>>();
                is_send::<Sender<std::cell::Cell<u8>>>();
                is_shared::<Sender<std::cell::Cell<u8>>>();
                is_unwind_safe::<Sender<u8>>();
                is_unwind_safe::<SyncSender<u8>>();
                is_unwind_safe::<Receiver<u8>>();
                is_iterator::<Iter<'_, u8>>();
                is_iterator::<TryIter<'_, u8>>();
                is_iterator::<IntoIter<u8>>();
            }

            #[test]
            fn debug_texts_are_the_same() {
                let (sender, receiver) = channel::<u8>();
                assert_eq!(format!("{sender:?}"), "Sender { .. }");
                assert_eq!(format!("{receiver:?}"), "Receiver { .. }");
                assert_eq!(
                    format!("{:?}", receiver.iter()),
                    "Iter { rx: Receiver { .. } }"
                );
                assert_eq!(
                    format!("{:?}", receiver.try_iter()),
                    "TryIter { rx: Receiver { .. } }"
                );
                assert_eq!(
                    format!("{:?}", receiver.into_iter()),
                    "IntoIter { rx: Receiver { .. } }"
                );
                let (sender, _receiver) = sync_channel::<u8>(0);
                assert_eq!(format!("{sender:?}"), "SyncSender { .. }");
            }

            #[test]
            fn channel_gives_in_order_and_then_disconnects() {
                $around(|| {
                    let (sender, receiver) = channel();
                    let other = sender.clone();
                    sender.send(1).unwrap();
                    other.send(2).unwrap();
                    drop(sender);
                    other.send(3).unwrap();
                    assert_eq!(receiver.recv(), Ok(1));
                    drop(other);
                    assert_eq!(receiver.try_recv(), Ok(2));
                    assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(3));
                    assert_eq!(receiver.recv(), Err(RecvError));
                    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
                    let late = receiver.recv_timeout(Duration::MAX);
                    assert_eq!(late, Err(RecvTimeoutError::Disconnected));
                });
            }

            #[test]
            fn channel_that_is_empty_says_so() {
                $around(|| {
                    let (_sender, receiver) = channel::<u8>();
                    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
                    let late = receiver.recv_timeout(Duration::ZERO);
                    assert_eq!(late, Err(RecvTimeoutError::Timeout));
                    let late = receiver.recv_timeout(Duration::from_millis(1));
                    assert_eq!(late, Err(RecvTimeoutError::Timeout));
                });
            }

            #[test]
            fn send_without_a_receiver_gives_the_value_back() {
                $around(|| {
                    let (sender, receiver) = channel();
                    drop(receiver);
                    assert_eq!(sender.send("kept"), Err(SendError("kept")));
                    for bound in [0, 1] {
                        let (sender, receiver) = sync_channel(bound);
                        drop(receiver);
                        assert_eq!(sender.send("kept"), Err(SendError("kept")));
                        let refused = sender.try_send("kept");
                        assert_eq!(refused, Err(TrySendError::Disconnected("kept")));
                    }
                });
            }

            #[test]
            fn sync_channel_takes_as_many_as_its_bound() {
                $around(|| {
                    for bound in 0..4 {
                        let (sender, receiver) = sync_channel(bound);
                        for number in 0..bound {
                            sender.try_send(number).unwrap();
                        }
                        assert_eq!(sender.try_send(bound), Err(TrySendError::Full(bound)));
                        let sent = receiver.try_iter().collect::<Vec<_>>();
                        assert_eq!(sent, (0..bound).collect::<Vec<_>>());
                    }
                });
            }

            #[test]
            fn sync_sender_waits_for_room() {
                $around(|| {
                    let (sender, receiver) = sync_channel(1);
                    let sending = thread::spawn(move || {
                        for number in 0..100 {
                            sender.send(number).unwrap();
                        }
                    });
                    let all = receiver.iter().collect::<Vec<_>>();
                    assert_eq!(all, (0..100).collect::<Vec<_>>());
                    sending.join().unwrap();
                });
            }

            #[test]
            fn rendezvous_ends_when_the_value_is_taken() {
                $around(|| {
                    let (sender, receiver) = sync_channel(0);
                    let sending = thread::spawn(move || {
                        for number in 0..100 {
                            sender.send(number).unwrap();
                        }
                    });
                    for number in 0..100 {
                        assert_eq!(receiver.recv(), Ok(number));
                    }
                    assert_eq!(receiver.recv(), Err(RecvError));
                    sending.join().unwrap();
                });
            }

            #[test]
            fn blocked_sender_gets_its_value_back_when_the_receiver_goes() {
                $around(|| {
                    for bound in [0, 1] {
                        let (sender, receiver) = sync_channel(bound);
                        for number in 0..bound {
                            sender.send(number).unwrap();
                        }
                        let sending = thread::spawn(move || sender.send(7));
                        drop(receiver);
                        assert_eq!(sending.join().unwrap(), Err(SendError(7)));
                    }
                });
            }

            #[test]
            fn blocked_receiver_ends_when_the_last_sender_goes() {
                $around(|| {
                    let (sender, receiver) = channel::<u8>();
                    let others = (0..3).map(|_| sender.clone()).collect::<Vec<_>>();
                    drop(sender);
                    let receiving = thread::spawn(move || receiver.recv());
                    drop(others);
                    assert_eq!(receiving.join().unwrap(), Err(RecvError));
                });
            }

            #[test]
            fn iterators_end_where_std_ends_them() {
                $around(|| {
                    let (sender, receiver) = channel();
                    sender.send(1).unwrap();
                    sender.send(2).unwrap();
                    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
                    sender.send(3).unwrap();
                    assert_eq!(receiver.iter().next(), Some(3));
                    sender.send(4).unwrap();
                    sender.send(5).unwrap();
                    drop(sender);
                    for number in &receiver {
                        assert_eq!(number, 4);
                        break;
                    }
                    assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [5]);
                });
            }

            #[test]
            fn values_nobody_received_are_dropped_with_the_receiver() {
                $around(|| {
                    let census = Census::default();
                    let (sender, receiver) = channel();
                    (0..3).for_each(|_| sender.send(census.make()).unwrap());
                    drop(receiver);
                    assert_eq!(census.dropped(), 3, "at once, though a sender is left");
                    drop(sender.send(census.make()));
                    assert_eq!(census.dropped(), 4);
                    let (sender, receiver) = sync_channel(2);
                    sender.send(census.make()).unwrap();
                    drop(sender);
                    drop(receiver);
                    assert_eq!((census.made(), census.dropped()), (5, 5));
                });
            }

            #[test]
            fn value_whose_drop_uses_the_channel_is_harmless() {
                struct Sends(Option<SyncSender<Sends>>);
                impl Drop for Sends {
                    fn drop(&mut self) {
                        if let Some(sender) = self.0.take() {
                            assert!(sender.try_send(Sends(None)).is_err());
                        }
                    }
                }
                $around(|| {
                    let (sender, receiver) = sync_channel(2);
                    sender.send(Sends(Some(sender.clone()))).ok().unwrap();
                    drop(receiver);
                });
            }

            #[test]
            fn many_senders_and_their_values_arrive_in_the_order_of_each() {
                $around(|| {
                    let (sender, receiver) = sync_channel(3);
                    let senders = (0..4_usize).map(|name| {
                        let sender = sender.clone();
                        thread::spawn(move || {
                            (0..100).for_each(|number| sender.send((name, number)).unwrap());
                        })
                    });
                    let senders = senders.collect::<Vec<_>>();
                    drop(sender);
                    let mut next = [0; 4];
                    for (name, number) in receiver {
                        assert_eq!(number, next[name]);
                        next[name] += 1;
                    }
                    assert_eq!(next, [100; 4]);
                    for sending in senders {
                        sending.join().unwrap();
                    }
                });
            }
        }
    };
}

same_tests!(std_mpsc, std::sync::mpsc, std::thread, super::once);
same_tests!(
    green_mpsc,
    greenroom::sync::mpsc,
    greenroom::thread,
    super::everywhere
);

#[test]
fn errors_are_stds_own() {
    let error: std::sync::mpsc::SendError<u8> = greenroom::sync::mpsc::SendError(1);
    assert_eq!(error.0, 1);
    let late = greenroom::sync::mpsc::SendTimeoutError::Timeout(1);
    assert_eq!(format!("{late:?}"), "Timeout(..)");
    assert_eq!(late.to_string(), "timed out waiting on send operation");
}
