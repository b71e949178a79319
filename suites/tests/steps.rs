//! Every kind of queue against a plain list, step by step, on one thread: what each call answers.

use greenroom::queue::{GetError, PutError};
use greenroom::select::Select;
use greenroom_suites::model::{Model, Refusal};
use greenroom_suites::queue::{Any, Item, Kind};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use std::time::Duration;

/// How a call that may wait is kept from it.
#[derive(Clone, Copy, Debug)]
enum Form {
    Try,
    NoTime,
    Select,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Put(Form, u8),
    Get(Form),
    Peek(Form),
    TaskDone,
    Join,
    Shutdown,
    ShutdownNow,
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Try), Just(Form::NoTime), Just(Form::Select)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => (form(), 0..4_u8).prop_map(|(form, rank)| Step::Put(form, rank)),
        30 => form().prop_map(Step::Get),
        10 => form().prop_map(Step::Peek),
        10 => Just(Step::TaskDone),
        5 => Just(Step::Join),
        1 => Just(Step::Shutdown),
        1 => Just(Step::ShutdownNow),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Fifo), Just(Kind::Lifo), Just(Kind::Priority)]
}

fn put(queue: &Any, form: Form, item: Item) -> Result<(), Refusal> {
    let result = match form {
        Form::Try => queue.try_put(item),
        Form::NoTime => queue.put(item, Some(Duration::ZERO)),
        Form::Select => {
            let mut place = Some(item);
            let mut select = Select::new();
            queue.send_arm(&mut select, &mut place, |refused| refused);
            let outcome = select.try_wait();
            match (outcome, place) {
                (Some(None), None) => Ok(()),
                (Some(Some(item)), None) => Err(PutError::ShutDown(item)),
                (None, Some(item)) => Err(PutError::Full(item)),
                odd => panic!("{odd:?}"),
            }
        }
    };
    result.map_err(|refused| {
        let reason = match refused {
            PutError::Full(_) => Refusal::Full,
            PutError::ShutDown(_) => Refusal::ShutDown,
        };
        assert_eq!(refused.into_inner().id, item.id, "the item comes back");
        reason
    })
}

fn get(queue: &Any, form: Form) -> Result<Item, GetError> {
    match form {
        Form::Try => queue.try_get(),
        Form::NoTime => queue.get(Some(Duration::ZERO)),
        Form::Select => {
            let mut select = Select::new();
            queue.recv_arm(&mut select, |item| item.ok_or(GetError::ShutDown));
            select.try_wait().unwrap_or(Err(GetError::Empty))
        }
    }
}

fn peek(queue: &Any, form: Form) -> Result<Item, GetError> {
    match form {
        Form::Try => queue.try_peek(),
        Form::NoTime | Form::Select => queue.peek(Some(Duration::ZERO)),
    }
}

/// Rank and id, or why there is none.
fn told(item: Result<Item, GetError>) -> Result<(u8, u32), GetError> {
    item.map(|item| (item.rank, item.id))
}

fn ids(items: Vec<Item>) -> Vec<u32> {
    items.into_iter().map(|item| item.id).collect()
}

fn compare(kind: Kind, capacity: Option<usize>, steps: &[Step]) {
    let queue = Any::new(kind, capacity);
    let mut model = Model::new(kind, capacity);
    for (id, &step) in (0..).zip(steps) {
        let nothing = if model.state().3 {
            GetError::ShutDown
        } else {
            GetError::Empty
        };
        match step {
            Step::Put(form, rank) => {
                let item = Item { rank, id };
                assert_eq!(put(&queue, form, item), model.put(item), "{step:?}");
            }
            Step::Get(form) => {
                assert_eq!(
                    told(get(&queue, form)),
                    told(model.get().ok_or(nothing)),
                    "{step:?}"
                );
            }
            Step::Peek(form) => {
                assert_eq!(
                    told(peek(&queue, form)),
                    told(model.peek().ok_or(nothing)),
                    "{step:?}"
                );
            }
            Step::TaskDone => assert_eq!(queue.task_done().is_ok(), model.task_done()),
            Step::Join => {
                assert_eq!(queue.join_timeout(Duration::ZERO), model.unfinished() == 0);
            }
            Step::Shutdown => {
                queue.shutdown();
                model.shutdown();
            }
            Step::ShutdownNow => {
                let (mut seen, mut expected) =
                    (ids(queue.shutdown_now()), ids(model.shutdown_now()));
                if kind == Kind::Priority {
                    seen.sort_unstable();
                    expected.sort_unstable();
                }
                assert_eq!(seen, expected);
            }
        }
        assert_eq!(queue.state(), model.state(), "after {step:?}");
        assert_eq!(queue.unfinished(), model.unfinished(), "after {step:?}");
    }
    let text = format!("{queue:?}");
    assert!(text.contains("getters: 0, putters: 0"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn queues_answer_every_call_as_a_plain_list_does(
        kind in kind(),
        capacity in proptest::option::of(0..5_usize),
        is_green in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        if is_green {
            greenroom::run(|| compare(kind, capacity, &steps));
        } else {
            compare(kind, capacity, &steps);
        }
    }
}
