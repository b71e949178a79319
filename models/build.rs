//! Copies of shipped files that loom cannot take as they are, into `OUT_DIR`.
//!
//! Three things are changed, and nothing else: a `const fn` that makes an atomic or a lock becomes a
//! `fn`, since loom counts its objects when they are made; the looks before a sleep, which are about
//! time only, become [`SPINS`], since each of them multiplies the executions; and a lock naps as
//! `sys/nap.rs` says. A copy whose original has no such line any more fails the build.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// One look: the loop is entered, and left both ways.
const SPINS: &str = "const SPINS: u32 = 1;";

/// What is copied: the original below `runtime/`, the name of the module, the lines that are changed.
struct Shipped {
    original: &'static str,
    module: &'static str,
    changes: &'static [(&'static str, &'static str)],
}

const COPIES: [Shipped; 3] = [
    Shipped {
        original: "sync/raw_mutex.rs",
        module: "raw_mutex",
        changes: &[
            ("pub(crate) const fn new(", "pub(crate) fn new("),
            ("pub(crate) const fn of_kind(", "pub(crate) fn of_kind("),
            ("const SPINS: u32 = 12;", SPINS),
        ],
    },
    Shipped {
        original: "queue/core.rs",
        module: "core",
        changes: &[("pub(crate) const fn new(", "pub(crate) fn new(")],
    },
    Shipped {
        original: "sys/lock.rs",
        module: "word_lock",
        changes: &[
            ("pub(crate) const fn new(", "pub(crate) fn new("),
            ("const SPINS: u32 = 200;", SPINS),
            ("use super::futex;", "use super::nap as futex;"),
        ],
    },
];

fn main() {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=greenroom_loom");
    for copy in COPIES {
        let original = runtime.join(copy.original);
        println!("cargo::rerun-if-changed={}", original.display());
        let mut text = fs::read_to_string(&original).expect("the original is there");
        for (shipped, changed) in copy.changes {
            let count = text.matches(shipped).count();
            assert_eq!(count, 1, "`{shipped}` in {}", copy.original);
            text = text.replace(shipped, changed);
        }
        let path = out.join(format!("{}.rs", copy.module));
        fs::write(&path, text).expect("OUT_DIR can be written");
        // `#[path]` takes a literal only, so the declaration of the module is made here too.
        let declaration = format!("#[path = {path:?}]\npub(crate) mod {};\n", copy.module);
        let declared = out.join(format!("mod_{}.rs", copy.module));
        fs::write(declared, declaration).expect("OUT_DIR can be written");
    }
}
