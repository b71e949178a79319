//! The FTP server and client as strangers meet them: raw sockets, curl, lftp, Python's ftplib, bad servers.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../tests/support/child.rs"]
mod child;
#[path = "../../tests/support/fuzz_cases.rs"]
mod fuzz_cases;
#[path = "../../tests/support/installed.rs"]
mod installed;
#[path = "../../tests/support/kill.rs"]
mod kill;
#[path = "../../tests/support/talk.rs"]
mod talk;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;

#[path = "ftp/bad_servers.rs"]
mod bad_servers;
#[path = "ftp/clients.rs"]
mod clients;
#[path = "ftp/crowd.rs"]
mod crowd;
#[path = "ftp/doors.rs"]
mod doors;
#[path = "ftp/ground.rs"]
mod ground;
#[path = "ftp/jail.rs"]
mod jail;
#[path = "ftp/manners.rs"]
mod manners;
#[path = "ftp/nonsense.rs"]
mod nonsense;
#[path = "ftp/ours.rs"]
mod ours;
#[path = "ftp/programs.rs"]
mod programs;
#[path = "ftp/table.rs"]
mod table;
#[path = "ftp/transfers.rs"]
mod transfers;

/// The examples that `programs` runs.
const SERVER_PROGRAM: &str = "ftp_server";
const CLIENT_PROGRAM: &str = "ftp_client";
