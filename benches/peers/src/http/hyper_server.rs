//! hyper 1 on tokio's current-thread runtime, one task per connection.
//!
//! With `pipeline_flush`, all answers to the requests of one read leave by one write.

use crate::BODY;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

pub(crate) fn serve(port: u16) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    // A root future is polled in another way than tasks are.
    runtime.block_on(async { tokio::spawn(accept_all(port)).await? })
}

async fn accept_all(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(talk(stream));
    }
}

/// A client that goes away in the middle is no error here.
async fn talk(stream: TcpStream) {
    let mut settings = http1::Builder::new();
    settings.pipeline_flush(true);
    let connection = settings.serve_connection(TokioIo::new(stream), service_fn(answer));
    drop(connection.await);
}

async fn answer(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(BODY.as_bytes())));
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(CONTENT_TYPE, text);
    Ok(response)
}
