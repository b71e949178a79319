//! nginx as a peer: one process in the foreground, everything it writes in a directory given to it.
//!
//! `GET /` is answered from the configuration, other paths are files; the access log is off. It needs
//! no root: the port is a high one, and the paths are below the prefix.

use super::scratch::Scratch;
use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Whether it can be started at all.
pub(crate) fn is_there() -> bool {
    let mut command = Command::new("nginx");
    command.arg("-v").stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Writes the configuration and returns the command line.
pub(crate) fn argv(
    scratch: &Scratch,
    port: u16,
    head_limit: Duration,
) -> io::Result<Vec<OsString>> {
    let text = configuration(port, head_limit);
    let file = scratch.write(&format!("nginx-{port}.conf"), text)?;
    let mut argv: Vec<OsString> = ["nginx", "-e", "stderr", "-p"].map(OsString::from).into();
    argv.extend([scratch.path().into(), "-c".into(), file.into()]);
    Ok(argv)
}

/// Connections are as many as `bench loris` has, and live as long as the bench.
fn configuration(port: u16, head_limit: Duration) -> String {
    let head_limit_ms = head_limit.as_millis();
    let body = super::plain::BODY;
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid nginx-{port}.pid;
error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_header_timeout {head_limit_ms}ms;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    tcp_nodelay on;
    sendfile on;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = / {{
            default_type text/plain;
            return 200 \"{body}\";
        }}
        location / {{ root .; }}
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_names_port_limit_and_body() {
        let text = configuration(8123, Duration::from_secs(4));
        assert!(text.contains("listen 127.0.0.1:8123 "));
        assert!(text.contains("client_header_timeout 4000ms;"));
        assert!(text.contains("return 200 \"Hello, World!\";"));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}
