//! `greenroom-serve upper`.

use crate::options::Options;
use crate::{run, udp};
use clap::Args;
use greenroom_servers::services::upper;
use std::io;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = 2008;
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
    #[arg(long)]
    udp: bool,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl Upper {
    pub(crate) fn run(&self) -> io::Result<()> {
        let (options, places) = (&self.options, self.options.listen_or(PORT));
        match self.udp {
            true => udp::serve_each(&places, upper::datagram),
            false => run::serve(
                options,
                &places,
                &options.limits(IDLE),
                Arc::new(upper::Upper),
                || {},
            ),
        }
    }
}
