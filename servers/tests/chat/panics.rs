//! A panic in the middle of a client's life: what it held is free again, and only that client is gone.
//!
//! The only code of others that a chat runs is the program's logger; this one panics when it is told to.

use crate::talker::Ground;
use crate::watchdog::watchdog;
use log::{LevelFilter, Log, Metadata, Record};

struct Touchy;

impl Log for Touchy {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        assert!(!text.ends_with("is now boom"), "told to");
    }

    fn flush(&self) {}
}

#[test]
fn panic_frees_the_name_and_ends_that_client_only() {
    let _watchdog = watchdog();
    log::set_logger(&Touchy).unwrap();
    log::set_max_level(LevelFilter::Info);
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
