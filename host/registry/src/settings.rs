//! How registries are spoken to: limits, trust, and where credentials are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::address::{host_of, is_loopback};
use crate::proxy::Proxies;

/// The settings of one registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Speak without TLS. Loopback addresses are spoken to with TLS first, and without
    /// it if they have none.
    pub plain_http: bool,
    /// Certificates in PEM form that are trusted beside those of the system.
    pub certificates: Vec<PathBuf>,
    /// A file of the form of Docker's config.json; no other is read.
    pub auth_file: Option<PathBuf>,
    /// How long its credential helper may take; `None`: `HELPER_PATIENCE`.
    pub helper_patience: Option<Duration>,
}

/// How long a credential helper may take.
pub const HELPER_PATIENCE: Duration = Duration::from_secs(30);

/// How registries are spoken to.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The settings of each host, by its name, with the port where one is written.
    pub hosts: BTreeMap<String, Host>,
    /// Files with credentials, in the order in which they are read.
    pub auth_files: Vec<PathBuf>,
    /// Directories with a folder `HOST:PORT` of certificates for each registry.
    pub certificate_directories: Vec<PathBuf>,
    pub proxies: Proxies,
    /// How often a request is made before its failure is one.
    pub attempts: u32,
    /// The pause before the second attempt; it is doubled for each further one.
    pub first_pause: Duration,
    /// The longest pause, also where a registry asks for a longer one.
    pub longest_pause: Duration,
    /// The time limit of a connection, and of each pause before and within an answer.
    pub patience: Duration,
    /// Bytes per second that content has to arrive with, on the whole.
    pub least_speed: u64,
    /// The largest manifest or index, in bytes. Registries take 4 MiB.
    pub largest_manifest: u64,
    /// How the program names itself.
    pub user_agent: String,
}

impl Default for Settings {
    /// Without credentials, and with the system's certificates.
    fn default() -> Self {
        Self {
            hosts: BTreeMap::new(),
            auth_files: Vec::new(),
            certificate_directories: Vec::new(),
            proxies: Proxies::default(),
            attempts: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_secs(30),
            least_speed: 1 << 10,
            largest_manifest: 4 << 20,
            user_agent: concat!("modsmith/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl Settings {
    /// The settings of the system and the caller's environment: the files of Docker and Podman,
    /// the folders of certificates, and the proxies.
    ///
    /// Source: containers-auth.json(5), containers-certs.d(5), and "Configuration files"
    /// of Docker's command line.
    pub fn of_system(variable: impl Fn(&str) -> Option<String>) -> Self {
        let path = |name: &str| variable(name).filter(|text| text.starts_with('/')).map(PathBuf::from);
        let home = path("HOME");
        let below = |base: &Option<PathBuf>, rest: &str| base.as_ref().map(|base| base.join(rest));
        let configuration = path("XDG_CONFIG_HOME").or_else(|| below(&home, ".config"));
        let docker = path("DOCKER_CONFIG").or_else(|| below(&home, ".docker"));
        let auth_files = [
            path("REGISTRY_AUTH_FILE"),
            below(&path("XDG_RUNTIME_DIR"), "containers/auth.json"),
            below(&configuration, "containers/auth.json"),
            below(&docker, "config.json"),
        ];
        let directories = ["/etc/containers/certs.d", "/etc/docker/certs.d"];
        Self {
            auth_files: auth_files.into_iter().flatten().collect(),
            certificate_directories: directories.iter().map(PathBuf::from).collect(),
            proxies: Proxies::of_environment(variable),
            ..Self::default()
        }
    }

    /// The settings for a registry; the defaults where there are none.
    pub fn host(&self, authority: &str) -> Host {
        self.hosts.get(authority).cloned().unwrap_or_default()
    }

    /// Whether what is sent there may be read on its way.
    pub fn may_be_plain(&self, authority: &str) -> bool {
        is_loopback(host_of(authority)) || self.hosts.get(authority).is_some_and(|host| host.plain_http)
    }

    /// The files with credentials for a registry.
    pub fn auth_files_of(&self, authority: &str) -> Vec<PathBuf> {
        match self.hosts.get(authority).and_then(|host| host.auth_file.clone()) {
            Some(file) => vec![file],
            None => self.auth_files.clone(),
        }
    }

    /// How long the credential helper of a registry may take.
    pub fn helper_patience_of(&self, authority: &str) -> Duration {
        self.hosts.get(authority).and_then(|host| host.helper_patience).unwrap_or(HELPER_PATIENCE)
    }

    /// The files of certificates for a registry: those that are named, and those of its
    /// folders that end with `.crt`, as Docker and Podman read them.
    pub fn certificates_of(&self, authority: &str) -> Vec<PathBuf> {
        let mut files = self.hosts.get(authority).map(|host| host.certificates.clone()).unwrap_or_default();
        for directory in &self.certificate_directories {
            files.extend(certificates_in(&directory.join(authority)));
        }
        files
    }
}

fn certificates_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "crt"));
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_credentials_are_those_of_podman_and_then_of_docker() {
        let of = |variables: &[(&str, &str)]| {
            let variables: BTreeMap<_, _> = variables.iter().copied().collect();
            let settings = Settings::of_system(|name| variables.get(name).map(|value| (*value).to_owned()));
            settings.auth_files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(&[("HOME", "/h")]), ["/h/.config/containers/auth.json", "/h/.docker/config.json"]);
        let all = [("HOME", "/h"), ("REGISTRY_AUTH_FILE", "/a"), ("XDG_RUNTIME_DIR", "/r"), ("DOCKER_CONFIG", "/d")];
        let all = of(&all);
        assert_eq!(all, ["/a", "/r/containers/auth.json", "/h/.config/containers/auth.json", "/d/config.json"]);
        assert!(of(&[("HOME", "relative")]).is_empty() && of(&[]).is_empty());
    }

    #[test]
    fn a_registry_has_its_own_certificates_and_credentials() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("h.example:5000");
        std::fs::create_dir(&folder).unwrap();
        for name in ["b.crt", "a.crt", "client.key"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let mut settings = Settings {
            certificate_directories: vec![directory.path().into()],
            auth_files: vec!["/x".into()],
            ..Settings::default()
        };
        assert_eq!(settings.certificates_of("h.example:5000"), [folder.join("a.crt"), folder.join("b.crt")]);
        assert!(settings.certificates_of("h.example").is_empty());
        let host = Host { auth_file: Some("/own".into()), plain_http: true, ..Host::default() };
        settings.hosts.insert("h.example".into(), host);
        assert_eq!(settings.auth_files_of("h.example"), [PathBuf::from("/own")]);
        assert_eq!(settings.auth_files_of("h.example:5000"), [PathBuf::from("/x")]);
        assert!(settings.may_be_plain("h.example") && !settings.may_be_plain("h.example:5000"));
        assert!(settings.may_be_plain("127.0.0.1:5000"));
    }
}
