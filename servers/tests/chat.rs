//! The chats among people: some of them slow, rude, or gone.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "chat/loggers.rs"]
mod loggers;
#[path = "chat/rooms.rs"]
mod rooms;
#[path = "chat/slow.rs"]
mod slow;
#[path = "chat/talker.rs"]
mod talker;
#[path = "chat/udp.rs"]
mod udp;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;
