//! Contexts: stacks, and what can be suspended on them.
//!
//! `fiber` runs a function on a stack of its own and suspends it; `stack` owns the memory; `overflow`
//! reports who ran into a guard. Nothing here knows of tasks or workers.

pub(crate) mod fiber;
pub(crate) mod frames;
pub(crate) mod overflow;
pub(crate) mod stack;
