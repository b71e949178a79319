//! Open loop: messages start at times drawn beforehand, whether or not the server keeps up.
//!
//! Latency counts from the intended start, so a server that stalls is charged for every message
//! that should have started meanwhile (no coordinated omission). Starts are a Poisson process from
//! a fixed seed, spread over the connections in turn; the loop spins, which is why it wants a core
//! of its own.

use super::closed::{DRAIN_NS, Shard};
use super::tally::{Clock, Tally};
use super::tape::Random;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Late starts sent before the replies are looked at again.
const BURST_MAX: usize = 64;

/// Sends `rate` messages per second over `shard`'s active connections until `until_ns`.
pub(crate) fn run(shard: &mut Shard, clock: &Clock, rate: f64, until_ns: u64) -> io::Result<Tally> {
    let mut tally = Tally::new();
    let mut random = Random::new(0x0070_656e);
    let mut started: Vec<VecDeque<u64>> = vec![VecDeque::new(); shard.conns.len()];
    let mut under_way = 0_u64;
    let mut turn = 0;
    let mut due_ns = clock.now_ns();
    loop {
        for _ in 0..BURST_MAX {
            if due_ns >= until_ns || due_ns > clock.now_ns() {
                break;
            }
            let index = shard.active[turn % shard.active.len()];
            turn += 1;
            started[index].push_back(due_ns);
            under_way += 1;
            let conn = &mut shard.conns[index];
            conn.target += shard.size;
            conn.flush(&shard.tape)?;
            due_ns += gap_ns(&mut random, rate);
        }
        let ready = shard.epoll.wait(Some(Duration::ZERO))?;
        for event in 0..ready {
            let event = shard.epoll.event(event);
            let conn = &mut shard.conns[event.token];
            if event.is_readable() {
                tally.bytes += conn.receive(&mut shard.buffer, &shard.tape)?;
                let done = conn.take_complete(shard.size);
                let now_ns = clock.now_ns();
                for due in (0..done).filter_map(|_| started[event.token].pop_front()) {
                    tally.record(now_ns.saturating_sub(due));
                }
                tally.messages += done;
                under_way -= done;
            }
            if event.is_writable() {
                conn.flush(&shard.tape)?;
            }
        }
        let now_ns = clock.now_ns();
        if due_ns >= until_ns && under_way == 0 {
            return Ok(tally);
        }
        if now_ns > until_ns.saturating_add(DRAIN_NS) {
            let text = format!("{under_way} replies are missing");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
    }
}

/// The time to the next start: exponential, so starts are independent of each other.
pub(crate) fn gap_ns(random: &mut Random, rate: f64) -> u64 {
    let gap = Duration::from_secs_f64((-random.unit().ln() / rate).min(1.0));
    u64::from(gap.subsec_nanos()) + gap.as_secs() * 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_add_up_to_the_rate() {
        let mut random = Random::new(1);
        let total_ns: u64 = (0..100_000).map(|_| gap_ns(&mut random, 100_000.0)).sum();
        assert!(
            (990_000_000..1_010_000_000).contains(&total_ns),
            "{total_ns}"
        );
    }
}
