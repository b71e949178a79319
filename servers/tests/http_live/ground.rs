//! A server of one router, and a client that says exactly what it is told to say.

use greenroom_servers::http::{Http, Router};
use greenroom_servers::{Concurrency, Running, TcpServer, Totals};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) struct Server(Option<Running>);

impl Server {
    pub(crate) fn start(router: Router) -> Server {
        Server::with(router, Concurrency::default())
    }

    pub(crate) fn with(router: Router, concurrency: Concurrency) -> Server {
        let server = TcpServer::bind("127.0.0.1:0").unwrap();
        let server = server.concurrency(concurrency);
        Server(Some(server.serve_in_background(Http::new(router)).unwrap()))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.as_ref().unwrap().local_addr()
    }

    pub(crate) fn stop(mut self, grace: Duration) -> Totals {
        self.0.take().unwrap().shutdown(grace)
    }

    pub(crate) fn totals(&self) -> Totals {
        self.0.as_ref().unwrap().totals()
    }

    /// Sends a request, and reads the head of its answer.
    pub(crate) fn ask(&self, request: &str) -> (String, BufReader<TcpStream>) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "no head: {head}");
        }
        (head, reader)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.shutdown(Duration::ZERO);
        }
    }
}
