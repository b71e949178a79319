//! What a client asks for: one line, parsed.
//!
//! Pure. A verb in either case, one blank, the rest: blanks in names are theirs. Names keep bytes that are
//! not UTF-8, and have no NUL and no CR (a LF ends the line). The verbs with an X are those of old clients
//! (RFC 775).

/// A parsed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Abor,
    Allo,
    Appe(Name),
    Cdup,
    Cwd(Name),
    Dele(Name),
    Epsv(Family),
    EpsvAll,
    Feat,
    Help,
    List(Option<Name>),
    Mdtm(Name),
    Mkd(Name),
    Mlsd(Option<Name>),
    Mlst(Option<Name>),
    Mode,
    Nlst(Option<Name>),
    Noop,
    OptsMlst(Vec<u8>),
    OptsUtf8,
    Pass(Vec<u8>),
    Pasv,
    Pwd,
    Quit,
    Rest(u64),
    Retr(Name),
    Rmd(Name),
    Rnfr(Name),
    Rnto(Name),
    Size(Name),
    Stat,
    Stor(Name),
    Stru,
    Syst,
    TypeAscii,
    TypeImage,
    User(Vec<u8>),
}

/// A path as the client wrote it.
pub(crate) type Name = Vec<u8>;

/// The network protocol that EPSV asks for, by its number in RFC 2428.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// That of the control connection.
    Same,
    V4,
    V6,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: u16,
    pub(crate) text: &'static str,
}

/// The verbs that are understood, for HELP.
pub(crate) const VERBS: &str = "ABOR ALLO APPE CDUP CWD DELE EPSV FEAT HELP LIST MDTM MKD MLSD MLST MODE \
     NLST NOOP OPTS PASS PASV PWD QUIT REST RETR RMD RNFR RNTO SIZE STAT STOR STRU SYST TYPE USER";

fn fault(code: u16, text: &'static str) -> Fault {
    Fault { code, text }
}

/// The verb of a line in capitals, and whether it has one that could be shown.
pub(crate) fn verb(line: &[u8]) -> Option<String> {
    let verb = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    let is_word = (3..=4).contains(&verb.len()) && verb.iter().all(u8::is_ascii_alphabetic);
    is_word.then(|| String::from_utf8_lossy(verb).to_ascii_uppercase())
}

impl Command {
    /// Parses a line that has lost its end.
    pub(crate) fn parse(line: &[u8]) -> Result<Command, Fault> {
        let Some(verb) = verb(line) else {
            return Err(fault(500, "Not a command"));
        };
        let argument = line.get(verb.len() + 1..).unwrap_or_default();
        let command = match verb.as_str() {
            "ABOR" | "CDUP" | "XCUP" | "FEAT" | "NOOP" | "PASV" | "PWD" | "XPWD" | "QUIT"
            | "SYST" | "STAT" => alone(&verb, argument)?,
            "ALLO" => number(argument.split(|&b| b == b' ').next()).map(|_| Command::Allo)?,
            "EPSV" => epsv(argument)?,
            "HELP" => Command::Help,
            "LIST" => Command::List(listed(argument)?),
            "MLSD" => Command::Mlsd(optional(argument)?),
            "MLST" => Command::Mlst(optional(argument)?),
            "NLST" => Command::Nlst(listed(argument)?),
            "MODE" => choice(argument, "S", "BC").map(|()| Command::Mode)?,
            "STRU" => choice(argument, "F", "RP").map(|()| Command::Stru)?,
            "OPTS" => options(argument)?,
            "REST" => Command::Rest(number(Some(argument))?),
            "TYPE" => representation(argument)?,
            "PASS" => Command::Pass(argument.to_vec()),
            "USER" => Command::User(name(argument)?),
            "PORT" | "EPRT" => return Err(fault(502, "Only passive mode: PASV or EPSV")),
            "AUTH" => return Err(fault(502, "No TLS here")),
            "ACCT" | "ADAT" | "CCC" | "CONF" | "ENC" | "HOST" | "LANG" | "MIC" | "PBSZ"
            | "PROT" | "REIN" | "SITE" | "SMNT" | "STOU" => {
                return Err(fault(502, "Not implemented"));
            }
            verb => with_name(verb)
                .ok_or(fault(500, "Not a command"))
                .and_then(|make| name(argument).map(make))?,
        };
        Ok(command)
    }
}

