//! Who may log in: a file of names, password hashes, rights and homes.
//!
//! A hash is made to be slow and to take memory (Argon2id, in the PHC form that names its own cost), so it
//! is computed off the workers, and few at a time (`password`). A name that nobody has costs as much as one that
//! somebody has: its password is compared with a decoy.

use super::password::{Comparing, is_hash};
use crate::root::VirtualPath;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Argon2, Params};
use greenroom::sync::SemaphoreGuard;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

const NO_HASH: &str = "no hash of Argon2: `greenroom-serve ftp --hash-password` makes one";

/// The rights of those who are neither the owner nor in the group.
const MODE_OTHERS: u32 = 0o007;

/// Who may log in with a password. A clone is the same list.
///
/// A line for each, `name:hash:rights:home`: the hash as [`hash_password`] makes it, `ro` or `rw`, and the
/// directory of the server's tree that the user sees as the whole. Blank lines and those that begin with
/// `#` say nothing. `anonymous` and `ftp` are nobody's names.
///
/// # Examples
/// ```
/// use greenroom_servers::ftp::{Users, hash_password};
/// let hash = hash_password("secret")?;
/// let users = Users::parse(&format!("# name:hash:rights:home\nada:{hash}:rw:/home/ada\n"))?;
/// assert_eq!(users.len(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Users(Arc<List>);

struct List {
    users: HashMap<Vec<u8>, User>,
    /// What the passwords of unknown names are compared with.
    decoy: String,
    comparing: Arc<Comparing>,
}

#[derive(Clone)]
struct User {
    hash: String,
    grant: Grant,
}

/// A place among the few who check a password at one time.
pub(crate) struct Turn<'a> {
    list: &'a List,
    _turn: SemaphoreGuard<'a>,
}

/// What a user gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) home: VirtualPath,
    pub(crate) may_write: bool,
}

impl Users {
    /// Reads the file. Parks.
    ///
    /// # Errors
    /// What reading reports; as [`Users::parse`].
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::ftp::Users;
    /// assert!(Users::load("no such file").is_err());
    /// ```
    pub fn load<P: AsRef<Path>>(path: P) -> io::Result<Users> {
        let path = path.as_ref();
        let text = greenroom::fs::read_to_string(path)?;
        if greenroom::fs::metadata(path)?.permissions().mode() & MODE_OTHERS != 0 {
            let path = path.display();
            log::warn!("{path}: passwords' hashes that everybody may see: chmod o= {path}");
        }
        Users::parse(&text)
    }

    /// Reads a file's text. Never parks.
    ///
    /// # Errors
    /// `InvalidData` names the first line that is none of the form, or has a name that was there.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::ftp::Users;
    /// let error = Users::parse("ada:password:rw:/").err();
    /// assert_eq!(error.map(|e| e.to_string()).as_deref(), Some(
    ///     "line 1: no hash of Argon2: `greenroom-serve ftp --hash-password` makes one"));
    /// ```
    pub fn parse(text: &str) -> io::Result<Users> {
        let (mut users, mut decoy) = (HashMap::new(), None);
        for (line, number) in text.lines().zip(1..) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |what: &str| {
                io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {what}"))
            };
            let (name, user) = parse_line(line).map_err(bad)?;
            decoy.get_or_insert_with(|| user.hash.clone());
            if users.insert(name.to_owned().into_bytes(), user).is_some() {
                return Err(bad("a name that was there before"));
            }
        }
        Ok(Users(Arc::new(List {
            users,
            decoy: decoy.unwrap_or_default(),
            comparing: Comparing::new(),
        })))
    }

    /// How many they are.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom_servers::ftp::Users::default().len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.users.len()
    }

    /// Whether there is nobody.
    ///
    /// # Examples
    /// ```
    /// assert!(greenroom_servers::ftp::Users::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.users.is_empty()
    }

    /// Waits for a turn to check a password: few at a time. Parks.
    pub(crate) fn turn(&self) -> Turn<'_> {
        Turn {
            list: &self.0,
            _turn: self.0.comparing.turn(),
        }
    }
}

impl Turn<'_> {
    /// What `name` gets, if the password is right. Parks.
    pub(crate) fn check(&self, name: &[u8], password: &[u8]) -> Option<Grant> {
        let user = self.list.users.get(name);
        let hash = user.map_or_else(|| self.list.decoy.clone(), |user| user.hash.clone());
        let is_right = self.list.comparing.is_right(hash, password);
        user.filter(|_| is_right).map(|user| user.grant.clone())
    }
}

