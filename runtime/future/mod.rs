//! Futures from green threads, and green threads as futures.
//!
//! `block_on` parks the green thread; no worker ever polls in a loop.
