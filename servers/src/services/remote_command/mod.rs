//! Runs commands for clients: output, errors and exit status come back as one framed answer.
//!
//! A command is a frame of UTF-8 text. The answer is a frame with a JSON [`Head`] and two frames, stdout and
//! stderr; or a frame `{"error": "…"}`, after which the next command may come. When the stream is out of step
//! (a length that lies), the error is the last frame.
//!
//! A program of the allow-list runs without a shell, its arguments split at whitespace. `allowing_any` gives
//! every line to `sh -c`. Whoever connects may run commands as this user: only clients of this machine are
//! served, unless [`RemoteCommand::open_to_others`] says otherwise.

mod allowed;
mod head;
mod run;
mod service;

pub use allowed::command;
pub use head::Head;
pub use run::{Report, RunLimits, run};
pub use service::{ALLOWED, OfficeLimits, RemoteCommand};
