//! `greenroom::group`: groups, pools, maps, and waits for many green threads.
//!
//! What a group and a pool promise of one member is here, in tables; bounds and order are in
//! `groups/pools.rs`, maps in `groups/maps.rs`, many handles in `groups/handles.rs`, the scope that cancels
//! siblings in `groups/siblings.rs`.

mod common;

#[path = "groups/handles.rs"]
mod handles;
#[path = "groups/maps.rs"]
mod maps;
#[path = "groups/members.rs"]
mod members;
#[path = "groups/pools.rs"]
mod pools;
#[path = "groups/siblings.rs"]
mod siblings;

use common::{Rt, watchdog};
use greenroom::thread::{self, Builder};

/// Runs `test` as a green thread with 1 and 2 workers, and on an OS thread; `test` is given a builder
/// that puts a member where the row of the table says: on the same worker, on another, anywhere.
#[track_caller]
fn each_place(test: impl Fn(fn() -> Builder) + Sync) {
    let _watchdog = watchdog();
    let same: fn() -> Builder = || Builder::new().worker(0);
    let other: fn() -> Builder = || Builder::new().worker(1);
    let anywhere: fn() -> Builder = Builder::new;
    let on_first = |rt: &Rt, place| {
        rt.run(|| {
            thread::scope(|s| {
                let body = || test(place);
                let child = same().spawn_scoped(s, body).unwrap();
                child
                    .join()
                    .unwrap_or_else(|payload| std::panic::resume_unwind(payload));
            });
        });
    };
    on_first(&Rt::with_workers(1), same);
    on_first(&Rt::with_workers(2), same);
    on_first(&Rt::with_workers(2), other);
    test(anywhere);
}
