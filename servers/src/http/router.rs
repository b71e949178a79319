//! [`Router`]: from method and path to a handler.
//!
//! Routes are tried in the order in which they were added, segment by segment; there are few, and a
//! comparison of short texts costs less than hashing them.

use super::request::Request;
use super::response::Response;
use std::fmt;

/// Puts the answer into a place, not into a return value: it has a dozen words, and moving what was just
/// written field by field stalls the processor each time.
pub(super) type HandlerFn = Box<dyn Fn(&mut Request<'_>, &mut Option<Response>) + Send + Sync>;

/// Maps methods and paths to handlers: closures from `&mut Request` to something that becomes a
/// [`Response`].
///
/// A pattern's segments are names, `:name` for any one segment that is not empty, or last of all `*name`
/// for the rest of the path. A path without a route is 404, or for the [fallback](Router::fallback); one
/// whose routes have other methods is 405. HEAD is answered by the GET handler, whose body is left out;
/// OPTIONS by the router, unless there is a route for it.
///
/// # Examples
/// ```
/// use greenroom_servers::http::{Http, Request, Response, Router};
/// let router = Router::new()
///     .get("/hello/:name", |request: &mut Request| {
///         Response::text(format!("hello, {}\n", request.param("name").unwrap_or("you")))
///     })
///     .post("/echo", |request: &mut Request| request.read_body().map(Response::bytes))
///     .body_limit(10 << 20);
/// # drop(Http::new(router));
/// ```
#[derive(Default)]
pub struct Router {
    routes: Vec<Route>,
    fallback: Option<HandlerFn>,
}

/// One pattern with one method.
pub(super) struct Route {
    /// `None`: any.
    method: Option<&'static str>,
    pattern: &'static str,
    /// It has no parameters.
    is_literal: bool,
    pub(super) handler: HandlerFn,
    pub(super) body_limit: Option<u64>,
}

/// What a router has for a request.
pub(super) enum Found<'c> {
    Handler(&'c HandlerFn, Option<u64>, Params<'c>),
    /// The path is there, the method is not: what would be.
    Methods(String),
    /// It was OPTIONS.
    Options(String),
    Nothing,
}

/// The parameters of a path: pattern and path, compared again when somebody asks, which is rarer than
/// that somebody does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Params<'c> {
    pattern: &'c str,
    path: &'c str,
}

impl Router {
    /// A router without routes.
    #[must_use]
    pub fn new() -> Router {
        Router::default()
    }

    /// A handler of GET and HEAD.
    ///
    /// # Panics
    /// As [`method`](Router::method).
    #[must_use]
    pub fn get<R: Into<Response>>(
        self,
        pattern: &'static str,
        handler: impl Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    ) -> Router {
        self.method("GET", pattern, handler)
    }

    /// A handler of POST.
    ///
    /// # Panics
    /// As [`method`](Router::method).
    #[must_use]
    pub fn post<R: Into<Response>>(
        self,
        pattern: &'static str,
        handler: impl Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    ) -> Router {
        self.method("POST", pattern, handler)
    }

    /// A handler of any one method.
    ///
    /// # Panics
    /// The pattern does not begin with a slash, or has `*name` elsewhere than at its end.
    #[must_use]
    pub fn method<R: Into<Response>>(
        self,
        method: &'static str,
        pattern: &'static str,
        handler: impl Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    ) -> Router {
        self.route(Some(method), pattern, handler)
    }

    /// A handler of all methods.
    ///
    /// # Panics
    /// As [`method`](Router::method).
    #[must_use]
    pub fn any<R: Into<Response>>(
        self,
        pattern: &'static str,
        handler: impl Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    ) -> Router {
        self.route(None, pattern, handler)
    }

    /// The handler of all paths without a route, instead of 404.
    #[must_use]
    pub fn fallback<R: Into<Response>>(
        mut self,
        handler: impl Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    ) -> Router {
        self.fallback = Some(boxed(handler));
        self
    }

