//! [`Files`]: a directory tree, over HTTP.
//!
//! Every name goes through [`Root`], which no path leaves; nothing here opens a file by itself. What is
//! not served looks as if it were not there: 404 for names with `.` or `..` in them, hidden names and
//! directories without an `index.html`.

use super::conditions::{Validators, Verdict};
use super::date::format_date;
use super::listing;
use super::ranges::{self, Part};
use super::request::Request;
use super::response::{Body, Response};
use super::router::Router;
use crate::root::{Facts, Root, VirtualPath};
use greenroom::fs::File;
use rustix::io::Errno;
use std::borrow::Cow;
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

/// Files up to here are read and leave in one write with their head; longer ones are sent by the kernel.
const READ_BYTES: u64 = 16 << 10;

/// A directory tree as pages: `index.html` for directories, `404.html` of its top for what is not there,
/// conditional requests, single ranges. See [`Router::files`].
///
/// Names that begin with a dot are hidden, and so is everything below them.
#[derive(Clone, Debug)]
pub struct Files {
    root: Root,
    lists: bool,
    shows_hidden: bool,
}

impl Files {
    /// The files of a tree.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::http::{Files, Router};
    /// use greenroom_servers::root::Root;
    /// let files = Files::new(Root::read_only("src")?).listing(true);
    /// let router = Router::new().files("/source/*path", files);
    /// # drop(router);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new(root: Root) -> Files {
        Files {
            root: root.to_read_only(),
            lists: false,
            shows_hidden: false,
        }
    }

    /// Whether directories without an `index.html` are shown as a list of up to 10,000 names.
    #[must_use]
    pub fn listing(mut self, on: bool) -> Files {
        self.lists = on;
        self
    }

    /// Whether names that begin with a dot are served.
    #[must_use]
    pub fn hidden(mut self, on: bool) -> Files {
        self.shows_hidden = on;
        self
    }

    /// Answers a GET or HEAD for the file that `path` names in the tree. May park.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::http::{Files, Response, Router};
    /// use greenroom_servers::root::Root;
    /// let files = Files::new(Root::read_only("src")?);
    /// let router = Router::new().get("/source", move |request| files.answer(request, "lib.rs"));
    /// # drop(router);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn answer(&self, request: &Request<'_>, path: &str) -> Response {
        let result = self.find(request, path);
        result.unwrap_or_else(|error| self.refuse(request, path, &error))
    }

    fn find(&self, request: &Request<'_>, path: &str) -> io::Result<Response> {
        if path.split('/').any(|name| name == "." || name == "..") {
            return Err(ErrorKind::NotFound.into());
        }
        let virtual_path = VirtualPath::new(path)?;
        if virtual_path.is_hidden() && !self.shows_hidden {
            return Err(ErrorKind::NotFound.into());
        }
        if path.is_empty() || path.ends_with('/') {
            return self.directory(request, &virtual_path);
        }
        match self.root.open(&virtual_path) {
            Ok((file, facts)) => Ok(serve(request, &virtual_path, file, &facts)),
            Err(error) if error.kind() == ErrorKind::IsADirectory => with_slash(request),
            Err(error) => Err(error),
        }
    }

    fn directory(&self, request: &Request<'_>, path: &VirtualPath) -> io::Result<Response> {
        let index = path.join("index.html")?;
        match self.root.open(&index) {
            Ok((file, facts)) => Ok(serve(request, &index, file, &facts)),
            Err(error) if error.kind() == ErrorKind::NotFound && self.lists => {
                let entries = self.root.read_dir(path)?;
                let page = listing::page(request.path(), entries, self.shows_hidden)?;
                Ok(Response::html(page).header("X-Content-Type-Options", "nosniff"))
            }
            Err(error) => Err(error),
        }
    }

    fn refuse(&self, request: &Request<'_>, path: &str, error: &io::Error) -> Response {
        let status = status_of(error);
        if status == 404 {
            return self.not_found();
        }
        if status >= 500 {
            log::error!("{}: {path:?}: {error}", request.peer());
        }
        Response::status_page(status)
    }

    /// The tree's own page, if there is one.
    fn not_found(&self) -> Response {
        let page = VirtualPath::new("404.html").and_then(|path| self.root.open(&path));
        match page {
            Ok((file, facts)) => Response::new(404)
                .header("Content-Type", "text/html; charset=utf-8")
                .body(content(file, 0, facts.len)),
            Err(_) => Response::status_page(404),
        }
    }
}

