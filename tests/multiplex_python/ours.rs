//! Greenroom's side: the same objects, driven on a green thread or on an OS thread.

use crate::common::Rt;
use crate::steps::{Change, Look, Object, Verb};
use greenroom::multiplex::{Epoll, EpollFlags, Poll, PollFlags, select};
use greenroom::selectors::{DefaultSelector, Events, SelectorKey};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Number, events, data (zero where there is none).
pub(crate) type Event = (RawFd, u32, u8);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// In the words of `peer.py`: `os 9`, `key`, `value`.
    Refused(String),
    Lists([Vec<RawFd>; 3]),
    Events(Vec<Event>),
}

/// Where greenroom's calls are made.
pub(crate) enum Place {
    OsThread,
    Workers(Rt),
}

impl Place {
    pub(crate) fn start<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (tell, told) = mpsc::channel();
        let body = move || drop(tell.send(body()));
        match self {
            Place::OsThread => drop(std::thread::spawn(body)),
            Place::Workers(rt) => drop(rt.spawn(body)),
        }
        told
    }

    pub(crate) fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        match self {
            Place::OsThread => body(),
            Place::Workers(rt) => rt.run(body),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Ours {
    poll: Arc<Poll>,
    epolls: [Arc<Epoll>; 2],
    selector: Arc<DefaultSelector<u8>>,
}

/// Greenroom's words for Python's: `KeyError` is `NotFound` and `AlreadyExists`, `ValueError` is
/// `InvalidInput`.
fn refused(error: &io::Error) -> Answer {
    Answer::Refused(match (error.raw_os_error(), error.kind()) {
        (Some(number), _) => format!("os {number}"),
        (None, ErrorKind::InvalidInput) => "value".to_owned(),
        (None, ErrorKind::NotFound | ErrorKind::AlreadyExists) => "key".to_owned(),
        (None, _) => format!("{error:?}"),
    })
}

fn done(result: io::Result<Vec<Event>>) -> Answer {
    result.map_or_else(|error| refused(&error), Answer::Events)
}

fn of_key(key: &SelectorKey<u8>) -> Event {
    (key.fd, u32::from(key.events.bits()), key.data)
}

impl Ours {
    pub(crate) fn new() -> Ours {
        Ours {
            poll: Arc::new(Poll::new()),
            epolls: [(); 2].map(|()| Arc::new(Epoll::new().unwrap())),
            selector: Arc::new(DefaultSelector::new().unwrap()),
        }
    }

    pub(crate) fn renew(&mut self, object: Object) {
        let new = Ours::new();
        match object {
            Object::Poll => self.poll = new.poll,
            Object::Epoll(which) => self.epolls[which] = Arc::clone(&new.epolls[which]),
            Object::Selector => self.selector = new.selector,
        }
    }

    /// `change` with the number itself for what it asks for.
    pub(crate) fn change(&self, change: Change) -> Answer {
        let Change {
            verb,
            ask: fd,
            bits,
            data,
            ..
        } = change;
        match change.object {
            Object::Poll => {
                let flags = PollFlags::from_bits(u16::try_from(bits).unwrap().cast_signed());
                let result = match verb {
                    // Documented: this one panics.
                    Verb::Register if fd < 0 => Err(ErrorKind::InvalidInput.into()),
                    Verb::Register => {
                        self.poll.register(&fd, flags);
                        Ok(())
                    }
                    // Python's `OSError` with `ENOENT`, where it has `KeyError` for `unregister`.
                    Verb::Modify => self.poll.modify(&fd, flags).map_err(|error| {
                        let is_unknown = error.kind() == ErrorKind::NotFound;
                        if is_unknown {
                            io::Error::from_raw_os_error(libc::ENOENT)
                        } else {
                            error
                        }
                    }),
                    _ => self
                        .poll
                        .unregister(&fd)
                        .map_err(|error| match error.kind() {
                            ErrorKind::NotFound => ErrorKind::NotFound.into(),
                            _ => error,
                        }),
                };
                done(result.map(|()| Vec::new()))
            }
            Object::Epoll(which) => {
                let epoll = &self.epolls[which];
                let flags = EpollFlags::from_bits(bits);
                let result = match verb {
                    Verb::Register => epoll.register(&fd, flags),
                    Verb::Modify => epoll.modify(&fd, flags),
                    _ => epoll.unregister(&fd),
                };
                done(result.map(|()| Vec::new()))
            }
            Object::Selector => {
                let events = Events::from_bits(u8::try_from(bits).unwrap());
                let key = match verb {
                    Verb::Register => self.selector.register(&fd, events, data),
                    Verb::Modify => self.selector.modify(&fd, events, data),
                    Verb::Unregister => self.selector.unregister(&fd),
                    Verb::Get => self.selector.get_key(&fd),
                    Verb::Map => {
                        let map = self.selector.get_map();
                        return Answer::Events(map.values().map(|key| of_key(key)).collect());
                    }
                };
                done(key.map(|key| vec![of_key(&key)]))
            }
        }
    }

    /// `look` with the numbers themselves for what it asks for.
    pub(crate) fn look(&self, look: &Look, timeout: Option<Duration>) -> Answer {
        match look {
            Look::Select([r, w, x], _) => match select(r, w, x, timeout) {
                Ok((r, w, x)) => {
                    Answer::Lists([r, w, x].map(|list| list.into_iter().copied().collect()))
                }
                Err(error) => refused(&error),
            },
            Look::Of(Object::Poll) => done(self.poll.poll(timeout).map(|events| {
                let event = |(fd, flags): (RawFd, PollFlags)| {
                    (fd, u32::from(flags.bits().cast_unsigned()), 0)
                };
                events.into_iter().map(event).collect()
            })),
            Look::Of(Object::Epoll(which)) => self.epoll(*which, timeout, None),
            Look::Some(which, most) => self.epoll(*which, timeout, Some(*most)),
            Look::Of(Object::Selector) => done(self.selector.select(timeout).map(|ready| {
                let event = |(key, events): (Arc<SelectorKey<u8>>, Events)| {
                    (key.fd, u32::from(events.bits()), key.data)
                };
                ready.into_iter().map(event).collect()
            })),
        }
    }

    fn epoll(&self, which: usize, timeout: Option<Duration>, most: Option<usize>) -> Answer {
        done(self.epolls[which].poll(timeout, most).map(|events| {
            let event = |(fd, flags): (RawFd, EpollFlags)| (fd, flags.bits(), 0);
            events.into_iter().map(event).collect()
        }))
    }
}
