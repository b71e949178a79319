//! Takes std's tests from the toolchain's sources and makes each run in three places.
//!
//! A test `fn name() { body }` becomes three, one per place, with the body as an inner function.
//! Paths that begin with `std::` or `crate::` mean the root of `tests/std.rs`, where greenroom's modules
//! have std's names. What is left out is in `fitting.rs`, each with its reason. Without the sources, or
//! with those of another version, the files come out empty and one test says so.

#[path = "fitting.rs"]
mod fitting;
#[path = "rewrite.rs"]
mod rewrite;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The sources that `fitting.rs` was written for.
const VERSION: &str = "1.95.";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=fitting.rs");
    println!("cargo::rerun-if-changed=rewrite.rs");
    println!("cargo::rustc-check-cfg=cfg(std_sources)");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let sources = sources();
    if sources.is_some() {
        println!("cargo::rustc-cfg=std_sources");
    }
    let mut left_out = String::new();
    for file in fitting::FILES {
        let text = sources.as_ref().map_or_else(String::new, |library| {
            let path = library.join(file.path);
            println!("cargo::rerun-if-changed={}", path.display());
            let text = fs::read_to_string(&path).unwrap_or_default();
            rewrite::rewrite(file, &text, &mut left_out)
        });
        let target = out.join(file.module).with_extension("rs");
        fs::write(target, text).expect("the output directory can be written");
    }
    for (path, reason) in fitting::NOT_TAKEN {
        left_out.push_str(&format!("{path}: {reason}\n"));
    }
    fs::write(out.join("left_out.txt"), left_out).expect("the output directory can be written");
}

/// The directory `library/` of the toolchain, if it has one of the right version.
fn sources() -> Option<PathBuf> {
    let rustc = env::var_os("RUSTC")?;
    let ask = |args: &[&str]| {
        let output = Command::new(&rustc).args(args).output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let version = ask(&["--version"])?;
    let is_known = version
        .split(' ')
        .nth(1)
        .is_some_and(|number| number.starts_with(VERSION));
    let sysroot = ask(&["--print", "sysroot"])?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    (is_known && library.join("std/src/lib.rs").exists()).then_some(library)
}
