//! What a test says to a child process, and hears of it, while it runs.

use super::child::Running;

impl Running {
    /// The next line of standard output that begins with `start`; returns the rest of it.
    pub(crate) fn line(&mut self, start: &str) -> String {
        while let Some(line) = self.next_line() {
            // libtest prints `test name ... ` in front of the child's first line.
            if let Some((_, rest)) = line.split_once(start) {
                return rest.to_owned();
            }
        }
        panic!("no line `{start}`; stderr: {}", self.stderr());
    }
}
