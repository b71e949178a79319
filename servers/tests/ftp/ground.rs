//! What the tests stand on: a tree of files, a server in this process, a raw client, the log.

use greenroom::Runtime;
use greenroom_servers::ftp::{BUSY, Ftp, Settings, Stopper, Users};
use greenroom_servers::root::Root;
use greenroom_servers::{Limits, Running, TcpServer};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// For one answer; longer than any pause that a test's settings have.
const DEADLINE: Duration = Duration::from_secs(50);

/// A directory that goes when it is dropped.
pub(crate) struct TempDir(pub(crate) PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-ftp-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes in which a lost or doubled piece shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| ((at % 251) ^ (at / 251 % 256)).to_le_bytes()[0])
        .collect()
}

/// The tree: what clients see is `top/root`; beside it is what they must not.
pub(crate) fn plant(top: &Path) -> PathBuf {
    let root = top.join("root");
    std::fs::create_dir_all(root.join("dir/sub")).unwrap();
    std::fs::write(top.join("secret.txt"), "secret").unwrap();
    std::fs::write(root.join("a.txt"), "hello\n").unwrap();
    std::fs::write(root.join("empty"), "").unwrap();
    std::fs::write(root.join("dir/b c.txt"), "blank\n").unwrap();
    std::fs::write(root.join("big.bin"), pattern(3 << 20)).unwrap();
    std::os::unix::fs::symlink("../secret.txt", root.join("out.txt")).unwrap();
    std::os::unix::fs::symlink("..", root.join("up")).unwrap();
    std::os::unix::fs::symlink("dir", root.join("in")).unwrap();
    root
}

/// `ada:pw` may write everything, `bob:pw` reads `/dir`.
pub(crate) fn users() -> Users {
    use argon2::password_hash::{PasswordHasher, SaltString};
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let salt = SaltString::encode_b64(b"salt and pepper").unwrap();
    let hash = argon.hash_password(b"pw", &salt).unwrap().to_string();
    Users::parse(&format!("ada:{hash}:rw:/\nbob:{hash}:ro:/dir\n")).unwrap()
}

/// What tests change of the settings; short pauses.
pub(crate) fn settings() -> Settings {
    Settings {
        users: users(),
        login_delay: Duration::from_millis(5),
        address_tries_max: u32::MAX,
        data_wait: Duration::from_secs(20),
        ..Settings::default()
    }
}

/// A running server and its tree.
pub(crate) struct Site {
    pub(crate) root: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) stopper: Stopper,
    pub(crate) running: Option<Running>,
    pub(crate) runtime: Runtime,
    _dir: TempDir,
}

impl Site {
    pub(crate) fn new() -> Site {
        Site::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Site {
        Site::start("127.0.0.1:0", 2, settings, Limits::default())
    }

    pub(crate) fn start(at: &str, workers: usize, settings: Settings, limits: Limits) -> Site {
        keep_log();
        let dir = TempDir::new();
        let root = plant(&dir.0);
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let (running, stopper) = runtime.run(|| {
            let ftp = Ftp::new(Root::writable(&root).unwrap(), settings);
            let stopper = ftp.stopper();
            let server = TcpServer::bind(at)
                .unwrap()
                .limits(limits)
                .reject_with(BUSY);
            (server.serve_in_background(ftp).unwrap(), stopper)
        });
        Site {
            root,
            address: running.local_addr(),
            stopper,
            running: Some(running),
            runtime,
            _dir: dir,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// A connection that has been greeted.
    pub(crate) fn connect(&self) -> Raw {
        let mut raw = Raw::new(TcpStream::connect(self.address).unwrap());
        raw.expect("220");
        raw
    }

    /// One that has logged in.
    pub(crate) fn login(&self, user: &str) -> Raw {
        let mut raw = self.connect();
        raw.ask(&format!("USER {user}"), "331");
        raw.ask("PASS pw", "230");
        raw.ask("TYPE I", "200");
        raw
    }

    /// Waits until nobody is connected.
    pub(crate) fn wait_until_empty(&self) {
        let running = self.running.as_ref().unwrap();
        let start = Instant::now();
        // The counter has no event: asked now and then.
        while clients(running) > 0 {
            assert!(start.elapsed() < DEADLINE, "clients are left");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn clients(running: &Running) -> u64 {
    running.totals().open
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.run(|| running.shutdown(Duration::ZERO));
        }
    }
}

/// A control connection, byte by byte.
pub(crate) struct Raw {
    pub(crate) reader: BufReader<TcpStream>,
}

impl Raw {
    pub(crate) fn new(stream: TcpStream) -> Raw {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw {
            reader: BufReader::new(stream),
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    pub(crate) fn name(&self) -> String {
        self.stream().local_addr().unwrap().to_string()
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        self.stream().write_all(bytes).unwrap();
    }

    /// The next answer, all lines of it; empty at the end of the stream.
    pub(crate) fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let mut line = Vec::new();
            self.reader.read_until(b'\n', &mut line).unwrap();
            if line.is_empty() {
                return answer;
            }
            assert!(line.ends_with(b"\r\n"), "{line:?}");
            let line = String::from_utf8_lossy(&line).into_owned();
            answer += &line;
            let is_last = line.as_bytes()[..3].iter().all(u8::is_ascii_digit);
            if is_last && line.as_bytes()[3] == b' ' {
                return answer.trim_end().to_owned();
            }
        }
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, start: &str) -> String {
        let answer = self.answer();
        assert!(answer.starts_with(start), "{answer}, not {start}");
        answer
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, start: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        let answer = self.answer();
        assert!(answer.starts_with(start), "{line}: {answer}, not {start}");
        answer
    }

    /// The server has closed the connection.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let outcome = self.reader.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        // A reset is an end, too.
        drop(outcome);
    }

    /// Where EPSV says.
    pub(crate) fn door(&mut self) -> SocketAddr {
        let answer = self.ask("EPSV", "229");
        let port = answer.split('|').nth(3).unwrap().parse().unwrap();
        SocketAddr::new(self.stream().peer_addr().unwrap().ip(), port)
    }

    /// A data connection.
    pub(crate) fn data(&mut self) -> TcpStream {
        let data = TcpStream::connect(self.door()).unwrap();
        data.set_read_timeout(Some(DEADLINE)).unwrap();
        data.set_write_timeout(Some(DEADLINE)).unwrap();
        data
    }

    /// What a command sends over a data connection.
    #[track_caller]
    pub(crate) fn fetch(&mut self, line: &str) -> Vec<u8> {
        let mut data = self.data();
        self.ask(line, "150");
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).unwrap();
        self.expect("226");
        bytes
    }

    #[track_caller]
    pub(crate) fn upload(&mut self, line: &str, bytes: &[u8]) {
        let mut data = self.data();
        self.ask(line, "150");
        data.write_all(bytes).unwrap();
        drop(data);
        self.expect("226");
    }
}

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("greenroom_servers") && metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LOG.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn keep_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Log).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
}

/// What was logged about a client, without its address.
pub(crate) fn logged(name: &str) -> Vec<String> {
    let before = format!("{name}: ");
    let log = LOG.lock().unwrap();
    let lines = log.iter().filter_map(|line| line.strip_prefix(&before));
    lines.map(str::to_owned).collect()
}
