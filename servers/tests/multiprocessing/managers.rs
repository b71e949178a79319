//! Managers: shared objects, and the end of the process that holds them.

use crate::watch;
use greenroom_servers::multiprocessing::{
    Connection, DictProxy, ListProxy, Manager, Process, pipe,
};
use std::io::ErrorKind;

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    processes_share_a_dict_and_a_list,
    killed_manager_is_an_error_for_everybody_under_load,
    order_that_panics_harms_nothing,
    manager_ends_with_its_last_handle,
];

fn processes_share_a_dict_and_a_list() {
    fn add((number, dict, list): (u32, DictProxy<u32, String>, ListProxy<u32>)) {
        dict.insert(&number, &number.to_string()).unwrap();
        list.append(&(100 - number)).unwrap();
    }
    let manager = Manager::start().unwrap();
    let (dict, list) = (manager.dict().unwrap(), manager.list().unwrap());
    let start = |number| Process::spawn(add, (number, dict.clone(), list.clone())).unwrap();
    for process in (0..10).map(start).collect::<Vec<_>>() {
        assert!(process.join().success());
    }
    assert_eq!(dict.len().unwrap(), 10);
    assert_eq!(dict.get(&7).unwrap().as_deref(), Some("7"));
    list.sort().unwrap();
    assert!(list.to_vec().unwrap().into_iter().eq(91..=100));
}

fn killed_manager_is_an_error_for_everybody_under_load() {
    fn hammer((dict, told): (DictProxy<u32, u32>, Connection<String, ()>)) {
        told.send(&String::new()).unwrap();
        let error = loop {
            match dict.insert(&1, &2) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        told.send(&error.to_string()).unwrap();
    }
    let manager = Manager::start().unwrap();
    let dict = manager.dict::<u32, u32>().unwrap();
    let start = |_| {
        let (ours, theirs) = pipe::<(), String>().unwrap();
        let process = Process::spawn(hammer, (dict.clone(), theirs)).unwrap();
        assert_eq!(ours.recv().unwrap(), "");
        (ours, process)
    };
    let all: Vec<_> = (0..4).map(start).collect();
    let here = dict.clone();
    let local = greenroom::thread::spawn(move || {
        loop {
            if let Err(error) = here.len() {
                return error.to_string();
            }
        }
    });
    watch::kill(manager.process().pid(), "KILL");
    for (ours, process) in all {
        let error = ours.recv().unwrap();
        assert!(
            error.contains("the process that holds the manager's objects is gone"),
            "{error}"
        );
        assert!(process.join().success());
    }
    let expected = format!(
        "Manager (pid {}) was killed by signal 9",
        manager.process().pid()
    );
    for error in [
        local.join().unwrap(),
        manager.list::<u8>().unwrap_err().to_string(),
    ] {
        assert!(error.contains(&expected), "{error}");
    }
}

#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Moody(u8);

impl PartialOrd for Moody {
    fn partial_cmp(&self, other: &Moody) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moody {
    fn cmp(&self, _other: &Moody) -> std::cmp::Ordering {
        panic!("not today")
    }
}

fn order_that_panics_harms_nothing() {
    let manager = Manager::start().unwrap();
    let list = manager.list().unwrap();
    list.extend([Moody(2), Moody(1)]).unwrap();
    let error = list.sort().unwrap_err().to_string();
    assert!(error.contains("the order panicked"), "{error}");
    assert_eq!(list.to_vec().unwrap(), [Moody(2), Moody(1)]);
}

fn manager_ends_with_its_last_handle() {
    let manager = Manager::start().unwrap();
    let process = manager.process().clone();
    let list = manager.list::<u8>().unwrap();
    drop(manager);
    list.append(&1).unwrap();
    drop(list);
    assert!(process.join().success());
}
