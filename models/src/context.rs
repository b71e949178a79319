//! Rank 1: the records of deadlines are the shipped ones; there are no stacks here.

#[path = "../../runtime/context/frames.rs"]
pub(crate) mod frames;

pub(crate) mod stack {
    //! What the scheduler's files name of stacks.

    /// Stands in for the size of a stack.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct StackSize;
}
