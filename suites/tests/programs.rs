//! Random programs of green threads and OS threads on a few queues: whatever they do at the same time,
//! nothing is lost, nothing comes twice, the orders hold, and nobody is left waiting.

use greenroom::Runtime;
use greenroom_suites::history::check;
use greenroom_suites::program::{Actor, Arm, Limit, Op, Place, Program, run};
use greenroom_suites::queue::Kind;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use std::sync::LazyLock;

const QUEUES_MAX: usize = 4;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![2 => Just(Kind::Fifo), 1 => Just(Kind::Lifo), 1 => Just(Kind::Priority)]
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        2 => Just(Limit::Try),
        2 => (0..200_u16).prop_map(Limit::Own),
        2 => (0..200_u16).prop_map(Limit::Around),
        4 => Just(Limit::None),
    ]
}

fn arm() -> impl Strategy<Value = Arm> {
    prop_oneof![
        (0..QUEUES_MAX).prop_map(Arm::Recv),
        (0..QUEUES_MAX, 0..4_u8).prop_map(|(queue, rank)| Arm::Send(queue, rank)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let queue = || 0..QUEUES_MAX;
    prop_oneof![
        12 => (queue(), 0..4_u8, limit()).prop_map(|(queue, rank, limit)| Op::Put(queue, rank, limit)),
        12 => (queue(), any::<bool>(), limit()).prop_map(|(queue, done, limit)| Op::Get(queue, done, limit)),
        3 => (queue(), limit()).prop_map(|(queue, limit)| Op::Peek(queue, limit)),
        12 => (vec(arm(), 1..5), limit()).prop_map(|(arms, limit)| Op::Select(arms, limit)),
        4 => Just(Op::Yield),
        1 => queue().prop_map(Op::Shutdown),
        1 => queue().prop_map(Op::ShutdownNow),
    ]
}

fn actor() -> impl Strategy<Value = Actor> {
    let place = prop_oneof![
        2 => Just(Place::Worker(0)),
        2 => Just(Place::Worker(1)),
        1 => Just(Place::Thread),
    ];
    let cancelled_after = prop_oneof![3 => Just(None), 1 => (0..300_u16).prop_map(Some)];
    (place, vec(op(), 1..14), cancelled_after).prop_map(|(place, ops, cancelled_after)| Actor {
        place,
        ops,
        cancelled_after,
    })
}

fn program() -> impl Strategy<Value = Program> {
    let queues = vec((kind(), option::weighted(0.7, 0..3_usize)), 1..=QUEUES_MAX);
    (queues, vec(actor(), 2..7)).prop_map(|(queues, actors)| Program { queues, actors })
}

fn with_workers(workers: usize) -> Runtime {
    Runtime::builder()
        .workers(workers)
        .build()
        .expect("a runtime starts")
}

static ONE: LazyLock<Runtime> = LazyLock::new(|| with_workers(1));
static TWO: LazyLock<Runtime> = LazyLock::new(|| with_workers(2));

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 700 } else { 3_000 },
        max_shrink_iters: 500,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn programs_on_one_worker_lose_and_double_and_swap_nothing(program in program()) {
        check(&run(&program, &ONE), &program.queues);
    }

    #[test]
    fn programs_on_two_workers_lose_and_double_and_swap_nothing(program in program()) {
        check(&run(&program, &TWO), &program.queues);
    }
}
