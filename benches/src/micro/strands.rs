//! Generators against bare coroutines, and what Python's take on this machine.
//!
//! Both bodies suspend within a call that is not inlined, as programs do: in one piece the return predictor
//! would flatter both. The resumers' calls are inlined as far as the compiler likes.

use super::Lab;
use super::floor::{STACK_BYTES, YIELDS};
use crate::clock::cpu_per;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use greenroom::generator::{self, Generator};
use greenroom::greenlet::Greenlet;
use std::hint::black_box;
use std::io;
use std::process::{Command, Stdio};

/// Generators made per run.
const MADE: usize = 50_000;

#[inline(never)]
fn bare_yield(yielder: &Yielder<u64, u64>, value: u64) -> u64 {
    black_box(yielder.suspend(value))
}

#[inline(never)]
fn own_yield(yielder: &generator::Yielder<u64, u64>, value: u64) -> u64 {
    black_box(yielder.yield_(value))
}

/// A value to the coroutine and one back, per round.
pub(super) fn bare_rounds(lab: &Lab) -> io::Result<f64> {
    let rounds = lab.share(YIELDS);
    let stack = DefaultStack::new(STACK_BYTES)?;
    let mut coroutine: Coroutine<u64, u64, (), DefaultStack> =
        Coroutine::with_stack(stack, |yielder, mut value| {
            while value != u64::MAX {
                value = bare_yield(yielder, value);
            }
        });
    let nanos = cpu_per(rounds, || {
        for number in 0..rounds as u64 {
            if let CoroutineResult::Yield(value) = coroutine.resume(number) {
                black_box(value);
            }
        }
    });
    coroutine.resume(u64::MAX);
    Ok(nanos)
}

/// As [`bare_rounds`], by `Generator::send` in a green thread.
pub(super) fn rounds(lab: &Lab) -> io::Result<f64> {
    let rounds = lab.share(YIELDS);
    Ok(lab.one.run(|| {
        let mut generator: Generator<u64, u64> = Generator::new(|yielder| {
            let mut value = 0;
            loop {
                value = own_yield(yielder, value);
            }
        });
        generator.start();
        cpu_per(rounds, || {
            for number in 0..rounds as u64 {
                black_box(generator.send(number));
            }
        })
    }))
}

/// Made, run to the end without a yield, taken apart; on one stack.
pub(super) fn bare_made(lab: &Lab) -> io::Result<f64> {
    let made = lab.share(MADE);
    let mut free = Some(DefaultStack::new(STACK_BYTES)?);
    Ok(cpu_per(made, || {
        for number in 0..made as u64 {
            let stack = free.take().expect("because each round gives it back");
            let mut coroutine: Coroutine<(), u64, u64, DefaultStack> =
                Coroutine::with_stack(stack, move |_, ()| black_box(number));
            if let CoroutineResult::Return(value) = coroutine.resume(()) {
                black_box(value);
            }
            free = Some(coroutine.into_stack());
        }
    }))
}

/// As [`bare_made`], with stacks from the worker's warm pool.
pub(super) fn made(lab: &Lab) -> io::Result<f64> {
    let made = lab.share(MADE);
    Ok(lab.one.run(|| {
        cpu_per(made, || {
            for number in 0..made as u64 {
                let mut generator: Generator<(), u64, u64> =
                    Generator::new(move |_| black_box(number));
                black_box(generator.start());
                black_box(generator.take_return());
            }
        })
    }))
}

/// As [`bare_rounds`], by two switches of greenlets in a green thread.
pub(super) fn switches(lab: &Lab) -> io::Result<f64> {
    let rounds = lab.share(YIELDS);
    Ok(lab.one.run(|| {
        let main = Greenlet::<u64>::current();
        let echo = Greenlet::new(move |mut value| {
            loop {
                value = main.switch(value);
            }
        });
        cpu_per(rounds, || {
            for number in 0..rounds as u64 {
                black_box(echo.switch(number));
            }
        })
    }))
}

const PYTHON: &str = r#"
import time
def best(function, count):
    times = []
    for _ in range(7):
        begun = time.process_time_ns()
        function(count)
        times.append((time.process_time_ns() - begun) / count)
    return "%.0f ns" % min(times)
def rounds(count):
    def body():
        value = 0
        while True:
            value = yield value
    generator = body()
    next(generator)
    send = generator.send
    for number in range(count):
        send(number)
def switches(count):
    import greenlet
    main = greenlet.getcurrent()
    def body(value):
        while True:
            value = main.switch(value)
    switch = greenlet.greenlet(body).switch
    for number in range(count):
        switch(number)
print("generator", best(rounds, 300000), end=", ")
try:
    print("greenlet", best(switches, 300000))
except ImportError:
    print("greenlet is not installed (171 ns on another day and machine)")
"#;

/// One send and yield of Python's generator, and two switches of its greenlet, if they are here.
pub(crate) fn python() -> String {
    let python = Command::new("python3")
        .args(["-c", PYTHON])
        .stderr(Stdio::null())
        .output();
    match python {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "there is no python3 here; generator 172 ns, greenlet 171 ns on another machine"
            .to_owned(),
    }
}
