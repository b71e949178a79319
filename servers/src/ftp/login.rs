//! USER and PASS.
//!
//! A name that nobody has, and a wrong password, get the same answer after the same time. A wrong password
//! costs a pause; so many of them cost the connection, and so many from one address all its tries (`guesses`).

use super::session::{Next, Session, printable};
use super::users::{Grant, is_anonymous};
use crate::root::{Root, VirtualPath};
use std::io;

/// How far a client has come.
#[derive(Debug)]
pub(super) enum Login {
    Nobody,
    /// The password comes next.
    Named(Vec<u8>),
    /// With its own tree.
    Inside(Root),
}

impl Login {
    pub(super) fn root(&self) -> Option<&Root> {
        match self {
            Login::Inside(root) => Some(root),
            _ => None,
        }
    }
}

impl Session<'_> {
    pub(super) fn user(&mut self, name: Vec<u8>) -> io::Result<Next> {
        self.close_door();
        self.restart = 0;
        let is_open = is_anonymous(&name) && self.ftp.settings.anonymous.is_some();
        self.login = Login::Named(name);
        self.say(
            331,
            if is_open {
                "Any password"
            } else {
                "The password, please"
            },
        )?;
        Ok(Next::Go)
    }

    pub(super) fn pass(&mut self, password: &[u8]) -> io::Result<Next> {
        let Login::Named(name) = std::mem::replace(&mut self.login, Login::Nobody) else {
            self.say(503, "USER comes first")?;
            return Ok(Next::Go);
        };
        let settings = &self.ftp.settings;
        let anonymous = settings.anonymous.clone().filter(|_| is_anonymous(&name));
        let grant = match anonymous {
            Some(home) => Some(Grant {
                home,
                may_write: false,
            }),
            None => match self.compare(&name, password) {
                Some(grant) => grant,
                None => {
                    self.say(
                        421,
                        "Too many wrong passwords from your address; come back later",
                    )?;
                    return Ok(Next::Leave);
                }
            },
        };
        let shown = printable(&String::from_utf8_lossy(&name));
        let Some(grant) = grant else {
            return self.wrong_password(&shown);
        };
        match self.home(&grant) {
            Ok(root) => {
                log::info!("{}: {shown} is logged in", self.peer);
                self.login = Login::Inside(root);
                self.current = VirtualPath::root();
                self.say(230, "Logged in")?;
            }
            Err(error) => {
                log::warn!(
                    "{}: the home of {shown}, {}: {error}",
                    self.peer,
                    grant.home
                );
                self.say(530, "Your directory is not there")?;
            }
        }
        Ok(Next::Go)
    }

    /// What `name` gets, if the password is right; `None`: the address has had its tries.
    fn compare(&self, name: &[u8], password: &[u8]) -> Option<Option<Grant>> {
        let (settings, address) = (&self.ftp.settings, self.peer.ip());
        // Held to the end: those who wait for theirs know the guesses of all before them.
        let turn = settings.users.turn();
        if self.ftp.guesses.are_used_up(address) {
            return None;
        }
        let grant = turn.check(name, password);
        if grant.is_none() && self.ftp.guesses.note(address) {
            let (tries, peer) = (settings.address_tries_max, self.peer);
            log::warn!("{peer}: {tries} wrong passwords from its address: no more for a while");
        }
        Some(grant)
    }

    fn home(&self, grant: &Grant) -> io::Result<Root> {
        let root = self.ftp.root.subtree(&grant.home)?;
        Ok(match grant.may_write {
            true => root,
            false => root.to_read_only(),
        })
    }

    fn wrong_password(&mut self, name: &str) -> io::Result<Next> {
        let settings = &self.ftp.settings;
        log::warn!("{}: a wrong password for {name}", self.peer);
        greenroom::thread::sleep(settings.login_delay);
        self.wrong_passwords += 1;
        if self.wrong_passwords < settings.login_tries_max {
            self.say(530, "Wrong name or password")?;
            return Ok(Next::Go);
        }
        self.say(421, "Too many wrong passwords; good bye")?;
        Ok(Next::Leave)
    }
}
