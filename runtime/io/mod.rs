//! Input and output: the one loop that tries, and waits while the descriptor would block.
//!
//! Sockets, pipes and whatever else can be polled are built on `evented`; no other file of the library
//! has a loop around "would block".

pub(crate) mod arm;
pub(crate) mod evented;
mod listeners;
pub(crate) mod settings;
