//! The commands that look at the tree, or change it, without a data connection.

use super::calendar::stamp;
use super::command::{Command, Name};
use super::data::Representation;
use super::listing::quoted;
use super::reply::Reply;
use super::session::Session;
use crate::root::{Facts, Kind, Root, VirtualPath};
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;

impl Session<'_> {
    /// A name as the client means it, from where it is.
    pub(super) fn path(&self, name: &[u8]) -> io::Result<VirtualPath> {
        self.current.join(OsStr::from_bytes(name))
    }

    pub(super) fn tree(
        &mut self,
        root: &Root,
        command: Command,
        rename_from: Option<VirtualPath>,
    ) -> io::Result<()> {
        let outcome = match &command {
            Command::Pwd => Ok(self.named(257, &self.current, "is the current directory")),
            Command::Cdup => self.change_directory(root, self.current.parent()),
            Command::Cwd(name) => self
                .path(name)
                .and_then(|to| self.change_directory(root, to)),
            Command::Dele(name) => self.remove_file(root, name),
            Command::Mkd(name) => self.path(name).and_then(|path| {
                root.create_dir(&path)?;
                Ok(self.named(257, &path, "is made"))
            }),
            Command::Rmd(name) => self.path(name).and_then(|path| {
                root.remove_dir(&path)?;
                Ok(Reply::new(250, "Removed"))
            }),
            Command::Rnfr(name) => self.rename_from(root, name),
            Command::Rnto(name) => match rename_from {
                None => Ok(Reply::new(503, "RNFR comes first")),
                Some(from) => self.path(name).and_then(|to| {
                    root.rename(&from, &to)?;
                    Ok(Reply::new(250, "Renamed"))
                }),
            },
            Command::Size(name) => self.size(root, name),
            Command::Mdtm(name) => self
                .facts_of(root, name)
                .map(|(_, facts)| Reply::new(213, stamp(facts.modified))),
            Command::Mlst(name) => self.facts_line(root, name.as_deref().unwrap_or_default()),
            _ => Ok(Reply::new(502, "Not implemented")),
        };
        let reply = outcome.unwrap_or_else(|error| refusal(&error));
        self.answer(&reply)
    }

    fn named(&self, code: u16, path: &VirtualPath, what: &str) -> Reply {
        let mut text = quoted(path.as_os_str().as_bytes());
        text.extend(format!(" {what}").into_bytes());
        Reply::new(code, text)
    }

    pub(super) fn facts_of(&self, root: &Root, name: &[u8]) -> io::Result<(VirtualPath, Facts)> {
        let path = self.path(name)?;
        let facts = root.facts(&path)?;
        match facts.kind {
            Kind::Other => Err(ErrorKind::PermissionDenied.into()),
            _ => Ok((path, facts)),
        }
    }

    fn change_directory(&mut self, root: &Root, to: VirtualPath) -> io::Result<Reply> {
        // Reading it, not only looking at it: where nothing can be listed is no place to go to.
        root.read_dir(&to)?;
        self.current = to;
        Ok(self.named(250, &self.current, "is the current directory"))
    }

    fn remove_file(&mut self, root: &Root, name: &Name) -> io::Result<Reply> {
        root.remove_file(&self.path(name)?)?;
        Ok(Reply::new(250, "Deleted"))
    }

    fn rename_from(&mut self, root: &Root, name: &Name) -> io::Result<Reply> {
        if !root.is_writable() {
            return Err(ErrorKind::ReadOnlyFilesystem.into());
        }
        let (path, _) = self.facts_of(root, name)?;
        self.rename_from = Some(path);
        Ok(Reply::new(350, "RNTO comes next"))
    }

    fn size(&self, root: &Root, name: &[u8]) -> io::Result<Reply> {
        // RFC 3659: what a transfer would carry. In TYPE A only reading the whole file could tell.
        if self.representation == Representation::Ascii {
            return Ok(Reply::new(550, "SIZE is for TYPE I"));
        }
        let (_, facts) = self.facts_of(root, name)?;
        match facts.kind {
            Kind::File => Ok(Reply::new(213, facts.len.to_string())),
            _ => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn facts_line(&self, root: &Root, name: &[u8]) -> io::Result<Reply> {
        let (path, facts) = self.facts_of(root, name)?;
        let line = self.facts.line(path.as_os_str().as_bytes(), &facts);
        Ok(Reply::lines(250, "Facts:", [line], "End"))
    }

    /// MODE, STRU and TYPE say what they have set.
    pub(super) fn set_representation(&mut self, to: Representation) -> io::Result<()> {
        self.representation = to;
        self.restart = 0;
        self.say(200, format!("{to:?}"))
    }

    pub(super) fn restart_at(&mut self, offset: u64) -> io::Result<()> {
        // Bytes of the file are not bytes of the network there.
        if self.representation == Representation::Ascii && offset > 0 {
            return self.say(501, "REST is for TYPE I");
        }
        self.restart = offset;
        self.say(350, format!("The next transfer begins at {offset}"))
    }
}

/// What a file system's error is called in FTP. No text of the system's: it may name what is outside.
pub(super) fn refusal(error: &io::Error) -> Reply {
    let (code, text) = match error.kind() {
        ErrorKind::NotFound => (550, "No such file or directory"),
        ErrorKind::PermissionDenied => (550, "Permission denied"),
        ErrorKind::ReadOnlyFilesystem => (550, "Read-only"),
        ErrorKind::IsADirectory => (550, "It is a directory"),
        ErrorKind::NotADirectory => (550, "It is no directory"),
        ErrorKind::AlreadyExists => (550, "It is there already"),
        ErrorKind::DirectoryNotEmpty => (550, "The directory is not empty"),
        ErrorKind::InvalidFilename => (553, "A name is too long"),
        ErrorKind::InvalidInput => (553, "A name is not allowed"),
        ErrorKind::UnexpectedEof => (451, "The file has become shorter"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (452, "No room on the disk"),
        ErrorKind::FileTooLarge => (552, "Too long; the beginning is kept"),
        _ => {
            log::warn!("a file or directory: {error}");
            (550, "Not to be had")
        }
    };
    Reply::new(code, text)
}
