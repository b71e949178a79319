//! Rules about examples: what their headers say, and that examples/README.md has them all.
//!
//! Its tables of examples are those whose first column is headed "example"; a row names its programs there in
//! backticks, and in its last column the functions that matter.

use crate::Breach;
use crate::source::Source;

/// The programs of the notes, by chapter. A client comes with its server, as `NAME_client`.
pub(crate) const ROWS: [&str; 38] = [
    // socket
    "tcp_upper",
    "udp_upper",
    "udp_chat",
    "unix_socket",
    "socket_timeout",
    "socket_nonblocking",
    "socket_options",
    // framing
    "framing_text_length",
    "framing_length_prefix",
    "framing_json_header",
    "remote_command",
    "struct_pack",
    // threads
    "thread_spawn",
    "thread_join",
    "thread_daemon",
    "thread_lock",
    "thread_rlock",
    "thread_semaphore",
    "thread_event",
    "thread_names",
    // queues
    "queue_fifo",
    "queue_lifo",
    "queue_priority",
    "producer_consumer",
    "list_race",
    // coroutines
    "generator",
    "greenlet",
    "gevent_joinall",
    "gevent_fetch",
    "gevent_echo",
    // multiplexing
    "select_files",
    "select_echo",
    "select_client",
    "poll_echo",
    "epoll_echo",
    "epoll_level",
    "selectors_echo",
    "io_models",
];

const TABLE: &str = "| example |";
const NO_PORTS: &str = "## Not in the notes";

/// A row of a table of examples.
#[derive(Debug)]
struct Row<'a> {
    line: usize,
    names: Vec<&'a str>,
    functions: Vec<&'a str>,
    is_port: bool,
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let (mut is_inside, mut is_port) = (false, true);
    for (text, line) in text.lines().zip(1..) {
        is_port &= text != NO_PORTS;
        is_inside = text.starts_with(TABLE) || (is_inside && text.starts_with('|'));
        let columns: Vec<&str> = text.trim_matches('|').split('|').collect();
        let names = columns
            .first()
            .map_or_else(Vec::new, |first| code_spans(first));
        if is_inside && !names.is_empty() {
            let functions = columns
                .last()
                .map_or_else(Vec::new, |last| code_spans(last));
            rows.push(Row {
                line,
                names,
                functions,
                is_port,
            });
        }
    }
    rows
}

fn code_spans(column: &str) -> Vec<&str> {
    column.split('`').skip(1).step_by(2).collect()
}

/// The name that `cargo run --example` knows it by.
fn name(example: &Source) -> &str {
    let file = example.file.rsplit('/').next().unwrap_or_default();
    file.strip_suffix(".rs").unwrap_or(file)
}

/// Every example has a row, every row its examples, and no program of the notes is missing.
pub(crate) fn listed(book: &str, text: &str, ports: &[&str], examples: &[Source]) -> Vec<Breach> {
    let rows = rows(text);
    let mut breaches = Vec::new();
    for row in &rows {
        let is_missing = |listed: &&&str| !examples.iter().any(|example| name(example) == **listed);
        let missing = row.names.iter().filter(is_missing);
        breaches.extend(
            missing.map(|listed| {
                Breach::new(book, row.line, format!("there is no example `{listed}`"))
            }),
        );
    }
    let has_row = |name: &str, is_port: bool| {
        rows.iter()
            .any(|row| row.names.contains(&name) && row.is_port >= is_port)
    };
    for port in ports.iter().filter(|port| !has_row(port, true)) {
        breaches.push(Breach::new(
            book,
            1,
            format!("`{port}` of the notes is in no table"),
        ));
    }
    for example in examples
        .iter()
        .filter(|example| !has_row(name(example), false))
    {
        breaches.push(Breach::new(
            &example.file,
            1,
            format!("it is in no table of {book}"),
        ));
    }
    breaches
}

/// The functions that a row names are in one of its examples.
pub(crate) fn functions(book: &str, text: &str, examples: &[Source]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for row in rows(text) {
        let of_row = |example: &&Source| row.names.contains(&name(example));
        for path in &row.functions {
            let function = path.rsplit("::").next().unwrap_or(path);
            let definitions = [format!("fn {function}("), format!("fn {function}<")];
            let defines = |example: &Source| definitions.iter().any(|d| example.code.contains(d));
            if !examples.iter().filter(of_row).any(defines) {
                let rule = format!("no example of this row has a function `{path}`");
                breaches.push(Breach::new(book, row.line, rule));
            }
        }
    }
    breaches
}

