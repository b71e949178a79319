//! Async crates that bring no runtime, unmodified, on green threads: channels, combinators, WebSockets.
//!
//! Each body runs under `block_on` in green threads of runtimes with one and two workers, and on an OS
//! thread.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use async_tungstenite::{accept_async, client_async, tungstenite::Message};
use futures_util::io::{AsyncReadExt, AsyncWriteExt, copy};
use futures_util::{StreamExt, future, select_biased as select};
use greenroom::future::{AsyncIo, sleep};
use greenroom::net::{TcpListener, TcpStream};
use greenroom::{Runtime, block_on, thread, timeout};
use std::io;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

/// Runs `body` in each place, within a minute.
fn everywhere(body: impl Fn() + Sync) {
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        runtime.run(|| timeout(LONG, &body).unwrap());
    }
    timeout(LONG, &body).unwrap();
}

/// Two ends of a connection.
fn connected() -> io::Result<(AsyncIo<TcpStream>, AsyncIo<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((AsyncIo::new(client), AsyncIo::new(listener.accept()?.0)))
}

#[test]
fn async_channel_between_green_threads() {
    everywhere(|| {
        let (numbers, received) = async_channel::bounded(3);
        let producer = thread::spawn(move || {
            block_on(async {
                for n in 0..1000 {
                    numbers.send(n).await.unwrap();
                }
            });
        });
        let sum = block_on(received.fold(0, |sum, n| async move { sum + n }));
        assert_eq!(sum, 499_500);
        producer.join().unwrap();
    });
}

#[test]
fn both_directions_of_one_connection_at_the_same_time() {
    everywhere(|| {
        let (client, server) = connected().unwrap();
        let echo = thread::spawn(move || {
            let (reading, mut writing) = server.split();
            let count = block_on(copy(reading, &mut writing)).unwrap();
            block_on(writing.close()).unwrap();
            count
        });
        // More than any buffer between the two: whoever only writes never comes back.
        let sent: Vec<u8> = (0..4_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
        let (mut reading, mut writing) = client.split();
        let mut got = Vec::new();
        block_on(async {
            let write = async {
                writing.write_all(&sent).await?;
                writing.close().await
            };
            let (written, read) = future::join(write, reading.read_to_end(&mut got)).await;
            written.and(read.map(drop))
        })
        .unwrap();
        assert!(got == sent);
        assert_eq!(echo.join().unwrap(), sent.len() as u64);
    });
}

#[test]
fn web_socket_over_greenroom_streams() {
    everywhere(|| {
        let (client, server) = connected().unwrap();
        let echo = thread::spawn(move || {
            block_on(async {
                let mut socket = accept_async(server).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() {
                        socket.send(message).await.unwrap();
                    }
                }
            });
        });
        block_on(async {
            let (mut socket, _answer) = client_async("ws://localhost/", client).await.unwrap();
            for text in ["", "hello", &"long ".repeat(50_000)] {
                socket.send(Message::text(text)).await.unwrap();
                assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
            }
            socket.close(None).await.unwrap();
        });
        echo.join().unwrap();
    });
}

#[test]
fn timer_in_a_select_beats_a_silent_stream_which_stays_usable() {
    everywhere(|| {
        let (mut client, mut server) = connected().unwrap();
        block_on(async {
            let mut buf = [0; 8];
            {
                let mut nap =
                    std::pin::pin!(future::FutureExt::fuse(sleep(Duration::from_millis(5))));
                let mut read = future::FutureExt::fuse(client.read(&mut buf));
                select! {
                    () = nap => {}
                    read = read => panic!("read {read:?}"),
                }
            }
            server.write_all(b"after").await.unwrap();
            assert_eq!(client.read(&mut buf).await.unwrap(), 5);
        });
        // And it is the same stream without the wrap.
        let stream = client.into_inner();
        assert!(stream.peer_addr().is_ok());
    });
}

#[test]
fn stream_dropped_while_a_read_is_pending_is_closed() {
    everywhere(|| {
        let (client, mut server) = connected().unwrap();
        {
            let mut client = client;
            let mut buf = [0; 8];
            let outcome = timeout(Duration::from_millis(2), || block_on(client.read(&mut buf)));
            assert!(outcome.is_err());
        }
        let mut rest = Vec::new();
        assert_eq!(block_on(server.read_to_end(&mut rest)).unwrap(), 0);
    });
}

#[test]
fn pipes_unix_streams_and_children_are_async_too() {
    everywhere(|| {
        let (reader, writer) = greenroom::io::pipe().unwrap();
        let (mut reader, mut writer) = (AsyncIo::new(reader), AsyncIo::new(writer));
        let (one, other) = greenroom::os::unix::net::UnixStream::pair().unwrap();
        let (mut one, mut other) = (AsyncIo::new(one), AsyncIo::new(other));
        let sent = vec![7; 300_000];
        let got = block_on(async {
            let send = async {
                writer.write_all(&sent).await.unwrap();
                drop(writer);
            };
            let pass = async {
                copy(&mut reader, &mut one).await.unwrap();
                one.close().await.unwrap();
            };
            let mut got = Vec::new();
            let receive = async { other.read_to_end(&mut got).await.unwrap() };
            future::join3(send, pass, receive).await;
            got
        });
        assert!(got == sent);

        let mut cat = greenroom::process::Command::new("cat")
            .stdin(greenroom::process::Stdio::piped())
            .stdout(greenroom::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = AsyncIo::new(cat.stdin.take().unwrap());
        let mut stdout = AsyncIo::new(cat.stdout.take().unwrap());
        let got = block_on(async {
            let send = async {
                stdin.write_all(&sent).await.unwrap();
                drop(stdin);
            };
            let mut got = Vec::new();
            let receive = async { stdout.read_to_end(&mut got).await.unwrap() };
            future::join(send, receive).await;
            got
        });
        assert!(got == sent);
        assert!(cat.wait().unwrap().success());
    });
}
