//! A dictionary and a list that processes share: they live in a process of their own, the manager.
//!
//! Port of: the notes, "Communication of processes: Manager" (file 002, section 4.2)
//!
//! Run: `cargo run -p greenroom-servers --example process_manager`
//!
//! Output:
//! ```text
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! [0, 1, 2, 3, 4, …]
//! dictionary: {…}
//! list: [0, 1, 2, 3, 4, …]
//! 4 processes counted to 100
//! without its manager: multiprocessing: … was killed by signal 9
//! ```
//!
//! Differs: the notes say that a manager has locks inside and needs none around it. Each operation is atomic, two are
//! not: who reads a number and writes it back plus one needs a lock, or loses some.

use greenroom::println;
use greenroom_servers::multiprocessing::{self, DictProxy, ListProxy, Lock, Manager, Process};
use std::collections::BTreeMap;
use std::io;

fn main() -> io::Result<()> {
    multiprocessing::run(|| {
        let manager = Manager::start()?;
        everybody_adds(&manager)?;
        everybody_counts(&manager)?;
        without(&manager)
    })?
}

fn everybody_adds(manager: &Manager) -> io::Result<()> {
    let dict = manager.dict::<u32, u32>()?;
    let list = manager.list::<u32>()?;
    list.extend(0..5)?;
    for_all(10, || Process::spawn(f, (dict.clone(), list.clone())))?;
    let sorted: BTreeMap<u32, u32> = dict.items()?.into_iter().collect();
    println!("dictionary: {sorted:?}");
    println!("list: {:?}", list.to_vec()?);
    Ok(())
}

fn f((dict, list): (DictProxy<u32, u32>, ListProxy<u32>)) -> io::Result<()> {
    add(&dict, &list, std::process::id())
}

fn add(dict: &DictProxy<u32, u32>, list: &ListProxy<u32>, pid: u32) -> io::Result<()> {
    dict.insert(&pid, &pid)?;
    list.append(&pid)?;
    println!("{:?}", list.to_vec()?);
    Ok(())
}

fn everybody_counts(manager: &Manager) -> io::Result<()> {
    let (lock, counts) = (Lock::new(), manager.dict::<String, u32>()?);
    for_all(4, || Process::spawn(count, (lock.clone(), counts.clone())))?;
    let counted = counts.get("all")?.unwrap_or(0);
    println!("4 processes counted to {counted}");
    Ok(())
}

fn count((lock, counts): (Lock, DictProxy<String, u32>)) -> io::Result<()> {
    for _ in 0..25 {
        let _held = lock.lock()?;
        let before = counts.get("all")?;
        counts.insert("all", &(before.unwrap_or(0) + 1))?;
    }
    Ok(())
}

fn for_all(n: u32, spawn: impl Fn() -> io::Result<Process>) -> io::Result<()> {
    let processes: io::Result<Vec<Process>> = (0..n).map(|_| spawn()).collect();
    for process in processes? {
        process.join();
    }
    Ok(())
}

fn without(manager: &Manager) -> io::Result<()> {
    let list = manager.list::<u32>()?;
    manager.process().kill()?;
    manager.process().join();
    match list.len() {
        Ok(len) => println!("unexpected: {len}"),
        Err(error) => println!("without its manager: {error}"),
    }
    Ok(())
}