/// An example's header says how to run it and what it prints, and a port's, of what it is one.
pub(crate) fn header(book: &str, example: &Source) -> Vec<Breach> {
    let header = example.header();
    let mut breaches = Vec::new();
    if header.is_empty() {
        breaches.push(Breach::new(
            &example.file,
            1,
            "an example starts with `//!`",
        ));
    }
    let is_no_port = rows(book)
        .iter()
        .any(|row| !row.is_port && row.names.contains(&name(example)));
    for (part, is_wanted) in [("Port of:", !is_no_port), ("Run:", true), ("Output:", true)] {
        let has_part = header
            .iter()
            .any(|line| line[3..].trim_start().starts_with(part));
        if is_wanted && !has_part {
            breaches.push(Breach::new(
                &example.file,
                1,
                format!("its header has no `{part}` line"),
            ));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "# X\n| thing | why |\n|---|---|\n| `yield` | no example |\n\n\
                        | example | what | read |\n|---|---|---|\n\
                        | `echo`, `echo_client` | x | `serve`, `Client::send` |\n\
                        | `select` | `poll` | |\n\n\
                        ## Not in the notes\n\n| example | read |\n|---|---|\n| `tls` | all |\n";

    fn example(name: &str, code: &str) -> Source {
        Source::new(format!("examples/{name}.rs"), code)
    }

    fn all() -> [Source; 4] {
        let code = [
            ("echo", "fn serve() {}"),
            ("echo_client", "fn send<T>() {}"),
            ("select", ""),
        ];
        let [echo, client, select] = code.map(|(name, code)| example(name, code));
        [
            echo,
            client,
            select,
            Source::new("servers/examples/tls.rs", ""),
        ]
    }

    fn rules(breaches: &[Breach]) -> Vec<(&str, usize, &str)> {
        breaches
            .iter()
            .map(|b| (b.file.as_str(), b.line, b.rule.as_str()))
            .collect()
    }

    #[test]
    fn list_rule_can_fail() {
        assert_eq!(listed("B", BOOK, &["echo", "select"], &all()), []);
        // A file less, a file more, a port without a row, a port that is said to be none.
        let mut wrong = all();
        wrong[2] = example("poll", "");
        assert_eq!(
            rules(&listed("B", BOOK, &["echo", "epoll", "tls"], &wrong)),
            [
                ("B", 9, "there is no example `select`"),
                ("B", 1, "`epoll` of the notes is in no table"),
                ("B", 1, "`tls` of the notes is in no table"),
                ("examples/poll.rs", 1, "it is in no table of B"),
            ]
        );
        // Without its tables nothing is listed.
        assert_eq!(listed("B", "# X\n", &["echo"], &all()).len(), 5);
    }

    #[test]
    fn function_rule_can_fail() {
        assert_eq!(functions("B", BOOK, &all()), []);
        let mut wrong = all();
        wrong[1] = example("echo_client", "// fn send()\nfn sends() {}");
        wrong[2] = example("select", "fn send() {}");
        let rule = "no example of this row has a function `Client::send`";
        assert_eq!(rules(&functions("B", BOOK, &wrong)), [("B", 8, rule)]);
    }

    #[test]
    fn header_rule_can_fail() {
        let lines = "//! X.\n//!\n//! Port of: x\n//!\n//! Run: `x`\n//!\n//! Output:\n";
        assert_eq!(header(BOOK, &example("echo", lines)), []);
        for part in ["Port of:", "Run:", "Output:"] {
            let without = lines.replace(part, "It has no");
            let rule = format!("its header has no `{part}` line");
            let expected = [("examples/echo.rs", 1, rule.as_str())];
            assert_eq!(rules(&header(BOOK, &example("echo", &without))), expected);
        }
        // One that is in no table yet is taken for a port.
        let no_port = lines.replace("Port of:", "Not a port of");
        assert_eq!(header(BOOK, &example("tls", &no_port)), []);
        assert_eq!(header(BOOK, &example("new", &no_port)).len(), 1);
        assert_eq!(
            header(BOOK, &example("echo", "fn main() {} // Run: x")).len(),
            4
        );
    }
}