fn parse_line(line: &str) -> Result<(&str, User), &'static str> {
    let mut fields = line.splitn(4, ':');
    let mut field = || fields.next().filter(|field| !field.is_empty());
    let form = "name:hash:rights:home is the form";
    let name = field().ok_or(form)?;
    let hash = field().ok_or(form)?;
    let rights = field().ok_or(form)?;
    let home = field().ok_or(form)?;
    if is_anonymous(name.as_bytes()) {
        return Err("that name is of those who have none");
    }
    if !is_hash(hash) {
        return Err(NO_HASH);
    }
    let may_write = match rights {
        "ro" => false,
        "rw" => true,
        _ => return Err("rights are `ro` or `rw`"),
    };
    let home = VirtualPath::new(home.trim_end()).map_err(|_| "no home")?;
    let grant = Grant { home, may_write };
    let hash = hash.to_owned();
    Ok((name, User { hash, grant }))
}

/// Whether it is one of the two names that stand for nobody.
pub(crate) fn is_anonymous(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"anonymous") || name.eq_ignore_ascii_case(b"ftp")
}

/// A password's hash for the users' file: slow on purpose, so it parks.
///
/// # Errors
/// What the system's source of randomness reports.
///
/// # Examples
/// ```
/// let hash = greenroom_servers::ftp::hash_password("secret")?;
/// assert!(hash.starts_with("$argon2id$"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn hash_password(password: &str) -> io::Result<String> {
    let password = password.to_owned();
    greenroom::unblock(move || {
        let salt = SaltString::generate(&mut OsRng);
        let argon = Argon2::from(Params::default());
        let hash = argon.hash_password(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(io::Error::other)
    })
}

impl Default for Users {
    /// Nobody.
    fn default() -> Users {
        Users(Arc::new(List {
            users: HashMap::new(),
            decoy: String::new(),
            comparing: Comparing::new(),
        }))
    }
}

impl fmt::Debug for Users {
    /// How many; no names, no hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "pw", at the least cost there is.
    fn hash() -> String {
        let params = Params::new(8, 1, 1, None).expect("because these are the minimum");
        let argon = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let salt = SaltString::encode_b64(b"salt and pepper").expect("because it is short");
        argon
            .hash_password(b"pw", &salt)
            .expect("because it is short")
            .to_string()
    }

    #[test]
    fn users_are_known_by_name_and_password() {
        let hash = hash();
        let text = format!("\n# nobody\nada:{hash}:rw:/home/ada\r\nbob:{hash}:ro:bob/..\n");
        let users = Users::parse(&text).expect("because the form is right");
        let ada = users
            .turn()
            .check(b"ada", b"pw")
            .expect("because the password is right");
        assert_eq!(
            (ada.home.to_string(), ada.may_write),
            ("/home/ada".into(), true)
        );
        let bob = users
            .turn()
            .check(b"bob", b"pw")
            .expect("because the password is right");
        assert_eq!((bob.home.to_string(), bob.may_write), ("/".into(), false));
        for (name, password) in [
            ("ada", "pW"),
            ("ada", ""),
            ("eve", "pw"),
            ("", ""),
            ("Ada", "pw"),
        ] {
            assert_eq!(
                users.turn().check(name.as_bytes(), password.as_bytes()),
                None,
                "{name}"
            );
        }
        assert_eq!(Users::default().turn().check(b"ada", b""), None);
        assert_eq!(format!("{users:?}"), "Users(2)");
    }

    #[test]
    fn lines_that_are_none_are_named() {
        let hash = hash();
        for (line, what) in [
            ("ada".to_owned(), "name:hash:rights:home is the form"),
            (
                format!("ada:{hash}:rw"),
                "name:hash:rights:home is the form",
            ),
            (
                format!("ada:{hash}:rw:"),
                "name:hash:rights:home is the form",
            ),
            (format!(":{hash}:rw:/"), "name:hash:rights:home is the form"),
            (format!("ada:{hash}:rwx:/"), "rights are `ro` or `rw`"),
            ("ada:$5$salt$x:rw:/".to_owned(), NO_HASH),
            // Parts of one: no password would ever be right.
            ("ada:$argon2id$x:rw:/".to_owned(), NO_HASH),
            (
                format!("ada:{}:rw:/", &hash[..hash.rfind('$').unwrap_or(0)]),
                NO_HASH,
            ),
            (
                format!("FTP:{hash}:rw:/"),
                "that name is of those who have none",
            ),
            (
                format!("a:{hash}:rw:/\na:{hash}:rw:/"),
                "a name that was there before",
            ),
        ] {
            let error = Users::parse(&line)
                .expect_err("because it is wrong")
                .to_string();
            assert!(error.ends_with(what), "{line}: {error}");
        }
    }
}
