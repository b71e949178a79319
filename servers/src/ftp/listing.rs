//! Directories as text: LIST's lines, NLST's names, RFC 3659's facts.
//!
//! Pure. A name cannot forge an entry: control characters in it become question marks.

use super::calendar::{list_date, stamp};
use super::reply::harmless;
use crate::root::{Facts, Kind};
use std::time::SystemTime;

/// What a list shows of each entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As `ls -l`, which most clients can parse.
    Long,
    /// Names that RETR takes: each behind the directory that was asked for.
    Names(Vec<u8>),
    /// Facts for programs.
    Facts(FactSet),
}

/// The facts that a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FactSet {
    kind: bool,
    size: bool,
    modified: bool,
}

impl FactSet {
    pub(crate) const ALL: FactSet = FactSet {
        kind: true,
        size: true,
        modified: true,
    };

    /// From what OPTS MLST was given, in capitals; unknown facts are passed over, as RFC 3659 wants it.
    pub(crate) fn parse(facts: &[u8]) -> FactSet {
        let has = |fact: &[u8]| facts.split(|&byte| byte == b';').any(|given| given == fact);
        FactSet {
            kind: has(b"TYPE"),
            size: has(b"SIZE"),
            modified: has(b"MODIFY"),
        }
    }

    /// The names of those that are on.
    pub(crate) fn names(self) -> String {
        let names = [
            (self.kind, "type;"),
            (self.size, "size;"),
            (self.modified, "modify;"),
        ];
        names
            .iter()
            .filter(|(is_on, _)| *is_on)
            .map(|(_, name)| *name)
            .collect()
    }

    /// All that there are, with a star at those that are on: for FEAT.
    pub(crate) fn offer(self) -> String {
        let star = |is_on: bool| if is_on { "*" } else { "" };
        let (kind, size, modified) = (star(self.kind), star(self.size), star(self.modified));
        format!("MLST type{kind};size{size};modify{modified};")
    }

    /// `type=file;size=5; name`.
    pub(crate) fn line(self, name: &[u8], facts: &Facts) -> Vec<u8> {
        let mut line = String::new();
        let is_file = facts.kind == Kind::File;
        if self.kind {
            line += if is_file { "type=file;" } else { "type=dir;" };
        }
        if self.size && is_file {
            line += &format!("size={};", facts.len);
        }
        if self.modified {
            line += &format!("modify={};", stamp(facts.modified));
        }
        with_name(line + " ", name)
    }
}

impl Form {
    /// One line, without its end; `None` for what no client can open.
    pub(crate) fn line(&self, name: &[u8], facts: &Facts, now: SystemTime) -> Option<Vec<u8>> {
        if facts.kind == Kind::Other {
            return None;
        }
        Some(match self {
            Form::Long => long(name, facts, now),
            Form::Names(before) => with_name(String::new(), &[before, name].concat()),
            Form::Facts(set) => set.line(name, facts),
        })
    }
}

fn long(name: &[u8], facts: &Facts, now: SystemTime) -> Vec<u8> {
    let kind = if facts.kind == Kind::Directory {
        'd'
    } else {
        '-'
    };
    let bit = |(at, letter): (usize, char)| match facts.mode >> (8 - at) & 1 {
        1 => letter,
        _ => '-',
    };
    let mode: String = "rwxrwxrwx".chars().enumerate().map(bit).collect();
    let date = list_date(facts.modified, now);
    // Whose it is on this machine is nobody's business.
    let line = format!("{kind}{mode} 1 ftp ftp {:>13} {date} ", facts.len);
    with_name(line, name)
}

fn with_name(line: String, name: &[u8]) -> Vec<u8> {
    let mut line = line.into_bytes();
    line.extend(name.iter().copied().map(harmless));
    line
}

/// A path in quotes, as 257 has it: quotes inside are doubled.
pub(crate) fn quoted(path: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in path {
        if byte == b'"' {
            text.push(byte);
        }
        text.push(byte);
    }
    text.push(b'"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Root, VirtualPath};
    use std::time::UNIX_EPOCH;

    fn facts(kind: Kind) -> Facts {
        let root = Root::read_only(".").expect("because it is there");
        let mut facts = root
            .facts(&VirtualPath::root())
            .expect("because it is there");
        (facts.kind, facts.len, facts.mode, facts.modified) = (kind, 42, 0o754, UNIX_EPOCH);
        facts
    }

    #[test]
    fn entries_have_their_lines() {
        let line = |form: &Form, kind| {
            let line = form.line(b"a b", &facts(kind), UNIX_EPOCH);
            line.map(|line| String::from_utf8_lossy(&line).into_owned())
        };
        let long = "-rwxr-xr-- 1 ftp ftp            42 Jan  1 00:00 a b";
        assert_eq!(line(&Form::Long, Kind::File).as_deref(), Some(long));
        let names = Form::Names(b"dir/".to_vec());
        assert_eq!(line(&names, Kind::Directory).as_deref(), Some("dir/a b"));
        let all = Form::Facts(FactSet::ALL);
        let file = "type=file;size=42;modify=19700101000000; a b";
        assert_eq!(line(&all, Kind::File).as_deref(), Some(file));
        let some = Form::Facts(FactSet::parse(b"TYPE;UNIQUE;SIZE;"));
        assert_eq!(
            line(&some, Kind::Directory).as_deref(),
            Some("type=dir; a b")
        );
        assert_eq!(line(&Form::Long, Kind::Other), None);
    }

    #[test]
    fn names_forge_no_entries() {
        let facts = facts(Kind::File);
        for form in [
            Form::Long,
            Form::Names(Vec::new()),
            Form::Facts(FactSet::ALL),
        ] {
            let line = form
                .line(b"x\r\n-rw \xff\0", &facts, UNIX_EPOCH)
                .unwrap_or_default();
            assert!(line.ends_with(b"x??-rw \xff?"), "{line:?}");
        }
    }

    #[test]
    fn facts_are_chosen_and_offered() {
        assert_eq!(FactSet::ALL.offer(), "MLST type*;size*;modify*;");
        let size = FactSet::parse(b"SIZE;PERM;");
        assert_eq!(
            (size.offer(), size.names()),
            ("MLST type;size*;modify;".into(), "size;".into())
        );
        assert_eq!(FactSet::parse(b"").names(), "");
    }

    #[test]
    fn quotes_in_paths_are_doubled() {
        assert_eq!(quoted(b"/a \"b\""), b"\"/a \"\"b\"\"\"");
    }
}
