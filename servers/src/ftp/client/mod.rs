//! The client: what a user of FTP does, one call each.
//!
//! It believes no server: data connections go to the host that it talks to, whatever PASV says; answers
//! and lists are bounded; everything has a time limit. `transfer` has what needs a data connection.

mod answer;
mod transfer;

pub use answer::Answer;

use answer::{Answers, garbage};
use greenroom::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

/// How long anything may take that is not a transfer, and a transfer stand still.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to an FTP server. Dropping it closes it without a word.
///
/// Every method parks. After an error that is no [`Answer`] the two sides may be out of step: connect
/// again.
///
/// # Examples
/// ```
/// use greenroom_servers::TcpServer;
/// use greenroom_servers::ftp::{Ftp, Settings, client::FtpClient};
/// use greenroom_servers::root::Root;
/// greenroom::run(|| {
///     let ftp = Ftp::new(Root::read_only("src")?, Settings::default());
///     let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(ftp)?;
///
///     let mut client = FtpClient::connect(server.local_addr())?;
///     client.login("anonymous", "me@here")?;
///     client.cwd("ftp")?;
///     assert_eq!(client.pwd()?, "/ftp");
///     let size = client.size("mod.rs")?;
///     let mut text = Vec::new();
///     client.get("mod.rs", &mut text, |so_far, total| assert!(Some(so_far) <= total))?;
///     assert_eq!(text.len() as u64, size);
///     client.get_from("mod.rs", 4, &mut text, |_, _| {})?;
///     assert_eq!(text.len() as u64, 2 * size - 4);
///     assert!(client.list("..")?.contains(" lib.rs"));
///     assert!(client.put("new", &b"text"[..], |_| {}).is_err());
///     assert!(client.mkdir("new").is_err());
///     client.quit()
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FtpClient {
    control: TcpStream,
    server: SocketAddr,
    answers: Answers,
    patience: Duration,
    /// Until the server says that it knows no EPSV.
    has_extended: bool,
    greeting: Answer,
}

impl FtpClient {
    /// Connects, and hears the greeting.
    ///
    /// # Errors
    /// What connecting reports; an [`Answer`] that is no welcome; `InvalidData` for what is no answer.
    pub fn connect<A: ToSocketAddrs>(address: A) -> io::Result<FtpClient> {
        FtpClient::connect_with(address, PATIENCE)
    }

    /// As [`connect`](FtpClient::connect), with another limit than half a minute for each answer and each
    /// standstill.
    ///
    /// # Errors
    /// As [`connect`](FtpClient::connect); `TimedOut`.
    pub fn connect_with<A: ToSocketAddrs>(address: A, patience: Duration) -> io::Result<FtpClient> {
        let late = |_| io::Error::from(ErrorKind::TimedOut);
        let connected = greenroom::timeout(patience, || TcpStream::connect(address));
        let control = connected.map_err(late)??;
        control.set_nodelay(true)?;
        control.set_write_timeout(Some(patience))?;
        let mut answers = Answers::new();
        let mut greeting = answers.next(&control, patience)?;
        if greeting.code == 120 {
            greeting = answers.next(&control, patience)?;
        }
        Ok(FtpClient {
            server: control.peer_addr()?,
            control,
            answers,
            patience,
            has_extended: true,
            greeting: greeting.expect(&[2])?,
        })
    }

    /// What the server said first.
    #[must_use]
    pub fn greeting(&self) -> &Answer {
        &self.greeting
    }

    /// Logs in. Without an account: `anonymous`, with any password.
    ///
    /// # Errors
    /// An [`Answer`], of kind `PermissionDenied` for 530.
    pub fn login(&mut self, user: &str, password: &str) -> io::Result<()> {
        let answer = self.ask("USER", user)?.expect(&[2, 3])?;
        if answer.code / 100 == 3 {
            self.ask("PASS", password)?.expect(&[2])?;
        }
        // Names are UTF-8 here. A server that knows no OPTS has no choice of them either.
        self.ask("OPTS", "UTF8 ON")?;
        Ok(())
    }

    /// Goes to another directory.
    ///
    /// # Errors
    /// An [`Answer`]; `InvalidInput` for a name with a NUL, CR or LF, here and below.
    pub fn cwd(&mut self, directory: &str) -> io::Result<()> {
        self.order("CWD", directory)
    }

    /// The current directory.
    ///
    /// # Errors
    /// An [`Answer`]; `InvalidData` if there is no path in it.
    pub fn pwd(&mut self) -> io::Result<String> {
        let answer = self.ask("PWD", "")?.expect(&[2])?;
        unquoted(answer.text()).ok_or_else(|| garbage("no path"))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// An [`Answer`].
    pub fn mkdir(&mut self, directory: &str) -> io::Result<()> {
        self.order("MKD", directory)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// An [`Answer`].
    pub fn rmdir(&mut self, directory: &str) -> io::Result<()> {
        self.order("RMD", directory)
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// An [`Answer`].
    pub fn delete(&mut self, file: &str) -> io::Result<()> {
        self.order("DELE", file)
    }

    /// Gives something another name.
    ///
    /// # Errors
    /// An [`Answer`].
    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        check(to)?;
        self.ask("RNFR", from)?.expect(&[3])?;
        self.order("RNTO", to)
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// An [`Answer`]; `InvalidData` for what is no number.
    pub fn size(&mut self, file: &str) -> io::Result<u64> {
        // Before, in TYPE A, many servers would refuse.
        self.order("TYPE", "I")?;
        let answer = self.ask("SIZE", file)?.expect(&[2])?;
        answer.text().trim().parse().map_err(|_| garbage("no size"))
    }

    /// Says good bye.
    ///
    /// # Errors
    /// What the connection reports; an [`Answer`].
    pub fn quit(mut self) -> io::Result<()> {
        self.order("QUIT", "")
    }

    /// One command whose answer is yes or no.
    fn order(&mut self, verb: &str, argument: &str) -> io::Result<()> {
        self.ask(verb, argument)?.expect(&[2]).map(|_| ())
    }

    /// One command, one answer.
    fn ask(&mut self, verb: &str, argument: &str) -> io::Result<Answer> {
        check(argument)?;
        let line = match argument {
            "" => format!("{verb}\r\n"),
            _ => format!("{verb} {argument}\r\n"),
        };
        self.control.write_all(line.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        self.answers.next(&self.control, self.patience)
    }
}

/// A line end in a name would be the end of the command, and the rest another one.
fn check(argument: &str) -> io::Result<()> {
    match argument.contains(['\0', '\r', '\n']) {
        true => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "a name with a NUL, CR or LF",
        )),
        false => Ok(()),
    }
}

/// The path of a 257: in quotes, those inside doubled.
fn unquoted(text: &str) -> Option<String> {
    let (_, mut rest) = text.split_once('"')?;
    let mut path = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        path += part;
        match after.strip_prefix('"') {
            None => return Some(path),
            Some(more) => {
                path.push('"');
                rest = more;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_out_of_their_quotes() {
        for (text, path) in [
            (r#""/" is current"#, Some("/")),
            (r#""/a ""b""" is current"#, Some("/a \"b\"")),
            (r#""/x"#, None),
            ("/x", None),
            (r#""""#, Some("")),
        ] {
            assert_eq!(unquoted(text).as_deref(), path, "{text}");
        }
    }

    #[test]
    fn names_that_hide_a_command_are_refused() {
        assert!(check("a\r\nDELE b").is_err());
        assert!(check("a b é").is_ok());
    }
}
