//! Several cases of different types, as `select!` writes them: a list made of pairs. Their outcomes
//! come back as a list of the same shape, in which the winner's is filled.

use super::case::{Case, Erased};
use crate::park::choose::{self, Order, Patience};
use crate::park::interrupt;
use crate::park::wait_list::Outcome;
use crate::sys::clock::NEVER_NS;

/// A list of cases: `(first, (second, ()))`.
pub trait Cases {
    /// One `Option` per case, in a list of the same shape; the winner's is filled.
    type Outcomes;

    /// Adds its arms.
    fn erase<'a>(&'a mut self, arms: &mut Vec<Erased<'a>>);

    /// `winner`: the number of the case that won, counted from the first of this list.
    fn outcomes(self, winner: Option<usize>) -> Self::Outcomes;
}

impl Cases for () {
    type Outcomes = ();

    fn erase<'a>(&'a mut self, _arms: &mut Vec<Erased<'a>>) {}

    fn outcomes(self, _winner: Option<usize>) {}
}

impl<C: Case, Rest: Cases> Cases for (C, Rest) {
    type Outcomes = (Option<C::Outcome>, Rest::Outcomes);

    fn erase<'a>(&'a mut self, arms: &mut Vec<Erased<'a>>) {
        arms.push(self.0.erase());
        self.1.erase(arms);
    }

    fn outcomes(self, winner: Option<usize>) -> Self::Outcomes {
        let (case, rest) = self;
        match winner {
            Some(0) => (Some(case.outcome()), rest.outcomes(None)),
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
    let outcome = {
        let mut arms = Vec::new();
        cases.erase(&mut arms);
        let mut arms: Vec<_> = arms.into_iter().map(|erased| erased.0).collect();
        choose::choose(&mut arms, order, patience)
    };
    match outcome {
        Outcome::Ready(winner) => cases.outcomes(Some(winner)),
        Outcome::TimedOut => cases.outcomes(None),
        Outcome::Interrupted => interrupt::raise(),
    }
}
