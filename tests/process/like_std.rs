//! Commands and children: what holds of `std::process` holds of greenroom's.
//!
//! Types, texts, environment, ends, and what Unix adds.

use crate::ground::{Scratch, everywhere, once, sh};

macro_rules! same_tests {
    ($name:ident, $process:path, $unix:path, $around:path) => {
        mod $name {
            use super::*;
            use process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};
            use std::fmt::Debug;
            use std::panic::{RefUnwindSafe, UnwindSafe};
            use unix::{CommandExt, ExitStatusExt};
            use $process as process;
            use $unix as unix;

            fn is_shared<T: Send + Sync + Debug>() {}
            fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

            /// What the script says.
            fn said(output: &Output) -> &str {
                str::from_utf8(&output.stdout).unwrap()
            }

            #[test]
            fn types_implement_the_same() {
                is_shared::<Command>();
                is_shared::<Child>();
                is_shared::<Stdio>();
                is_shared::<ChildStdin>();
                is_shared::<ChildStdout>();
                is_shared::<ChildStderr>();
                is_unwind_safe::<Child>();
                is_unwind_safe::<ChildStdin>();
                is_unwind_safe::<ChildStdout>();
                is_unwind_safe::<ChildStderr>();
                is_unwind_safe::<Output>();
            }

            #[test]
            fn debug_texts_are_the_same() {
                $around(|| {
                    let mut child = sh!(Command, "cat >/dev/null")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap();
                    assert_eq!(
                        format!("{child:?}"),
                        "Child { stdin: Some(ChildStdin { .. }), \
                         stdout: Some(ChildStdout { .. }), stderr: None, .. }"
                    );
                    child.wait().unwrap();
                    assert_eq!(format!("{:?}", Stdio::piped()), "Stdio { .. }");
                    let mut erring = sh!(Command, "true").stderr(Stdio::piped()).spawn().unwrap();
                    let stderr = erring.stderr.take().unwrap();
                    assert_eq!(format!("{stderr:?}"), "ChildStderr { .. }");
                    erring.wait().unwrap();
                });
            }

            #[test]
            fn debug_text_of_a_command_is_a_line_for_a_shell() {
                let mut command = Command::new("prog");
                assert_eq!(format!("{command:?}"), r#""prog""#);
                command.args(["1", "two words"]);
                assert_eq!(format!("{command:?}"), r#""prog" "1" "two words""#);
                command.arg0("other");
                assert_eq!(
                    format!("{command:?}"),
                    r#"["prog"] "other" "1" "two words""#
                );
                command.current_dir("/a b").env("K", "v").env_remove("R");
                assert_eq!(
                    format!("{command:?}"),
                    r#"cd "/a b" && env -u R K="v" ["prog"] "other" "1" "two words""#
                );
                command.env_clear().env("N", "new");
                assert!(format!("{command:?}").contains(r#"env -i N="new" "#));
                let mut plain = Command::new("prog");
                plain
                    .arg("x")
                    .uid(7)
                    .gid(8)
                    .process_group(9)
                    .stdin(Stdio::null());
                let fields = "Command { program: \"prog\", args: [ \"prog\", \"x\", ], \
                              uid: Some( 7, ), gid: Some( 8, ), stdin: Some( Null, ), \
                              pgroup: Some( 9, ), create_pidfd: false, }";
                let text = format!("{plain:#?}");
                assert_eq!(
                    text.split_whitespace().collect::<Vec<_>>().join(" "),
                    fields
                );
            }

            #[test]
            fn command_tells_what_it_was_told() {
                let mut command = Command::new("prog");
                assert_eq!(command.get_current_dir(), None);
                command.arg("a").args(["b", "c"]).current_dir("/");
                command.env("K", "v").envs([("L", "w")]).env_remove("M");
                assert_eq!(command.get_program(), "prog");
                assert_eq!(command.get_args().len(), 3);
                assert!(command.get_args().eq(["a", "b", "c"]));
                assert_eq!(command.get_current_dir(), Some("/".as_ref()));
                let envs = command.get_envs().map(|(key, value)| {
                    let text = |text: &std::ffi::OsStr| text.to_str().unwrap().to_owned();
                    (text(key), value.map(text))
                });
                let told = [("K", Some("v")), ("L", Some("w")), ("M", None)];
                let told = told.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
                assert!(envs.eq(told));
            }

            #[test]
            fn child_that_has_ended_tells_how_as_often_as_asked() {
                $around(|| {
                    for code in [0, 1, 255] {
                        let mut child = sh!(Command, format!("exit {code}")).spawn().unwrap();
                        let status = child.wait().unwrap();
                        assert_eq!(status.code(), Some(code));
                        assert_eq!(status.success(), code == 0);
                        assert_eq!(status.to_string(), format!("exit status: {code}"));
                        assert_eq!(child.wait().unwrap(), status);
                        assert_eq!(child.try_wait().unwrap(), Some(status));
                    }
                    assert_eq!(sh!(Command, "exit 3").status().unwrap().code(), Some(3));
                });
            }

            #[test]
            fn child_that_is_killed_tells_the_signal() {
                $around(|| {
                    let mut child = sh!(Command, "read line")
                        .stdin(Stdio::piped())
                        .spawn()
                        .unwrap();
                    assert_eq!(child.try_wait().unwrap(), None);
                    child.kill().unwrap();
                    child.kill().unwrap();
                    let status = child.wait().unwrap();
                    assert_eq!((status.signal(), status.code()), (Some(9), None));
                    assert_eq!(status.to_string(), "signal: 9 (SIGKILL)");
                    child.kill().unwrap();
                    child.kill().unwrap();
                    let status = sh!(Command, "kill -TERM $$").status().unwrap();
                    assert_eq!(status.signal(), Some(15));
                });
            }

            #[test]
            fn wait_closes_the_standard_input_first() {
                $around(|| {
                    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
                    assert!(child.wait().unwrap().success());
                    assert!(child.stdin.is_none());
                });
            }

            #[test]
            fn environment_is_ours_with_the_changes() {
                $around(|| {
                    let script = "echo ${ADDED-none} ${HOME-none} ${PATH-none}";
                    let mut command = sh!(Command, script);
                    command
                        .env("ADDED", "1")
                        .env("HOME", "/h")
                        .env_remove("PATH");
                    let output = command.output().unwrap();
                    let words = said(&output).split_whitespace().collect::<Vec<_>>();
                    // A shell without a PATH has one of its own.
                    assert_eq!(words[..2], ["1", "/h"]);
                    assert_ne!(words[2], std::env::var("PATH").unwrap());
                    let mut bare = Command::new("/usr/bin/env");
                    bare.env("GONE", "1")
                        .env_clear()
                        .envs([("A", "1"), ("B", "2")]);
                    assert_eq!(said(&bare.output().unwrap()), "A=1\nB=2\n");
                });
            }

            #[test]
            fn program_is_searched_for_in_the_path_of_the_child() {
                $around(|| {
                    let place = Scratch::new();
                    let program = place.0.join("greenroom-says-its-name");
                    std::os::unix::fs::symlink("/bin/echo", &program).unwrap();
                    let mut command = Command::new("greenroom-says-its-name");
                    command.arg("found").env("PATH", &place.0);
                    assert_eq!(said(&command.output().unwrap()), "found\n");
                });
            }

            #[test]
            #[expect(unsafe_code, reason = "the closure makes std fork")]
            fn directory_is_set_by_both_ways_of_starting() {
                $around(|| {
                    let mut command = Command::new("pwd");
                    command.current_dir("/");
                    assert_eq!(said(&command.output().unwrap()), "/\n");
                    // SAFETY: does nothing.
                    unsafe { command.pre_exec(|| Ok(())) };
                    assert_eq!(said(&command.output().unwrap()), "/\n");
                });
            }

            #[test]
            #[expect(unsafe_code, reason = "closures that run in a forked child")]
            fn closures_before_the_program_run_in_order_until_one_fails() {
                $around(|| {
                    let say = |text: &'static [u8]| {
                        move || {
                            // SAFETY: reads bytes that are there for ever.
                            unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
                            Ok(())
                        }
                    };
                    let mut command = sh!(Command, "echo program");
                    // SAFETY: write(2) is async-signal-safe.
                    unsafe { command.pre_exec(say(b"one ")) };
                    // SAFETY: as above.
                    #[expect(deprecated, reason = "is std's, so it is ours")]
                    unsafe {
                        command.before_exec(say(b"two "))
                    };
                    assert_eq!(said(&command.output().unwrap()), "one two program\n");
                    let fails = || Err(std::io::Error::from_raw_os_error(libc::EUCLEAN));
                    // SAFETY: neither allocates.
                    unsafe { command.pre_exec(fails).pre_exec(|| std::process::abort()) };
                    let error = command.stdout(Stdio::null()).spawn().unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EUCLEAN));
                });
            }

            #[test]
            fn first_word_and_process_group_are_what_was_asked_for() {
                $around(|| {
                    let output = sh!(Command, "echo $0").arg0("-name").output().unwrap();
                    assert_eq!(said(&output), "-name\n");
                    // The fifth word is the process group, proc_pid_stat(5).
                    let script = "read a b c d group rest </proc/self/stat; echo $$ $group";
                    let group_of = |output: Output| {
                        let words = said(&output).split_whitespace();
                        words
                            .map(|word| word.parse().unwrap())
                            .collect::<Vec<u32>>()
                    };
                    let own = group_of(sh!(Command, script).process_group(0).output().unwrap());
                    assert_eq!(own[0], own[1]);
                    let ours = group_of(sh!(Command, script).output().unwrap());
                    assert_ne!(ours[0], ours[1]);
                });
            }

            #[test]
            fn user_and_group_are_what_was_asked_for() {
                use std::os::unix::fs::MetadataExt;
                $around(|| {
                    let me = std::fs::metadata("/proc/self").unwrap();
                    let mut command = sh!(Command, "echo $(id -u) $(id -g)");
                    command.uid(me.uid()).gid(me.gid());
                    let expected = format!("{} {}\n", me.uid(), me.gid());
                    assert_eq!(said(&command.output().unwrap()), expected);
                    let mut other = sh!(Command, "echo $(id -u) $(id -g)");
                    other.uid(4321).gid(4322).current_dir("/");
                    match other.output() {
                        Ok(output) => assert_eq!(said(&output), "4321 4322\n"),
                        Err(error) => {
                            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
                        }
                    }
                });
            }

            #[test]
            fn command_starts_again_and_again_by_every_method() {
                $around(|| {
                    let mut command = sh!(Command, "read x; test -z \"$x\"");
                    command.stdin(Stdio::null());
                    assert!(command.spawn().unwrap().wait().unwrap().success());
                    assert!(command.output().unwrap().status.success());
                    assert!(command.status().unwrap().success());
                    let child = command.spawn().unwrap();
                    assert!(child.stdout.is_none() && child.stderr.is_none());
                    assert!(child.wait_with_output().unwrap().stdout.is_empty());
                });
            }
        }
    };
}

