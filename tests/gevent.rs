//! `greenroom::gevent`: each name used as one who comes from gevent would.
//!
//! One greenlet's life is in `gevent/life.rs`, links in `gevent/links.rs`, waits for many in
//! `gevent/many.rs`, kills by those who end themselves in `gevent/kill.rs`, time-outs and re-exported
//! names in `gevent/names.rs`, servers in `gevent/servers.rs`.

mod common;

#[path = "gevent/kill.rs"]
mod kill;
#[path = "gevent/life.rs"]
mod life;
#[path = "gevent/links.rs"]
mod links;
#[path = "gevent/many.rs"]
mod many;
#[path = "gevent/names.rs"]
mod names;
#[path = "gevent/servers.rs"]
mod servers;

use common::{Rt, watchdog};
use std::time::Duration;

/// Longer than any test may take: a limit that is not meant to be met.
const LONG: Duration = Duration::from_secs(60);

/// A limit that is meant to pass.
const SHORT: Duration = Duration::from_millis(2);

/// Runs `test` as a green thread with 1 and 2 workers, and on an OS thread.
#[track_caller]
fn everywhere(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(&test);
    }
    test();
}