    /// Another limit of bodies for the route added last.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn body_limit(mut self, bytes: u64) -> Router {
        let last = self.routes.last_mut();
        last.expect("because a route goes before its limit")
            .body_limit = Some(bytes);
        self
    }

    fn route<R: Into<Response>>(
        mut self,
        method: Option<&'static str>,
        pattern: &'static str,
        handler: impl Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    ) -> Router {
        assert!(pattern.starts_with('/'), "{pattern} does not begin with /");
        let star = pattern.find("/*").map(|at| &pattern[at + 2..]);
        assert!(
            star.is_none_or(|rest| !rest.contains('/')),
            "* is not last in {pattern}"
        );
        self.routes.push(Route {
            method,
            pattern,
            is_literal: !pattern.contains("/:") && star.is_none(),
            handler: boxed(handler),
            body_limit: None,
        });
        self
    }

    pub(super) fn find<'c>(&'c self, method: &str, path: &'c str) -> Found<'c> {
        let mut has_path = false;
        for route in &self.routes {
            if !route.has(path) {
                continue;
            }
            if route.accepts(method) {
                let params = Params {
                    pattern: route.pattern,
                    path,
                };
                return Found::Handler(&route.handler, route.body_limit, params);
            }
            has_path = true;
        }
        if has_path || path == "*" {
            return match method {
                "OPTIONS" => Found::Options(self.allowed(path)),
                _ => Found::Methods(self.allowed(path)),
            };
        }
        match &self.fallback {
            Some(handler) => Found::Handler(handler, None, Params { pattern: "", path }),
            None => Found::Nothing,
        }
    }

    /// The value of `Allow`; of all routes for `*`.
    fn allowed(&self, path: &str) -> String {
        let mut methods = vec!["OPTIONS"];
        let mut add = |method| {
            if !methods.contains(&method) {
                methods.push(method);
            }
        };
        for route in &self.routes {
            if path != "*" && !route.has(path) {
                continue;
            }
            match route.method {
                Some("GET") => ["GET", "HEAD"].into_iter().for_each(&mut add),
                Some(method) => add(method),
                None => {}
            }
        }
        methods.join(", ")
    }
}

fn boxed<R: Into<Response>>(
    handler: impl Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
) -> HandlerFn {
    Box::new(move |request, answer| *answer = Some(handler(request).into()))
}

impl Route {
    fn has(&self, path: &str) -> bool {
        match self.is_literal {
            true => self.pattern == path,
            false => matches(self.pattern, path),
        }
    }

    fn accepts(&self, method: &str) -> bool {
        match self.method {
            None => true,
            Some("GET") => method == "GET" || method == "HEAD",
            Some(own) => own == method,
        }
    }
}

/// Whether a path has the shape of a pattern.
fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        if part.starts_with('*') {
            return segments.next().is_some();
        }
        let fits = match segments.next() {
            Some(segment) if part.starts_with(':') => !segment.is_empty(),
            Some(segment) => segment == part,
            None => false,
        };
        if !fits {
            return false;
        }
    }
    segments.next().is_none()
}

impl Found<'_> {
    pub(super) fn body_limit(&self) -> Option<u64> {
        match self {
            Found::Handler(_, limit, _) => *limit,
            _ => None,
        }
    }

    /// The answer without a handler.
    pub(super) fn answer(&self) -> Response {
        match self {
            Found::Methods(methods) => Response::status_page(405).header("Allow", methods.clone()),
            Found::Options(methods) => Response::new(204).header("Allow", methods.clone()),
            Found::Nothing | Found::Handler(..) => Response::status_page(404),
        }
    }
}

impl<'c> Params<'c> {
    pub(super) fn get(&self, name: &str) -> Option<&'c str> {
        let mut rest = self.path;
        for part in self.pattern.split('/') {
            let (segment, tail) = rest.split_once('/').unwrap_or((rest, ""));
            if part.strip_prefix('*') == Some(name) {
                return Some(rest);
            }
            if part.strip_prefix(':') == Some(name) {
                return Some(segment);
            }
            rest = tail;
        }
        None
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter();
        let routes = routes.map(|route| (route.method.unwrap_or("any"), route.pattern));
        f.debug_list().entries(routes).finish()
    }
}
