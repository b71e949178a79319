//! How busy the blocking pool is: a look at each lane, for people and for the inspector.
//!
//! Takes each lane's lock for the time of five reads, like any call that submits a job.

use super::pool_of;
use crate::task::lane::LANES;

/// How busy the blocking pool is; see [`unblock_stats`].
///
/// # Examples
/// ```
/// let stats = greenroom::unblock_stats();
/// for lane in stats.lanes.iter().filter(|lane| lane.queued > 0) {
///     eprintln!("{}: all {} threads are busy", lane.name, lane.threads_max);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnblockStats {
    /// The lanes, each with threads of its own: closures given to [`unblock`](crate::unblock), calls of
    /// files, host names, files that may let a call wait for ever.
    pub lanes: Vec<UnblockLane>,
}

/// One lane of the blocking pool; see [`unblock_stats`].
///
/// # Examples
/// ```
/// let stats = greenroom::unblock_stats();
/// let closures = stats.lanes.iter().find(|lane| lane.name == "unblock").unwrap();
/// assert!(closures.threads <= closures.threads_max);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnblockLane {
    /// What its calls are about: `unblock`, `files`, …
    pub name: &'static str,
    /// Its OS threads, those included that are just being made.
    pub threads: usize,
    /// Of these, how many wait for a job.
    pub idle: usize,
    /// Jobs that wait for a thread.
    pub queued: usize,
    /// Jobs that have begun and not ended.
    pub running: usize,
    /// Most threads that it will ever have.
    pub threads_max: usize,
}

/// How busy the blocking pool is right now. Never parks.
///
/// Each lane is consistent in itself; they are looked at one after the other.
///
/// # Examples
/// ```
/// greenroom::run(|| greenroom::unblock(|| ()));
/// let stats = greenroom::unblock_stats();
/// assert!(stats.lanes.iter().any(|lane| lane.name == "unblock" && lane.threads > 0));
/// ```
pub fn unblock_stats() -> UnblockStats {
    let look = |lane| {
        let load = pool_of(lane).load();
        UnblockLane {
            name: lane.name(),
            threads: load.threads,
            idle: load.idle,
            queued: load.queued,
            running: load.running,
            threads_max: load.threads_max,
        }
    };
    UnblockStats {
        lanes: LANES.map(look).into(),
    }
}