/// The commands that take one name and nothing else.
fn with_name(verb: &str) -> Option<fn(Name) -> Command> {
    Some(match verb {
        "APPE" => Command::Appe,
        "CWD" | "XCWD" => Command::Cwd,
        "DELE" => Command::Dele,
        "MDTM" => Command::Mdtm,
        "MKD" | "XMKD" => Command::Mkd,
        "RETR" => Command::Retr,
        "RMD" | "XRMD" => Command::Rmd,
        "RNFR" => Command::Rnfr,
        "RNTO" => Command::Rnto,
        "SIZE" => Command::Size,
        "STOR" => Command::Stor,
        _ => return None,
    })
}

/// The commands that take nothing.
fn alone(verb: &str, argument: &[u8]) -> Result<Command, Fault> {
    let is_blank = argument.iter().all(|&byte| byte == b' ');
    match verb {
        "STAT" if !is_blank => Err(fault(504, "STAT takes no name: use MLST or LIST")),
        _ if !is_blank => Err(fault(501, "This command takes no argument")),
        "ABOR" => Ok(Command::Abor),
        "CDUP" | "XCUP" => Ok(Command::Cdup),
        "FEAT" => Ok(Command::Feat),
        "NOOP" => Ok(Command::Noop),
        "PASV" => Ok(Command::Pasv),
        "PWD" | "XPWD" => Ok(Command::Pwd),
        "QUIT" => Ok(Command::Quit),
        "STAT" => Ok(Command::Stat),
        _ => Ok(Command::Syst),
    }
}

fn name(argument: &[u8]) -> Result<Name, Fault> {
    optional(argument)?.ok_or(fault(501, "An argument is missing"))
}

fn optional(argument: &[u8]) -> Result<Option<Name>, Fault> {
    if argument.iter().any(|byte| b"\0\r\n".contains(byte)) {
        return Err(fault(501, "Names have no NUL, CR or LF"));
    }
    Ok((!argument.is_empty()).then(|| argument.to_vec()))
}

/// As [`optional`], for clients that take LIST for `ls`: words that begin with a hyphen are dropped. A name
/// that begins with one is `./-name`.
fn listed(mut argument: &[u8]) -> Result<Option<Name>, Fault> {
    while argument.first() == Some(&b'-') {
        let end = argument.iter().position(|&byte| byte == b' ');
        argument = end.map_or(&[], |end| &argument[end + 1..]);
    }
    optional(argument)
}

fn number(argument: Option<&[u8]>) -> Result<u64, Fault> {
    let digits = argument.and_then(|argument| std::str::from_utf8(argument).ok());
    let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|text| text.parse().ok())
        .ok_or(fault(501, "A number of bytes is missing"))
}

/// Mode and structure: one letter that is here, others that are in the standard.
fn choice(argument: &[u8], here: &str, elsewhere: &str) -> Result<(), Fault> {
    let letter = argument.to_ascii_uppercase();
    match letter.as_slice() {
        [letter] if here.as_bytes().contains(letter) => Ok(()),
        [letter] if elsewhere.as_bytes().contains(letter) => Err(fault(504, "Not implemented")),
        _ => Err(fault(501, "Not a code that is known here")),
    }
}

fn representation(argument: &[u8]) -> Result<Command, Fault> {
    match argument.to_ascii_uppercase().as_slice() {
        b"A" | b"A N" => Ok(Command::TypeAscii),
        b"I" | b"L 8" => Ok(Command::TypeImage),
        b"A T" | b"A C" | b"E" | b"E N" | b"E T" | b"E C" => Err(fault(504, "TYPE A or TYPE I")),
        _ => Err(fault(501, "TYPE A or TYPE I")),
    }
}

fn epsv(argument: &[u8]) -> Result<Command, Fault> {
    match argument.to_ascii_uppercase().as_slice() {
        b"" => Ok(Command::Epsv(Family::Same)),
        b"1" => Ok(Command::Epsv(Family::V4)),
        b"2" => Ok(Command::Epsv(Family::V6)),
        b"ALL" => Ok(Command::EpsvAll),
        other if other.iter().all(u8::is_ascii_digit) => {
            Err(fault(522, "Protocol not supported, use (1,2)"))
        }
        _ => Err(fault(501, "EPSV, EPSV 1, EPSV 2 or EPSV ALL")),
    }
}

