//! An operation that ends by itself in the very moment in which its partner serves it: whatever comes
//! first, the item is in exactly one place, and whoever says that it was handed over is right.
//!
//! Each try begins one operation, and then serves it and cancels it (or lets its time run out), in an
//! order and with pauses from a seed; across threads the pauses are aimed by what came of the last ones.
//! A million tries for plain calls and a million for selects in release, a hundredth in debug; most on
//! one worker, where every order can be had exactly.

mod common;

#[path = "handover/tries.rs"]
mod tries;

use common::{Rng, Rt, watchdog};
use greenroom::thread::Builder;
use std::sync::mpsc;
use tries::{Aim, Case, Deed, Outcome, PLAIN, SELECTS, Scene, Way, perform};

/// Tries per million: a hundredth of a million in debug.
fn tries(per_million: u64) -> u64 {
    if cfg!(debug_assertions) {
        per_million / 100
    } else {
        per_million
    }
}

/// The partner is a green thread on worker 0, the operation runs on worker `home`.
fn race_on_workers(deeds: &'static [Deed], home: usize, tries: u64) {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    let rt = Rt::with_workers(home + 1);
    let partner = move || {
        let scenes = Scene::all();
        let (mut served, mut aim) = (0, Aim::new());
        for _ in 0..tries {
            let mut case = Case::random(&mut rng, deeds, home == 0);
            aim.take(&mut case, &mut rng);
            let scene = scenes[case.scene()].clone();
            scene.prepare(&case);
            let run = {
                let (scene, case) = (scene.clone(), case.clone());
                move || perform(&scene, &case)
            };
            let handle = Builder::new().worker(home).spawn(run).unwrap();
            case.await_begin(&scene);
            for (turn, way) in case.ways().into_iter().enumerate() {
                match turn {
                    0 if case.has_two_ways() => case.let_it_wait(),
                    _ => case.pause(),
                }
                match way {
                    Way::Serve => scene.serve(&case),
                    Way::End => _ = handle.cancel(),
                }
            }
            let outcome = match handle.join() {
                Ok(outcome) => outcome,
                Err(payload) if payload.is::<greenroom::Cancelled>() => Outcome::Nothing,
                Err(payload) => std::panic::resume_unwind(payload),
            };
            scene.settle(&case, &outcome);
            aim.learn(&case, &outcome);
            served += u64::from(outcome != Outcome::Nothing);
        }
        served
    };
    let partner = rt.run(|| Builder::new().worker(0).spawn(partner).unwrap());
    let served = partner.join().unwrap();
    println!("{served} of {tries} were served");
    // On one worker the seed decides what comes first, else the machine.
    assert!(home != 0 || (tries / 10..tries * 9 / 10).contains(&served));
}

/// Both sides are OS threads; only time can end an operation.
fn race_on_threads(deeds: &'static [Deed], tries: u64) {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    let scenes = Scene::all();
    let (ask, asked) = mpsc::channel::<(Scene, Case)>();
    let (answer, answers) = mpsc::channel();
    let mut aim = Aim::new();
    let other = std::thread::spawn(move || {
        for (scene, case) in asked {
            answer.send(perform(&scene, &case)).unwrap();
        }
    });
    for _ in 0..tries {
        let mut case = Case::random(&mut rng, deeds, false).timed();
        aim.take(&mut case, &mut rng);
        let scene = scenes[case.scene()].clone();
        scene.prepare(&case);
        ask.send((scene.clone(), case.clone())).unwrap();
        case.await_begin(&scene);
        case.pause();
        scene.serve(&case);
        let outcome = answers.recv().unwrap();
        scene.settle(&case, &outcome);
        aim.learn(&case, &outcome);
    }
    drop(ask);
    other.join().unwrap();
}

#[test]
fn calls_that_end_while_they_are_served_lose_nothing_on_one_worker() {
    race_on_workers(PLAIN, 0, tries(800_000));
}

#[test]
fn calls_that_end_while_they_are_served_lose_nothing_across_workers() {
    race_on_workers(PLAIN, 1, tries(50_000));
}

#[test]
fn calls_that_end_while_they_are_served_lose_nothing_on_os_threads() {
    race_on_threads(PLAIN, tries(150_000));
}

#[test]
fn selects_that_end_while_they_are_served_lose_nothing_on_one_worker() {
    race_on_workers(SELECTS, 0, tries(800_000));
}

#[test]
fn selects_that_end_while_they_are_served_lose_nothing_across_workers() {
    race_on_workers(SELECTS, 1, tries(50_000));
}

#[test]
fn selects_that_end_while_they_are_served_lose_nothing_on_os_threads() {
    race_on_threads(SELECTS, tries(150_000));
}
