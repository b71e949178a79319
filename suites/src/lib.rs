//! Random programs on queues and selects, run for real, and the models that their histories must fit.
//!
//! [`queue`] is any of the three queues behind one face, [`model`] the same thing as a plain list for
//! one thread, [`program`] what a few green threads and OS threads do at the same time, [`history`]
//! what can be said of it afterwards. The tests are in `tests/`: they draw programs from proptest's
//! seed, which a failure writes to `regressions/`, beside the smallest program found. A step-by-step
//! comparison repeats exactly; of a concurrent program only what it does, not when.
//! A member of its own, so that proptest stays out of the library's build.
//! Run: `cargo test -p greenroom-suites`.

pub mod history;
pub mod model;
pub mod program;
pub mod queue;
