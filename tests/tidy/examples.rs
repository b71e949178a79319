//! Rules about examples: what their headers say, that examples/README.md has them all, that tests run them.
//!
//! Its tables of examples are those whose first column is headed "example"; a row names its programs there in
//! backticks, and in its last column the functions that matter.

use crate::Breach;
use crate::source::Source;

/// The programs of the notes, by chapter.
pub(crate) const ROWS: [&str; 49] = [
    // socket
    "tcp_upper",
    "tcp_upper_client",
    "udp_upper",
    "udp_upper_client",
    "udp_chat",
    "udp_chat_client",
    "unix_socket",
    "unix_socket_client",
    "socket_timeout",
    "socket_nonblocking",
    "socket_options",
    // framing
    "framing_text_length",
    "framing_text_length_client",
    "framing_length_prefix",
    "framing_length_prefix_client",
    "framing_json_header",
    "framing_json_header_client",
    "remote_command",
    "remote_command_client",
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
    "gevent_echo_client",
    // multiplexing
    "select_files",
    "select_echo",
    "select_client",
    "poll_echo",
    "poll_echo_client",
    "epoll_echo",
    "epoll_level",
    "selectors_echo",
    "io_models",
    // application
    "http_server",
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

/// Whether cargo takes the file for an example: `examples/NAME.rs` or `examples/NAME/main.rs` of a package.
pub(crate) fn is_example(file: &str, is_package: impl Fn(&str) -> bool) -> bool {
    let mut parts: Vec<&str> = file.split('/').collect();
    let is_folder = parts.len() > 2 && parts[parts.len() - 3] == "examples";
    if is_folder && parts.last() == Some(&"main.rs") {
        parts.pop();
    }
    parts.pop();
    parts.pop() == Some("examples") && is_package(&parts.join("/"))
}

/// The name that `cargo run --example` knows it by.
fn name(example: &Source) -> &str {
    let folder = example.file.strip_suffix("/main.rs");
    let folder = folder.filter(|folder| !folder.ends_with("examples"));
    let file = folder.unwrap_or(&example.file);
    let file = file.rsplit('/').next().unwrap_or_default();
    file.strip_suffix(".rs").unwrap_or(file)
}

/// The name of each example stands in quotes in a test. This is not to say that the test is a good one.
pub(crate) fn tested(examples: &[Source], tests: &[Source]) -> Vec<Breach> {
    let is_named = |name: &str| {
        let quoted = format!("\"{name}\"");
        let mut lines = tests.iter().flat_map(|test| test.text.lines());
        lines.any(|line| line.contains(&quoted) && !line.trim_start().starts_with("//"))
    };
    let untested = examples.iter().filter(|example| !is_named(name(example)));
    untested
        .map(|example| Breach::new(&example.file, 1, "no test runs it"))
        .collect()
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
    let header: Vec<&str> = example
        .header()
        .iter()
        .map(|line| line[3..].trim())
        .collect();
    let name = name(example);
    let mut rules = Vec::new();
    if header.is_empty() {
        rules.push("an example starts with `//!`".to_owned());
    }
    let is_no_port = rows(book)
        .iter()
        .any(|row| !row.is_port && row.names.contains(&name));
    let part = |title: &str| header.iter().find_map(|line| line.strip_prefix(title));
    for (title, is_wanted) in [("Port of:", !is_no_port), ("Run:", true), ("Output:", true)] {
        match part(title) {
            None if is_wanted => rules.push(format!("its header has no `{title}` line")),
            Some("") if title != "Output:" => rules.push(format!("its `{title}` line is empty")),
            _ => {}
        }
    }
    if part("Run:").is_some_and(|run| !run.is_empty() && !runs(run, name)) {
        rules.push(format!("its `Run:` line has no `--example {name}`"));
    }
    if part("Output:").is_some() && !has_block(&header) {
        rules.push("no text in a ```text block follows its `Output:` line".to_owned());
    }
    rules
        .into_iter()
        .map(|rule| Breach::new(&example.file, 1, rule))
        .collect()
}

fn runs(command: &str, name: &str) -> bool {
    let words: Vec<&str> = command.split([' ', '`']).collect();
    words.windows(2).any(|pair| pair == ["--example", name])
}

/// The block follows at once, and is closed.
fn has_block(header: &[&str]) -> bool {
    let output = header
        .iter()
        .skip_while(|line| !line.starts_with("Output:"));
    let mut block = output.skip(1).skip_while(|line| line.is_empty());
    if block.next() != Some(&"```text") {
        return false;
    }
    let block: Vec<_> = block.collect();
    let end = block.iter().position(|line| **line == "```");
    end.is_some_and(|end| block[..end].iter().any(|line| !line.is_empty()))
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

    const HEADER: &str = "//! X.\n//!\n//! Port of: x\n//!\n//! Run: `cargo run --example echo -- [x]`\n//!\n\
                          //! Output:\n//! ```text\n//! x\n//! ```\n";

    #[test]
    fn header_rule_can_fail() {
        assert_eq!(header(BOOK, &example("echo", HEADER)), []);
        let alone = HEADER.replace(" -- [x]", "");
        assert_eq!(header(BOOK, &example("echo", &alone)), []);
        for part in ["Port of:", "Run:", "Output:"] {
            let without = HEADER.replace(part, "It has no");
            let rule = format!("its header has no `{part}` line");
            let expected = [("examples/echo.rs", 1, rule.as_str())];
            assert_eq!(rules(&header(BOOK, &example("echo", &without))), expected);
        }
        // One that is in no table yet is taken for a port.
        let no_port = HEADER.replace("Port of:", "Not a port of");
        let of = |name| no_port.replace("echo", name);
        assert_eq!(header(BOOK, &example("tls", &of("tls"))), []);
        assert_eq!(header(BOOK, &example("new", &of("new"))).len(), 1);
        assert_eq!(
            header(BOOK, &example("echo", "fn main() {} // Run: x")).len(),
            4
        );
    }

    #[test]
    fn parts_without_content_are_breaches() {
        let no_block = "no text in a ```text block follows its `Output:` line";
        let other = "its `Run:` line has no `--example echo`";
        for (from, to, rule) in [
            ("Port of: x", "Port of:", "its `Port of:` line is empty"),
            (
                "Run: `cargo run --example echo -- [x]`",
                "Run: ",
                "its `Run:` line is empty",
            ),
            ("example echo", "example echo_client", other),
            ("example echo", "example select", other),
            ("--example echo", "echo", other),
            ("//! ```text\n//! x\n//! ```\n", "", no_block),
            ("//! x\n//! ```", "//!\n//! ```", no_block),
            ("//! x\n//! ```", "//! x", no_block),
            ("//! ```text", "//! See below.\n//! ```text", no_block),
        ] {
            let wrong = HEADER.replacen(from, to, 1);
            assert_ne!(wrong, HEADER, "{from}");
            let expected = [("examples/echo.rs", 1, rule)];
            assert_eq!(rules(&header(BOOK, &example("echo", &wrong))), expected);
        }
    }

    #[test]
    fn examples_are_what_cargo_takes_for_them() {
        let is_package = |folder: &str| ["", "servers", "suites/std"].contains(&folder);
        for (file, is) in [
            ("examples/echo.rs", true),
            ("examples/stray/main.rs", true),
            ("servers/examples/echo.rs", true),
            ("suites/std/examples/stray/main.rs", true),
            ("examples/main.rs", true),
            ("examples/cli/mod.rs", false),
            ("examples/stray/deeper/main.rs", false),
            ("tests/examples/socket.rs", false),
            ("tests/tidy/examples.rs", false),
            ("runtime/main.rs", false),
            ("main.rs", false),
        ] {
            assert_eq!(is_example(file, is_package), is, "{file}");
        }
        let stray = Source::new("examples/stray/main.rs", "");
        assert_eq!(
            (name(&stray), name(&example("main", ""))),
            ("stray", "main")
        );
    }

    #[test]
    fn test_rule_can_fail() {
        let test = |text: &str| Source::new("tests/examples/x.rs", text);
        let code = "run(\"echo\", \"echo_client\");\n// run(\"tls\")\n";
        let tests = [test(code), test("let x = \"selectors\"; // select")];
        let (none, rule) = ("no test runs it", |file| (file, 1));
        let expected = ["examples/select.rs", "servers/examples/tls.rs"].map(rule);
        let breaches = tested(&all(), &tests);
        assert!(breaches.iter().all(|breach| breach.rule == none));
        let found = breaches
            .iter()
            .map(|breach| (breach.file.as_str(), breach.line));
        assert_eq!(found.collect::<Vec<_>>(), expected);
        let more = test("[\"select\", \"tls\"]");
        assert_eq!(tested(&all(), &[test(code), more]), []);
    }
}
