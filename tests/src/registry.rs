//! Debian's `docker-registry`, on this machine for as long as a test runs.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{debian, tool};

/// The user of the registry that wants a password.
pub const USER: &str = "alice";
pub const PASSWORD: &str = "s3cret";

/// Bcrypt of [`PASSWORD`], as `htpasswd -B` writes it: the only form that it reads.
const HTPASSWD: &str = "alice:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n";

/// How long the registry may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A registry without TLS and without users, or with both.
pub struct Registry {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Registry {
    /// Anyone may read and write, without TLS.
    pub fn open() -> Self {
        Self::start(false)
    }

    /// With TLS by a certificate authority of its own, and with a password.
    pub fn guarded() -> Self {
        Self::start(true)
    }

    fn start(guarded: bool) -> Self {
        let program = debian::unpacked("docker-registry").join("usr/bin/docker-registry");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let mut configuration = format!(
            "version: 0.1\nlog: {{accesslog: {{disabled: true}}, level: error}}\n\
             storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n",
            at("data")
        );
        if guarded {
            certificates(dir.path());
            std::fs::write(dir.path().join("htpasswd"), HTPASSWD).expect("writable");
            configuration += &format!(
                "http: {{addr: '127.0.0.1:{port}', tls: {{certificate: {}, key: {}}}}}\n\
                 auth: {{htpasswd: {{realm: tests, path: {}}}}}\n",
                at("server.crt"),
                at("server.key"),
                at("htpasswd")
            );
        } else {
            configuration += &format!("http: {{addr: '127.0.0.1:{port}'}}\n");
        }
        let file = dir.path().join("configuration.yml");
        std::fs::write(&file, configuration).expect("writable");
        let log = std::fs::File::create(dir.path().join("log")).expect("writable");
        let mut command = Command::new(program);
        command.arg("serve").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("docker-registry starts");
        let mut registry = Self { child, port, dir };
        registry.wait();
        registry
    }

    fn wait(&mut self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(self.child.try_wait().expect("a child").is_none(), "docker-registry ended: {log}");
            assert!(Instant::now() < until, "docker-registry does not listen: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `HOST:PORT`
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate of its authority; only of a guarded one.
    pub fn authority(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// The manifest below a tag or digest, as the registry keeps it, taken away with all
    /// that refers to it by name: the next push is as the first one.
    pub fn forget_tag(&self, repository: &str, tag: &str) {
        let tags =
            self.dir.path().join("data/docker/registry/v2/repositories").join(repository).join("_manifests/tags");
        std::fs::remove_dir_all(tags.join(tag)).expect("a tag that was pushed");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pair of keys for signatures of what registries keep: `NAME.key` and `NAME.pub`.
pub fn signing_keys(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (private, public) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.pub")));
    let openssl = || Command::new(tool::path("openssl"));
    let words = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
    tool::run(openssl().args(words.split(' ')).arg(&private));
    tool::run(openssl().args(["pkey", "-pubout", "-in"]).arg(&private).arg("-out").arg(&public));
    (private, public)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// An authority, and a certificate of it for this machine.
fn certificates(dir: &Path) {
    let run = |words: &str| {
        let mut command = Command::new(tool::path("openssl"));
        tool::run(command.args(words.split(' ')).current_dir(dir));
    };
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("writable");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    run(&format!(
        "req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=authority -addext basicConstraints=critical,CA:TRUE"
    ));
    run(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
    run("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile names");
}
