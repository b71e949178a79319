//! What the kernel says a process weighs: resident pages, page tables, mappings, and whose they are.

use std::{fs, io};

/// A process's memory in KiB, and its mappings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) rss: f64,
    /// Shared pages divided by their users.
    pub(crate) pss: f64,
    pub(crate) page_tables: f64,
    pub(crate) maps: f64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> io::Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        Ok(Memory {
            rss: kib(&status, "VmRSS:")?,
            pss: kib(&rollup, "Pss:")?,
            page_tables: kib(&status, "VmPTE:")?,
            maps: maps.lines().count() as f64,
        })
    }

    pub(crate) fn own() -> io::Result<Memory> {
        Memory::of(std::process::id())
    }

    /// What has come since `before`.
    pub(crate) fn since(self, before: Memory) -> Memory {
        Memory {
            rss: self.rss - before.rss,
            pss: self.pss - before.pss,
            page_tables: self.page_tables - before.page_tables,
            maps: self.maps - before.maps,
        }
    }
}

/// The number of the line that begins with `key`.
fn kib(text: &str, key: &str) -> io::Result<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| io::Error::other(format!("no {key} in /proc")))
}

/// A process's resident memory in KiB by owner.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owners {
    /// Mappings that refuse huge pages: the slabs of green stacks.
    pub(crate) stacks: f64,
    /// The heap and other anonymous memory: slots of tasks, sources, the allocator's arenas.
    pub(crate) heap: f64,
    /// Program and libraries.
    pub(crate) files: f64,
}

impl Owners {
    pub(crate) fn of(pid: u32) -> io::Result<Owners> {
        Ok(Owners::parse(&fs::read_to_string(format!(
            "/proc/{pid}/smaps"
        ))?))
    }

    fn parse(smaps: &str) -> Owners {
        let mut owners = Owners::default();
        let (mut is_file, mut pss) = (false, 0.0);
        for line in smaps.lines() {
            if let Some(flags) = line.strip_prefix("VmFlags:") {
                // The last line of each mapping.
                let is_slab = flags.split_whitespace().any(|flag| flag == "nh");
                match (is_slab, is_file) {
                    (true, _) => owners.stacks += pss,
                    (_, true) => owners.files += pss,
                    _ => owners.heap += pss,
                }
            } else if let Some(rest) = line.strip_prefix("Pss:") {
                let word = rest.split_whitespace().next();
                pss = word.and_then(|word| word.parse().ok()).unwrap_or(0.0);
            } else if !line.split(' ').next().unwrap_or("").ends_with(':') {
                is_file = line.contains(" /");
            }
        }
        owners
    }

    pub(crate) fn since(self, before: Owners) -> Owners {
        Owners {
            stacks: self.stacks - before.stacks,
            heap: self.heap - before.heap,
            files: self.files - before.files,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_counted_by_their_owner() {
        let text = "1000-2000 r-xp 00000000 08:01 9    /bin/x\nPss:   3 kB\nVmFlags: rd ex\n\
                    2000-3000 rw-p 00000000 00:00 0    [heap]\nPss:  10 kB\nVmFlags: rd wr\n\
                    3000-9000 rw-p 00000000 00:00 0\nPss: 200 kB\nVmFlags: rd wr nr nh\n";
        let owners = Owners::parse(text);
        let found = [owners.files, owners.heap, owners.stacks].map(|kib| format!("{kib}"));
        assert_eq!(found, ["3", "10", "200"]);
    }
}
