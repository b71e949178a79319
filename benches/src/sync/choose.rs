//! `select!` over two and eight queues: one arm is ready already, or the green thread has to wait.
//!
//! The floor of a ready arm is crossbeam's `select!` in an OS thread, which does the same job; that of
//! waiting is the bare switch.

use super::pingpong::{OPEN, Place};
use crate::clock::cpu_per;
use crate::micro::Lab;
use greenroom::queue::Queue;
use std::io;
use std::sync::Arc;

/// Selects per run.
const SELECTS: usize = 200_000;

type Queues = Arc<[Queue<u32>; 8]>;

fn queues() -> Queues {
    Arc::new(std::array::from_fn(|_| Queue::unbounded()))
}

/// The item of the first of two queues that has one.
fn of_two(queues: &[Queue<u32>; 8]) -> u32 {
    greenroom::select! {
        recv(queues[0]) -> item => item.expect(OPEN),
        recv(queues[1]) -> item => item.expect(OPEN),
    }
}

fn of_eight(queues: &[Queue<u32>; 8]) -> u32 {
    greenroom::select! {
        recv(queues[0]) -> item => item.expect(OPEN),
        recv(queues[1]) -> item => item.expect(OPEN),
        recv(queues[2]) -> item => item.expect(OPEN),
        recv(queues[3]) -> item => item.expect(OPEN),
        recv(queues[4]) -> item => item.expect(OPEN),
        recv(queues[5]) -> item => item.expect(OPEN),
        recv(queues[6]) -> item => item.expect(OPEN),
        recv(queues[7]) -> item => item.expect(OPEN),
    }
}

fn chooser(arms: usize) -> fn(&[Queue<u32>; 8]) -> u32 {
    match arms {
        2 => of_two,
        _ => of_eight,
    }
}

/// An item put into one queue by turns, then a select over all.
pub(super) fn ready(lab: &Lab, arms: usize) -> io::Result<f64> {
    let (times, choose) = (lab.share(SELECTS), chooser(arms));
    Ok(lab.one.run(|| {
        let queues = queues();
        cpu_per(times, || {
            for number in 0..times {
                queues[number % arms].put(1).expect(OPEN);
                choose(&queues);
            }
        })
    }))
}

/// Both players select; each puts into the other's queues by turns.
pub(super) fn pingpong(lab: &Lab, arms: usize) -> io::Result<f64> {
    let (there, back) = (queues(), queues());
    let (their_there, their_back) = (Arc::clone(&there), Arc::clone(&back));
    let choose = chooser(arms);
    let (mut served, mut answered) = (0, 0);
    Place::One.play(
        lab,
        move || {
            there[served % arms].put(1).expect(OPEN);
            served += 1;
            choose(&back);
        },
        move || {
            let ball = choose(&their_there);
            their_back[answered % arms].put(ball).expect(OPEN);
            answered += 1;
        },
    )
}

type Ends = (
    crossbeam_channel::Sender<u32>,
    crossbeam_channel::Receiver<u32>,
);

/// The same with crossbeam's, in this OS thread.
pub(super) fn crossbeam(lab: &Lab, arms: usize) -> io::Result<f64> {
    let times = lab.share(SELECTS);
    let ends: [Ends; 8] = std::array::from_fn(|_| crossbeam_channel::unbounded());
    let choose = if arms == 2 {
        crossbeam_of_two
    } else {
        crossbeam_of_eight
    };
    Ok(cpu_per(times, || {
        for number in 0..times {
            ends[number % arms].0.send(1).expect(OPEN);
            choose(&ends);
        }
    }))
}

fn crossbeam_of_two(ends: &[Ends; 8]) -> u32 {
    crossbeam_channel::select! {
        recv(ends[0].1) -> item => item.expect(OPEN),
        recv(ends[1].1) -> item => item.expect(OPEN),
    }
}

fn crossbeam_of_eight(ends: &[Ends; 8]) -> u32 {
    crossbeam_channel::select! {
        recv(ends[0].1) -> item => item.expect(OPEN),
        recv(ends[1].1) -> item => item.expect(OPEN),
        recv(ends[2].1) -> item => item.expect(OPEN),
        recv(ends[3].1) -> item => item.expect(OPEN),
        recv(ends[4].1) -> item => item.expect(OPEN),
        recv(ends[5].1) -> item => item.expect(OPEN),
        recv(ends[6].1) -> item => item.expect(OPEN),
        recv(ends[7].1) -> item => item.expect(OPEN),
    }
}
