//! `greenroom-serve upper`.

use crate::concurrency::Mode;
use crate::options::{FOR_CLIENTS, Options};
use crate::run::Plan;
use crate::udp;
use clap::Args;
use greenroom_servers::PerProcess;
use greenroom_servers::services::{PORTS, upper};
use std::io;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = PORTS[1];
const IDLE: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
Examples:
  greenroom-serve upper                                   on 127.0.0.1:2008
  greenroom-serve upper --listen 0.0.0.0:7000 --max-clients-per-address 20
  greenroom-serve upper --udp --listen [::]:2008
Try it:
  nc 127.0.0.1 2008                                      type lines; end with Ctrl-C";

/// Sends back what comes, a-z as A-Z
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Upper {
    /// Answers datagrams instead of connections
    #[arg(long, conflicts_with_all = FOR_CLIENTS)]
    pub(crate) udp: bool,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl Upper {
    pub(crate) fn run(&self) -> io::Result<()> {
        let places = self.options.listen_or(PORT);
        if self.udp {
            return udp::serve_each(&self.options, &places, upper::datagram);
        }
        let plan = Plan {
            options: &self.options,
            places: &places,
            idle: IDLE,
            rejection: b"",
            last_act: Box::new(|| {}),
        };
        match self.options.concurrency {
            Mode::Process => plan.serve(&Arc::new(PerProcess(upper::Upper)), || {}),
            Mode::Here(_) => plan.serve(&Arc::new(upper::Upper), || {}),
        }
    }
}
