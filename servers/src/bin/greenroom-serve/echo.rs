//! `greenroom-serve echo`.

use crate::concurrency::Mode;
use crate::options::{FOR_CLIENTS, Options};
use crate::run::Plan;
use crate::udp;
use clap::Args;
use greenroom_servers::PerProcess;
use greenroom_servers::services::{PORTS, echo};
use std::io;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = PORTS[0];
const IDLE: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
Examples:
  greenroom-serve echo                                   on 127.0.0.1:2007
  greenroom-serve echo --listen 0.0.0.0:7000 --max-clients-per-address 20
  greenroom-serve echo --udp --listen [::]:2007
Try it:
  nc 127.0.0.1 2007                                      type lines; end with Ctrl-C";

/// Sends back what comes
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Echo {
    /// Answers datagrams instead of connections
    #[arg(long, conflicts_with_all = FOR_CLIENTS)]
    pub(crate) udp: bool,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl Echo {
    pub(crate) fn run(&self) -> io::Result<()> {
        let places = self.options.listen_or(PORT);
        if self.udp {
            return udp::serve_each(&self.options, &places, echo::datagram);
        }
        let plan = Plan {
            options: &self.options,
            places: &places,
            idle: IDLE,
            rejection: b"",
            last_act: Box::new(|| {}),
        };
        match self.options.concurrency {
            Mode::Process => plan.serve(&Arc::new(PerProcess(echo::Echo)), || {}),
            Mode::Here(_) => plan.serve(&Arc::new(echo::Echo), || {}),
        }
    }
}