fn options(argument: &[u8]) -> Result<Command, Fault> {
    let upper = argument.to_ascii_uppercase();
    match upper.as_slice() {
        b"UTF8" | b"UTF8 ON" => Ok(Command::OptsUtf8),
        b"MLST" => Ok(Command::OptsMlst(Vec::new())),
        _ => match upper.strip_prefix(b"MLST ") {
            Some(facts) => Ok(Command::OptsMlst(facts.to_vec())),
            None => Err(fault(501, "OPTS UTF8 ON or OPTS MLST")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_come_in_any_case_and_names_keep_their_bytes() {
        for (line, command) in [
            (&b"retr a b"[..], Command::Retr(b"a b".to_vec())),
            (b"RETR  a ", Command::Retr(b" a ".to_vec())),
            (b"Stor \xff\xe9", Command::Stor(b"\xff\xe9".to_vec())),
            (b"xmkd d", Command::Mkd(b"d".to_vec())),
            (b"CWD /", Command::Cwd(b"/".to_vec())),
            (b"PASS ", Command::Pass(Vec::new())),
            (b"PASS a\rb", Command::Pass(b"a\rb".to_vec())),
            (b"LIST", Command::List(None)),
            (b"LIST -la", Command::List(None)),
            (b"NLST -l -a dir", Command::Nlst(Some(b"dir".to_vec()))),
            (b"LIST ./-x", Command::List(Some(b"./-x".to_vec()))),
            (b"TYPE a", Command::TypeAscii),
            (b"TYPE L 8", Command::TypeImage),
            (b"REST 18446744073709551615", Command::Rest(u64::MAX)),
            (b"EPSV 2", Command::Epsv(Family::V6)),
            (b"epsv all", Command::EpsvAll),
            (b"ALLO 10 R 5", Command::Allo),
            (b"OPTS utf8 on", Command::OptsUtf8),
            (b"OPTS MLST size;", Command::OptsMlst(b"SIZE;".to_vec())),
            (b"NOOP  ", Command::Noop),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line:?}");
        }
    }

    #[test]
    fn lines_that_are_no_commands_have_their_codes() {
        for (line, code) in [
            (&b""[..], 500),
            (b" USER x", 500),
            (b"GET / HTTP/1.1", 500),
            (b"\xff\xfe\x00", 500),
            (b"RETR", 501),
            (b"RETR ", 501),
            (b"RETR a\0b", 501),
            (b"CWD a\rb", 501),
            (b"REST", 501),
            (b"REST -1", 501),
            (b"REST +1", 501),
            (b"REST 18446744073709551616", 501),
            (b"ALLO", 501),
            (b"TYPE", 501),
            (b"TYPE E", 504),
            (b"MODE B", 504),
            (b"MODE X", 501),
            (b"STRU R", 504),
            (b"PWD x", 501),
            (b"STAT x", 504),
            (b"PORT 1,2,3,4,5,6", 502),
            (b"EPRT |1|127.0.0.1|20|", 502),
            (b"AUTH TLS", 502),
            (b"EPSV 3", 522),
            (b"EPSV x", 501),
            (b"OPTS UTF8 OFF", 501),
            (b"XYZZ", 500),
        ] {
            assert_eq!(
                Command::parse(line).map_err(|f| f.code),
                Err(code),
                "{line:?}"
            );
        }
    }

    #[test]
    fn any_bytes_are_a_command_or_a_fault() {
        use proptest::prelude::*;
        let verb = "[A-Za-z]{0,5}".prop_map(String::into_bytes);
        let rest = proptest::collection::vec(any::<u8>(), 0..40);
        let outcome = proptest::test_runner::TestRunner::deterministic().run(
            &(verb, any::<bool>(), rest),
            |(verb, has_blank, rest)| {
                let blank: &[u8] = if has_blank { b" " } else { b"" };
                let line = [&verb, blank, &rest].concat();
                if let Err(fault) = Command::parse(&line) {
                    prop_assert!((500..600).contains(&fault.code));
                }
                let mut lines = super::super::lines::Lines::new(8);
                lines.feed(&line);
                lines.feed(b"\r\n\r\n");
                prop_assert!(std::iter::from_fn(|| lines.next()).count() >= 1);
                Ok(())
            },
        );
        outcome.expect("because nothing may panic");
    }

    #[test]
    fn help_names_what_is_parsed() {
        for verb in VERBS.split(' ') {
            let outcome = Command::parse(verb.as_bytes()).map_err(|fault| fault.code);
            assert!(matches!(outcome, Ok(_) | Err(501)), "{verb}");
        }
    }
}
