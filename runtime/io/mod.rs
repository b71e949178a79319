//! Input and output: the one loop that tries, and waits while the descriptor would block.

pub(crate) mod evented;
pub(crate) mod settings;
