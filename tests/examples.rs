//! Every example as a reader runs it: what it prints against the Output block of its header, servers against
//! their clients and Python's.
//!
//! One file per chapter of the notes in `tests/examples/`, and what they share in `run`. The examples of all
//! members are run from here. Python's part is left out, with a line that says so, where there is no `python3`.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "examples/application_http.rs"]
mod application_http;
#[path = "examples/bad_uploads.rs"]
mod bad_uploads;
#[path = "examples/chat_program.rs"]
mod chat_program;
#[path = "support/child.rs"]
mod child;
#[path = "examples/coroutines.rs"]
mod coroutines;
#[path = "examples/framing.rs"]
mod framing;
#[path = "examples/framing_hostile.rs"]
mod framing_hostile;
#[path = "examples/framing_upload.rs"]
mod framing_upload;
#[path = "support/installed.rs"]
mod installed;
#[path = "support/kill.rs"]
mod kill;
#[path = "examples/multiplexing.rs"]
mod multiplexing;
#[path = "examples/multiplexing_peers.rs"]
mod multiplexing_peers;
#[path = "examples/queues.rs"]
mod queues;
#[path = "examples/remote_command.rs"]
mod remote_command;
#[path = "examples/run.rs"]
mod run;
#[path = "examples/socket.rs"]
mod socket;
#[path = "examples/socket_chat.rs"]
mod socket_chat;
#[path = "examples/socket_chat_hostile.rs"]
mod socket_chat_hostile;
#[path = "examples/socket_trouble.rs"]
mod socket_trouble;
#[path = "examples/socketserver.rs"]
mod socketserver;
#[path = "examples/struct_pack.rs"]
mod struct_pack;
#[path = "support/talk.rs"]
mod talk;
#[path = "examples/threads.rs"]
mod threads;
#[path = "support/watchdog.rs"]
mod watchdog;