same_tests!(
    of_std,
    std::process,
    std::os::unix::process,
    crate::ground::once
);
same_tests!(
    of_greenroom,
    greenroom::process,
    greenroom::os::unix::process,
    crate::ground::everywhere
);

#[test]
fn what_does_not_wait_is_stds_own() {
    let status: std::process::ExitStatus = greenroom::process::ExitStatus::default();
    let code: std::process::ExitCode = greenroom::process::ExitCode::SUCCESS;
    assert!(status.success() && code == std::process::ExitCode::SUCCESS);
    assert_eq!(greenroom::process::id(), std::process::id());
    assert_eq!(
        greenroom::os::unix::process::parent_id(),
        std::os::unix::process::parent_id()
    );
}

#[test]
fn commands_and_children_change_sides() {
    everywhere(|| {
        let mut theirs = std::process::Command::new("cat");
        theirs.stdin(std::process::Stdio::piped());
        let child = greenroom::process::Command::from(theirs).spawn().unwrap();
        let mut theirs = child.into_std();
        assert!(theirs.stdin.is_some());
        let mut ours = greenroom::process::Child::from({
            drop(theirs.stdin.take());
            theirs
        });
        assert!(ours.wait().unwrap().success());
    });
    once(|| {
        let mut ours = greenroom::process::Command::new("true");
        ours.output().unwrap();
        let mut theirs = std::process::Command::from(ours);
        assert!(theirs.status().unwrap().success());
    });
}
