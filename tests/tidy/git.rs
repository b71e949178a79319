//! What git says of the files: that none is both tracked and ignored.
//!
//! Such a file is in every clone, and yet `git status` is silent about a copy that was taken out and put back.

use crate::Breach;
use std::path::Path;
use std::process::Command;

/// Nothing where `root` is no checkout, or where there is no git.
pub(crate) fn tracked_and_ignored(root: &Path) -> Vec<Breach> {
    if !root.join(".git").exists() {
        return Vec::new();
    }
    // By the .gitignore files only: what a user ignores everywhere is his own.
    let mut git = git(root);
    git.args(["ls-files", "-z", "--cached", "--ignored"])
        .arg("--exclude-per-directory=.gitignore");
    let listed = match git.output() {
        Ok(output) if output.status.success() => output.stdout,
        other => {
            eprintln!("{git:?}: {other:?}: this rule is left out");
            return Vec::new();
        }
    };
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let files = listed.split_terminator('\0');
    files
        .map(|file| Breach::new(file, 1, "it is tracked by git, and ignored by .gitignore"))
        .collect()
}

/// In that folder's repository, even if a hook of another one runs the tests.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(name);
    }
    git
}

#[test]
fn ignored_rule_can_fail() {
    let root = std::env::temp_dir().join(format!("greenroom-tidy-git-{}", std::process::id()));
    std::fs::create_dir(&root).expect("because nobody else has this name");
    let file = |name: &str, text: &str| std::fs::write(root.join(name), text);
    let is_written = ["kept", "log.txt"].map(|name| file(name, "x"));
    let ignored = file(".gitignore", "/log.txt\n");
    assert!(ignored.is_ok() && is_written.iter().all(Result::is_ok));
    let does = |args: &[&str]| {
        let status = git(&root).args(args).status();
        status.is_ok_and(|status| status.success())
    };
    let has_git = does(&["init", "--quiet"]);
    if has_git {
        assert!(does(&["add", "."]));
        assert_eq!(tracked_and_ignored(&root), []);
        assert!(does(&["add", "--force", "log.txt"]));
        let breaches = tracked_and_ignored(&root);
        assert_eq!(breaches.len(), 1, "{breaches:?}");
        assert_eq!(breaches[0].file, "log.txt");
    }
    std::fs::remove_dir_all(&root).expect("because it is this test's own");
}
