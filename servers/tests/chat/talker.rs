//! A chat on a runtime of its own, and clients that are plain sockets of OS threads.

use greenroom::Runtime;
use greenroom_servers::chat::{Chat, ChatLimits};
use greenroom_servers::{Limits, Running, TcpServer, Totals};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// For anything that should come at once.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Ground {
    pub(crate) runtime: Runtime,
    pub(crate) chat: Chat,
    running: Option<Running>,
    pub(crate) address: SocketAddr,
}

impl Ground {
    pub(crate) fn new(workers: usize, limits: ChatLimits, bounds: Limits) -> Ground {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let chat = Chat::new(limits);
        let handler = chat.clone();
        let running = runtime.run(move || {
            let server = TcpServer::bind("127.0.0.1:0").unwrap().limits(bounds);
            server.serve_in_background(handler).unwrap()
        });
        Ground {
            address: running.local_addr(),
            runtime,
            chat,
            running: Some(running),
        }
    }

    pub(crate) fn usual(workers: usize) -> Ground {
        Ground::new(workers, ChatLimits::default(), Limits::default())
    }

    /// On one worker and on two.
    pub(crate) fn each(test: impl Fn(&mut Ground)) {
        for workers in [1, 2] {
            test(&mut Ground::usual(workers));
        }
    }

    pub(crate) fn shutdown(&mut self, grace: Duration) -> Totals {
        let running = self.running.take().unwrap();
        self.runtime.run(move || running.shutdown(grace))
    }

    /// Somebody who has connected and said nothing.
    pub(crate) fn stranger(&self) -> Talker {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Talker { stream, reader }
    }

    /// Somebody in the lobby, who has heard of his own coming.
    pub(crate) fn talker(&self, name: &str) -> Talker {
        let mut talker = self.stranger();
        talker.hear("* welcome: what is your name?");
        talker.say(name);
        talker.hear(&format!("* {name} joins lobby"));
        talker
    }

    /// Waits until so many have a name.
    #[track_caller]
    pub(crate) fn until_members(&self, count: usize) {
        until(|| self.chat.totals().members == count);
    }
}

#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "waited in vain");
        std::thread::yield_now();
    }
}

pub(crate) struct Talker {
    pub(crate) stream: TcpStream,
    pub(crate) reader: BufReader<TcpStream>,
}

impl Talker {
    pub(crate) fn say(&mut self, line: &str) {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// The next line; empty at the end.
    pub(crate) fn next(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end_matches('\n').to_owned()
    }

    #[track_caller]
    pub(crate) fn hear(&mut self, line: &str) {
        assert_eq!(self.next(), line);
    }

    #[track_caller]
    pub(crate) fn hear_end(&mut self) {
        self.hear("");
    }
}
