//! The end of the program, of the fork server, of everybody: nothing is left, and nobody waits.

use crate::child::{Ended, Running};
use crate::roles::program;
use crate::watch;

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    entry_with_a_second_thread_is_an_error,
    process_outside_of_the_entry_is_an_error,
    program_whose_starter_ignores_the_end_of_children_gets_statuses,
    end_of_main_waits_for_processes_and_ends_daemons,
    panic_of_main_ends_as_its_return_does,
    fork_server_killed_under_load_is_an_error_for_all,
    program_killed_under_load_leaves_nobody,
    program_that_exits_under_load_leaves_nobody,
    rounds_of_everything_leak_no_descriptor,
];

fn run(role: &'static str) -> Ended {
    greenroom::unblock(move || Running::start(&mut program(role)).end())
}

/// The numbers in the line that begins with `pids`.
fn pids(line: &str) -> Vec<u32> {
    let numbers = line.strip_prefix("pids ").unwrap();
    numbers.split(' ').map(|pid| pid.parse().unwrap()).collect()
}

fn entry_with_a_second_thread_is_an_error() {
    let ended = run("threads");
    assert!(ended.stdout.contains("there are 2 threads"), "{ended}");
}

fn process_outside_of_the_entry_is_an_error() {
    let ended = run("outside");
    assert!(
        ended.stdout.contains("call multiprocessing::run"),
        "{ended}"
    );
}

fn program_whose_starter_ignores_the_end_of_children_gets_statuses() {
    let ended = greenroom::unblock(|| {
        let program = program("status");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", r#"trap '' CHLD; exec "$0""#]);
        shell.arg(program.get_program());
        shell.envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        Running::start(shell.stdin(std::process::Stdio::null())).end()
    });
    assert_eq!(
        ended.stdout, "exited with code 3\nmain returns\n",
        "{ended}"
    );
}

fn end_of_main_waits_for_processes_and_ends_daemons() {
    let ended = run("exits");
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[1..],
        ["the slow one is done", "main returns, 0 children"],
        "{ended}"
    );
    watch::until_gone(&pids(lines[0]));
}

fn panic_of_main_ends_as_its_return_does() {
    let ended = run("panics");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[1..],
        ["the slow one is done", "main returns, true"],
        "{ended}"
    );
    watch::until_gone(&pids(lines[0]));
}

fn fork_server_killed_under_load_is_an_error_for_all() {
    let ended = run("server");
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    let errors = ended
        .stdout
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 6, "{ended}");
    assert!(
        ended.stdout.contains("was lost with the fork server"),
        "{ended}"
    );
    assert!(
        ended.stdout.contains("the fork server has ended"),
        "{ended}"
    );
    assert!(ended.stdout.ends_with("main returns\n"), "{ended}");
    watch::until_gone(&pids(ended.stdout.lines().next().unwrap()));
}

fn program_killed_under_load_leaves_nobody() {
    greenroom::unblock(|| {
        let mut running = Running::start(&mut program("load"));
        let all = pids(&running.next_line().unwrap());
        assert!(
            all.len() > 8 && all.iter().all(|pid| watch::runs(*pid)),
            "{all:?}"
        );
        running.signal("KILL");
        let ended = running.end();
        assert!(ended.status.code().is_none(), "{ended}");
        watch::until_gone(&all);
    });
}

fn program_that_exits_under_load_leaves_nobody() {
    let ended = run("exit");
    assert_eq!(ended.status.code(), Some(4), "{ended}");
    watch::until_gone(&pids(ended.stdout.lines().next().unwrap()));
}

fn rounds_of_everything_leak_no_descriptor() {
    let ended = run("leak");
    assert_eq!(ended.stdout, "no leak\nmain returns\n", "{ended}");
}
