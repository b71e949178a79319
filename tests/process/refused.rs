//! Bad input: what std refuses is refused, with the same kind and the same text.
//!
//! Each case is tried by every method that starts.

use crate::ground::Scratch;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;

const NUL: &str = "nul byte found in provided data";

macro_rules! same_tests {
    ($name:ident, $process:path, $around:path) => {
        mod $name {
            use super::*;
            use process::Command;
            use $process as process;

            /// The same error from every method that starts.
            #[track_caller]
            fn is_refused(command: &mut Command, kind: ErrorKind) -> String {
                let spawned = command.spawn().map(drop).unwrap_err();
                let asked = command.output().map(drop).unwrap_err();
                let run = command.status().map(drop).unwrap_err();
                assert_eq!(
                    [spawned.kind(), asked.kind(), run.kind()],
                    [kind, kind, kind]
                );
                assert_eq!(spawned.to_string(), asked.to_string());
                spawned.to_string()
            }

            #[test]
            fn missing_program_is_not_found() {
                $around(|| {
                    for program in ["no-such-program-anywhere", "/no/such/program", ""] {
                        let text = is_refused(&mut Command::new(program), ErrorKind::NotFound);
                        assert_eq!(text, "No such file or directory (os error 2)");
                    }
                });
            }

            #[test]
            fn program_that_cannot_be_executed_is_denied() {
                $around(|| {
                    for program in ["/etc/passwd", "/"] {
                        is_refused(&mut Command::new(program), ErrorKind::PermissionDenied);
                    }
                    let place = Scratch::new();
                    let below_a_file = place.0.join("file/program");
                    std::fs::write(place.0.join("file"), "").unwrap();
                    is_refused(&mut Command::new(below_a_file), ErrorKind::NotADirectory);
                });
            }

            #[test]
            fn nul_inside_is_invalid_input() {
                $around(|| {
                    let nul = OsStr::from_bytes(b"has-\0\0-inside");
                    let refused = |command: &mut Command| {
                        assert_eq!(is_refused(command, ErrorKind::InvalidInput), NUL);
                    };
                    refused(&mut Command::new(nul));
                    refused(Command::new("echo").arg(nul));
                    refused(Command::new("echo").args([nul]));
                    refused(Command::new("env").env(nul, "value"));
                    refused(Command::new("env").env("key", nul));
                    refused(Command::new("env").envs([("key", nul)]));
                    refused(Command::new("echo").current_dir(nul));
                });
            }

            #[test]
            fn name_that_is_too_long_is_refused() {
                $around(|| {
                    let name = "x".repeat(1 << 13);
                    let kind = ErrorKind::InvalidFilename;
                    is_refused(&mut Command::new(format!("/{name}")), kind);
                    is_refused(Command::new("true").current_dir(name), kind);
                    let argument = "x".repeat(1 << 20);
                    let kind = ErrorKind::ArgumentListTooLong;
                    is_refused(Command::new("true").arg(argument), kind);
                });
            }

            #[test]
            fn directory_that_is_none_is_refused() {
                $around(|| {
                    let mut command = Command::new("true");
                    is_refused(command.current_dir("/no/such/place"), ErrorKind::NotFound);
                    let kind = ErrorKind::NotADirectory;
                    is_refused(command.current_dir("/etc/passwd"), kind);
                });
            }
        }
    };
}

same_tests!(of_std, std::process, crate::ground::once);
same_tests!(of_greenroom, greenroom::process, crate::ground::everywhere);
