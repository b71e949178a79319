//! The only code of others that a chat runs is the program's logger. It may panic, in the middle of a client's life:
//! what that held is free again, and only that client is gone. And it may ask the chat.

use crate::talker::Ground;
use crate::watchdog::watchdog;
use greenroom_servers::Limits;
use greenroom_servers::chat::{Chat, ChatLimits};
use log::{LevelFilter, Log, Metadata, Record};
use std::sync::{Once, OnceLock};

static CHAT: OnceLock<Chat> = OnceLock::new();

struct Touchy;

impl Log for Touchy {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        assert!(!text.ends_with("is now boom"), "told to");
        if text == "sluggard reads too slowly: dropped" {
            CHAT.get().unwrap().announce("told by the logger");
        }
    }

    fn flush(&self) {}
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Touchy).unwrap();
        log::set_max_level(LevelFilter::Info);
    });
}

#[test]
fn logger_may_talk_to_the_chat_that_it_is_told_of() {
    let _watchdog = watchdog();
    install();
    let limits = ChatLimits {
        outbox_bytes_max: 8192,
        ..ChatLimits::default()
    };
    let ground = Ground::new(2, limits, Limits::default());
    CHAT.set(ground.chat.clone()).unwrap();
    let sluggard = ground.talker("sluggard");
    socket2::SockRef::from(&sluggard.stream)
        .set_recv_buffer_size(4096)
        .unwrap();
    let mut ada = ground.talker("ada");
    let text = "x".repeat(400);
    loop {
        ada.say(&text);
        if ada.next() != format!("ada: {text}") {
            break;
        }
    }
    while ada.next() != "* told by the logger" {}
}

#[test]
fn panic_frees_the_name_and_ends_that_client_only() {
    let _watchdog = watchdog();
    install();
    Ground::each(|ground| {
        let mut ada = ground.talker("ada");
        let mut bob = ground.talker("bob");
        ada.hear("* bob joins lobby");
        for _ in 0..3 {
            bob.say("/nick boom");
            ada.hear("* bob is now boom");
            // What was on its way to him may be lost.
            while !bob.next().is_empty() {}
            ada.hear("* boom leaves");
            ground.until_members(1);
            bob = ground.talker("bob");
            ada.hear("* bob joins lobby");
        }
        ada.say("hello");
        bob.hear("ada: hello");
        drop((ada, bob));
        assert_eq!(
            ground.shutdown(std::time::Duration::from_secs(10)).panics,
            3
        );
    });
}
