//! `bench http` and `bench loris`: HTTP servers under wrk and under slow clients.
//!
//! All servers answer `GET /` with the same 13 bytes (`plain`), each on one worker pinned to core 0; the
//! clients have core 1. Who takes part is in `servers`, one run of wrk in `wrk`; `contest` lets all
//! servers take turns. `steady` and `slow` are the two client processes of `bench loris`.

pub(crate) mod contest;
pub(crate) mod file;
pub(crate) mod greenroom;
pub(crate) mod loris;
mod nginx;
pub(crate) mod plain;
pub(crate) mod raw;
mod scratch;
pub(crate) mod servers;
pub(crate) mod slow;
pub(crate) mod steady;
pub(crate) mod wrk;

use crate::machine;

/// The cores of server and clients; none where there is only one.
pub(crate) fn cores() -> [Option<usize>; 2] {
    if machine::cores() > 1 {
        [Some(0), Some(1)]
    } else {
        [None, None]
    }
}
