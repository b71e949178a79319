//! How many clients are served at a time, and by what.

/// What serves a client. Processes are a matter of the handler: see `PerProcess`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// A green thread for each client, accepted on every worker: the choice for everything that waits.
    #[default]
    GreenThread,
    /// The one who accepts serves: one client at a time. The others wait in the kernel's queue.
    Inline,
    /// An OS thread for each client: for handlers that compute, or block in ways greenroom does not know.
    /// At a shutdown those that are left get their connection shut down, and are joined; nothing else can
    /// end an OS thread.
    OsThread,
    /// So many green threads, each serving one client at a time; at least one. While all are busy nobody is
    /// accepted: the kernel's queue holds the others, and is the back-pressure.
    Pool(usize),
}
