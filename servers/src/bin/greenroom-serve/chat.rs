//! `greenroom-serve chat`.

use crate::count::{MOST, count};
use crate::duration::{Limit, limit};
use crate::options::{FOR_CLIENTS, Options};
use crate::run::{self, Plan};
use crate::udp;
use clap::Args;
use greenroom_servers::chat::{self, ChatLimits, UdpChat, UdpChatLimits};
use greenroom_servers::services::PORTS;
use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = PORTS[2];
/// Most people listen more than they talk.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// For `--forget-after 0`.
const NEVER: Duration = Duration::from_secs(1 << 32);

const EXAMPLES: &str = "\
Examples:
  greenroom-serve chat                                   rooms, on 127.0.0.1:8081
  greenroom-serve chat --listen 0.0.0.0:8081 --idle-timeout 2h
  greenroom-serve chat --udp --max-names 50              an address book and its datagrams
Try it:
  nc 127.0.0.1 8081                                      type a name, then talk; /help tells more
  nc -u 127.0.0.1 8081                                   register ada, to bob hello, list, bye";

/// Lets clients talk: in rooms, or over an address book of datagrams
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Chat {
    /// Passes on datagrams between names instead: register NAME, to NAME TEXT, broadcast TEXT, list, bye
    #[arg(long, conflicts_with_all = FOR_CLIENTS)]
    udp: bool,

    /// Names in the address book of --udp
    #[arg(long, value_name = "N", value_parser = count::<MOST>, default_value = "1000", requires = "udp")]
    max_names: NonZero<usize>,

    /// How long a silent name stays in the address book of --udp
    #[arg(long, value_name = "TIME", value_parser = limit, default_value = "10m", requires = "udp")]
    forget_after: Limit,

    /// Bytes that may wait for a client that reads slowly, before it is dropped
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "262144",
        value_parser = clap::value_parser!(u32).range(4096..=1 << 30),
        conflicts_with = "udp"
    )]
    outbox: u32,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl Chat {
    pub(crate) fn run(&self) -> io::Result<()> {
        match self.udp {
            true => self.run_udp(),
            false => self.run_rooms(),
        }
    }

    fn run_rooms(&self) -> io::Result<()> {
        let chat = chat::Chat::new(ChatLimits {
            outbox_bytes_max: usize::try_from(self.outbox).unwrap_or(usize::MAX),
            ..ChatLimits::default()
        });
        let places = self.options.listen_or(PORT);
        let plan = Plan {
            options: &self.options,
            places: &places,
            idle: IDLE,
            rejection: b"! too many people are here: come back later\n",
            last_act: Box::new(|| {}),
        };
        plan.serve(&Arc::new(chat.clone()), || chat.close())?;
        let totals = chat.totals();
        run::say(format_args!(
            "lines {}, slow readers dropped {}",
            totals.lines, totals.dropped
        ));
        Ok(())
    }

    fn run_udp(&self) -> io::Result<()> {
        let chat = Arc::new(UdpChat::new(UdpChatLimits {
            names_max: self.max_names.get(),
            idle: self.forget_after.0.unwrap_or(NEVER),
            ..UdpChatLimits::default()
        }));
        udp::serve(&self.options, &self.options.listen_or(PORT), &chat)?;
        let totals = chat.totals();
        run::say(format_args!(
            "received {} datagrams, sent {}, refused {}, dropped {}",
            totals.received, totals.sent, totals.refused, totals.dropped
        ));
        Ok(())
    }
}
