//! A directory of this process for scripts, configurations and files to be served; gone with its owner.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An error if it is there already: the directory of temporary files belongs to all users.
    pub(crate) fn new() -> io::Result<Scratch> {
        // A killed bench leaves its directory behind, and its process id to another.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let nonce = since_epoch.map_or(0, |since| since.as_nanos());
        let name = format!("greenroom-bench-http-{}-{nonce}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Scratch(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file and returns where it is.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("bench: {}: {error}", self.0.display());
        }
    }
}
