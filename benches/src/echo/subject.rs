//! Which servers are measured and how they are started.
//!
//! Any command that prints a line with `listening on …:PORT` on its stdout and ends at SIGTERM or
//! SIGINT can be a subject; the default is the shipped example, built here.

use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

/// A kind of server, started anew for every scenario with its number of workers.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// The hand-written server.
    Floor,
    /// A built example, called with `--port 0 --workers N`.
    Example(PathBuf),
    /// A command line; `{workers}` stands for the number of workers.
    Command(String),
}

impl Subject {
    /// Builds `example` in release mode and finds the program.
    pub(crate) fn build(example: &str) -> io::Result<Subject> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let output = Command::new(cargo)
            .current_dir(root)
            .args([
                "build",
                "--release",
                "--package",
                "greenroom",
                "--example",
                example,
            ])
            .args(["--message-format", "json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(format!(
                "example {example} does not build"
            )));
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let program = messages.lines().find_map(|line| executable(line, example));
        let program = program.ok_or_else(|| io::Error::other("cargo names no program"))?;
        Ok(Subject::Example(program))
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Subject::Floor => "floor".to_owned(),
            Subject::Example(path) => path.display().to_string(),
            Subject::Command(line) => line.clone(),
        }
    }

    pub(crate) fn argv(&self, workers: usize) -> io::Result<Vec<OsString>> {
        let workers = workers.to_string();
        let own = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let (program, args) = match self {
            Subject::Floor => {
                let args = own(&["floor-server", "--port", "0", "--threads", &workers]);
                (env::current_exe()?.into_os_string(), args)
            }
            Subject::Example(path) => (
                path.clone().into(),
                own(&["--port", "0", "--workers", &workers]),
            ),
            Subject::Command(line) => {
                let line = line.replace("{workers}", &workers);
                return Ok(line.split_whitespace().map(OsString::from).collect());
            }
        };
        Ok(std::iter::once(program).chain(args).collect())
    }
}

/// The program named by one of cargo's JSON messages, if it is `example`.
fn executable(line: &str, example: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let is_example = target["name"] == example && target["kind"][0] == "example";
    let path = message["executable"].as_str()?;
    is_example.then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_is_taken_from_the_named_example_only() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["example"],
            "name":"gevent_echo"},"executable":"/t/gevent_echo"}"#;
        assert_eq!(
            executable(line, "gevent_echo"),
            Some(PathBuf::from("/t/gevent_echo"))
        );
        assert_eq!(executable(line, "other"), None);
        assert_eq!(executable("not json", "gevent_echo"), None);
    }

    #[test]
    fn command_line_gets_the_number_of_workers() {
        let subject = Subject::Command("srv --w {workers}".to_owned());
        assert_eq!(subject.argv(2).unwrap(), ["srv", "--w", "2"]);
    }
}
