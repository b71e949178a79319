//! What an FTP server grants, in numbers.

use super::users::Users;
use crate::root::VirtualPath;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What an FTP server grants; change single fields with `Settings { users, ..Settings::default() }`. How
/// long a silent client may stay, a line take, and how slowly a client may read is in [`Limits`](crate::Limits).
///
/// # Examples
/// ```
/// use greenroom_servers::ftp::Settings;
/// let private = Settings { anonymous: None, ..Settings::default() };
/// assert_eq!(private.login_tries_max, 3);
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may log in with a password.
    pub users: Users,
    /// Where in the tree those without a password read, and never write; `None`: there are none.
    pub anonymous: Option<VirtualPath>,
    /// The ports that data connections come to; `None`: the system's choice.
    pub passive_ports: Option<RangeInclusive<u16>>,
    /// How long after PASV or EPSV the data connection must be there.
    pub data_wait: Duration,
    /// How long a transfer may stand still.
    pub stall: Duration,
    /// How long a transfer may take.
    pub transfer_max: Duration,
    /// How long an uploaded file may become.
    pub upload_bytes_max: u64,
    /// Wrong passwords of one connection, the last of which ends it.
    pub login_tries_max: u32,
    /// How long the answer to a wrong password takes.
    pub login_delay: Duration,
    /// Wrong passwords from one address, over all its connections; of IPv6, from one network of 64 bits. After
    /// the last, nobody there logs in with a password for the rest of the window.
    pub address_tries_max: u32,
    /// How long after the first of them an address has its tries again.
    pub address_window: Duration,
    /// Lines of one connection that are no commands, the last of which ends it: whoever sends so many
    /// speaks another protocol.
    pub faults_max: u32,
}

impl Default for Settings {
    /// Nobody but anonymous readers of the whole tree; half a minute for a data connection, a minute of
    /// standstill, a day for a transfer; files up to 4 GiB; three passwords, a second each; twenty from
    /// one address in ten minutes; a hundred lines of nonsense.
    fn default() -> Settings {
        Settings {
            users: Users::default(),
            anonymous: Some(VirtualPath::root()),
            passive_ports: None,
            data_wait: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            transfer_max: Duration::from_secs(24 * 3600),
            upload_bytes_max: 4 << 30,
            login_tries_max: 3,
            login_delay: Duration::from_secs(1),
            address_tries_max: 20,
            address_window: Duration::from_secs(600),
            faults_max: 100,
        }
    }
}
