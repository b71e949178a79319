//! Several cases of different types, as `select!` writes them: a list made of pairs. Their outcomes
//! come back as a list of the same shape, in which the winner's is filled.

use super::case::{Case, Erased, Won};
use super::end::Never;
use crate::park::choose::{self, Arm, Order, Patience};
use crate::park::interrupt;
use crate::park::wait_list::Outcome;
use crate::sys::clock::NEVER_NS;

/// A list of cases: `(first, (second, ()))`.
pub trait Cases {
    /// One `Option` per case, in a list of the same shape; the winner's is filled.
    type Outcomes;

    /// How many there are.
    const COUNT: usize;

    /// Hands out its arms, one by one.
    fn erase<'a>(&'a mut self, add: &mut dyn FnMut(Erased<'a>));

    /// `winner`: the number of the case that won, counted from the first of this list.
    fn outcomes(self, winner: Option<usize>) -> Self::Outcomes;
}

impl Cases for () {
    type Outcomes = ();

    const COUNT: usize = 0;

    fn erase<'a>(&'a mut self, _add: &mut dyn FnMut(Erased<'a>)) {}

    fn outcomes(self, _winner: Option<usize>) {}
}

impl<C: Case, Rest: Cases> Cases for (C, Rest) {
    type Outcomes = (Option<C::Outcome>, Rest::Outcomes);

    const COUNT: usize = 1 + Rest::COUNT;

    fn erase<'a>(&'a mut self, add: &mut dyn FnMut(Erased<'a>)) {
        add(self.0.erase());
        self.1.erase(add);
    }

    fn outcomes(self, winner: Option<usize>) -> Self::Outcomes {
        let (case, rest) = self;
        match winner {
            Some(0) => (
                Some(case.outcome(Won::by_the_engine())),
                rest.outcomes(None),
            ),
            later => (None, rest.outcomes(later.map(|number| number - 1))),
        }
    }
}

/// Runs a `select!`. Nothing is filled: the default is due.
///
/// Every arm is withdrawn, and every item that was not sent is back in its place, before an interrupt
/// unwinds from here.
pub fn run<C: Cases>(mut cases: C, is_biased: bool, has_default: bool) -> C::Outcomes {
    let order = if is_biased {
        Order::Biased
    } else {
        Order::Fair
    };
    let patience = if has_default {
        Patience::None
    } else {
        Patience::Until(NEVER_NS)
    };
    let outcome = with_arms(&mut cases, |arms| choose::choose(arms, order, patience));
    match outcome {
        Outcome::Ready(winner) => cases.outcomes(Some(winner)),
        Outcome::TimedOut => cases.outcomes(None),
        Outcome::Interrupted => interrupt::raise(),
    }
}

/// So many arms need no allocation; more are rare.
const ON_STACK: usize = 8;

/// Calls `body` with the arms of `cases`.
fn with_arms<C: Cases, R>(cases: &mut C, body: impl FnOnce(&mut [&mut dyn Arm]) -> R) -> R {
    if C::COUNT > ON_STACK {
        let mut arms = Vec::with_capacity(C::COUNT);
        cases.erase(&mut |erased| arms.push(erased.0));
        return body(&mut arms);
    }
    // A box of nothing is no allocation, and to leak it loses nothing: it fills the places that are free.
    let mut arms: [&mut dyn Arm; ON_STACK] =
        std::array::from_fn(|_| -> &mut dyn Arm { Box::leak(Box::new(Never)) });
    let mut count = 0;
    cases.erase(&mut |erased| {
        arms[count] = erased.0;
        count += 1;
    });
    body(&mut arms[..count])
}