impl From<Root> for Files {
    fn from(root: Root) -> Files {
        Files::new(root)
    }
}

impl Router {
    /// GET and HEAD of files. The pattern's last segment is `*path`, the file's path in the tree.
    ///
    /// # Panics
    /// The pattern does not end with `/*path`.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::http::Router;
    /// use greenroom_servers::root::Root;
    /// let router = Router::new().files("/*path", Root::read_only("src")?);
    /// # drop(router);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn files(self, pattern: &'static str, files: impl Into<Files>) -> Router {
        assert!(pattern.ends_with("/*path"), "{pattern} has no *path");
        let files = files.into();
        self.get(pattern, move |request: &mut Request<'_>| {
            files.answer(request, request.param("path").unwrap_or(""))
        })
    }
}

/// What a client is told of an error.
fn status_of(error: &io::Error) -> u16 {
    use ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound};
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    match error.kind() {
        NotFound | NotADirectory | IsADirectory | InvalidFilename | InvalidInput => 404,
        _ if is(Errno::LOOP) => 404,
        ErrorKind::PermissionDenied => 403,
        _ if is(Errno::MFILE) || is(Errno::NFILE) => 503,
        _ => 500,
    }
}

/// A file, after the conditions and the range of the request.
fn serve(request: &Request<'_>, path: &VirtualPath, file: File, facts: &Facts) -> Response {
    let validators = Validators::of(facts);
    let headers = request.headers();
    let (status, part) = match validators.judge(&headers) {
        Verdict::Failed => return Response::status_page(412),
        Verdict::NotModified => (304, Part::Whole),
        Verdict::Proceed { ranges } => {
            let wanted = ranges && request.method() == "GET";
            let fields = headers.get_all("range").filter(|_| wanted);
            match ranges::part_of(fields, facts.len) {
                Part::Whole => (200, Part::Whole),
                part => (206, part),
            }
        }
    };
    let now = SystemTime::now();
    let response = |status| {
        Response::new(status)
            .header("ETag", validators.tag)
            // Never later than `Date`, says RFC 9110: a clock may have been wrong.
            .header("Last-Modified", format_date(validators.modified.min(now)))
            .header("Accept-Ranges", "bytes")
    };
    if status == 304 {
        return response(304);
    }
    let (offset, length) = match part {
        Part::Whole => (0, facts.len),
        Part::Range { offset, length } => (offset, length),
        Part::Unsatisfiable => {
            return Response::status_page(416)
                .header("Content-Range", format!("bytes */{}", facts.len));
        }
    };
    let response = response(status)
        .header("Content-Type", content_type(path))
        .header("X-Content-Type-Options", "nosniff")
        .body(content(file, offset, length));
    if status == 200 {
        return response;
    }
    let last = offset + length - 1;
    let range = format!("bytes {offset}-{last}/{}", facts.len);
    response.header("Content-Range", range)
}

/// A part of a file, as a body. A small file that has changed since it was looked at is left to the
/// sending, which ends the connection when bytes are missing.
fn content(file: File, offset: u64, length: u64) -> Body {
    if length <= READ_BYTES {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        if matches!(file.read_at(&mut bytes, offset), Ok(count) if count == bytes.len()) {
            return Body::Bytes(Cow::Owned(bytes));
        }
    }
    Body::File {
        file,
        offset,
        length,
    }
}

/// By the name's extension.
fn content_type(path: &VirtualPath) -> Cow<'static, str> {
    let guess = mime_guess2::from_path(path.as_os_str()).first_raw();
    match guess.unwrap_or("application/octet-stream") {
        "application/javascript" => Cow::Borrowed("text/javascript; charset=utf-8"),
        text if text.starts_with("text/") => Cow::Owned(format!("{text}; charset=utf-8")),
        other => Cow::Borrowed(other),
    }
}

/// 301 to the same path with a slash at its end. Subtle: one slash at its beginning; `//name/` would be a
/// host to the browser.
fn with_slash(request: &Request<'_>) -> io::Result<Response> {
    let path = VirtualPath::new(request.path())?;
    let mut location = encode(path.as_os_str().as_encoded_bytes());
    location.push('/');
    if let Some(query) = request.query() {
        location.push('?');
        location.push_str(query);
    }
    Ok(Response::redirect(location).with_status(301))
}

/// Percent-encodes all but slashes and what needs it nowhere.
pub(super) fn encode(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}
