//! Uploads that must be refused, with the reasons: headers that lie, names that would leave the folder, wrong sums.

use super::framing::frame;

pub(crate) const HELLO: &[u8] = b"hello world\n";
pub(crate) const HELLO_MD5: &str = "6f5902ac237024bdd0c176cb93063dc4";

pub(crate) fn header(size: &str, name: &str, md5: &str) -> Vec<u8> {
    let json = format!(r#"{{"file_size": {size}, "file_name": "{name}", "md5": "{md5}"}}"#);
    frame(json.as_bytes())
}

/// What is sent, and the message of the reply.
pub(crate) fn bad_uploads() -> Vec<(Vec<u8>, String)> {
    let length = |bytes: &[u8], text: &str| {
        (
            bytes.to_owned(),
            format!("a header of {text} bytes, allowed are 0 to 8192"),
        )
    };
    let json = |text: &str, message: &str| (frame(text.as_bytes()), format!("header: {message}"));
    let name = |name: &str, complaint: &str| {
        let sent = [header("12", name, HELLO_MD5), HELLO.to_owned()].concat();
        (sent, format!("file_name {complaint}"))
    };
    let md5 = |md5: &str| {
        (
            header("12", "x", md5),
            "md5 is not 32 hexadecimal digits".to_owned(),
        )
    };
    vec![
        length(b"\xff\xff\xff\xff{}", "4294967295"),
        length(b"\xff\xff\xff\x7f{}", "2147483647"),
        length(b"\x01\x20\0\0", "8193"),
        length(b"12\r\n", "168636977"),
        (b"\x09\0".to_vec(), "the stream ends in a prefix".to_owned()),
        (
            b"\x09\0\0\0{}".to_vec(),
            "the stream ends in a header of 9 bytes".to_owned(),
        ),
        json("", "EOF while parsing a value at line 1 column 0"),
        json(
            "{\"file_size\": 1",
            "EOF while parsing an object at line 1 column 15",
        ),
        json("not json", "expected ident at line 1 column 2"),
        json("\u{1f}", "expected value at line 1 column 1"),
        json(
            r#"{"file_size": 1, "file_name": "x"}"#,
            "missing field `md5` at line 1 column 34",
        ),
        json(
            r#"{"file_size": 1, "file_name": "x", "md5": "x", "mode": 511}"#,
            "unknown field `mode`, expected one of `file_size`, `file_name`, `md5` at line 1 column 53",
        ),
        json(
            r#"{"file_size": "12"}"#,
            r#"invalid type: string \"12\", expected u64 at line 1 column 18"#,
        ),
        json(
            r#"{"file_size": -1}"#,
            "invalid value: integer `-1`, expected u64 at line 1 column 16",
        ),
        json(
            r#"{"file_size": 1.5}"#,
            "invalid type: floating point `1.5`, expected u64 at line 1 column 17",
        ),
        json(
            r#"{"file_size": 1, "file_name": null}"#,
            "invalid type: null, expected a string at line 1 column 34",
        ),
        name("../../etc/passwd", "begins with a dot"),
        name("/etc/passwd", "contains a slash"),
        name("a/../../b", "contains a slash"),
        name("", "is empty"),
        name(".", "begins with a dot"),
        name("..", "begins with a dot"),
        name(".upload-1-0", "begins with a dot"),
        name("a\\u0000b", "contains a control character"),
        name("a\\nb", "contains a control character"),
        name("a\\u202eb", "contains a control character"),
        name("a\\u061cb", "contains a control character"),
        name(&"x".repeat(300), "is longer than 255 bytes"),
        name("link", "is taken by something that is no file"),
        name("dangling", "is taken by something that is no file"),
        name("folder", "is taken by something that is no file"),
        md5(""),
        md5("6f5902ac237024bdd0c176cb93063dcg"),
        (
            header("1000001", "x", HELLO_MD5),
            "file_size is 1000001, allowed are 1000000".to_owned(),
        ),
        (
            header("18446744073709551615", "x", HELLO_MD5),
            "file_size is 18446744073709551615, allowed are 1000000".to_owned(),
        ),
        (
            [header("13", "x", HELLO_MD5), HELLO.to_owned()].concat(),
            "the stream ends after 12 of 13 bytes".to_owned(),
        ),
        (
            [header("11", "x", HELLO_MD5), HELLO.to_owned()].concat(),
            format!("md5 is 5eb63bbbe01eeed093cb22bb8f5acdc3, the header says {HELLO_MD5}"),
        ),
        (
            [
                header("12", "x", "00000000000000000000000000000000"),
                HELLO.to_owned(),
            ]
            .concat(),
            format!("md5 is {HELLO_MD5}, the header says 00000000000000000000000000000000"),
        ),
    ]
}
