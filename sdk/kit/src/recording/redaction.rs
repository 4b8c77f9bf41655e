//! Redaction of records: secrets, and texts that identify a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use modsmith_facts::inside;

use crate::error::{Error, Result};

/// The kinds of texts that were replaced or left out, and the places: `the host name` in `etc/x.conf`.
pub type Replacements = BTreeMap<&'static str, BTreeSet<String>>;

const HOST: &str = "the host name";
const MACHINE: &str = "the machine id";
const HOME: &str = "a home directory";
const SECRET: &str = "a secret";

/// The text in the place of a secret.
const REDACTED: &str = "redacted";
/// The text in the place of a machine id; it has the form of one.
const SOME_MACHINE: &str = "0123456789abcdef0123456789abcdef";

/// Words in the name of a value that is a secret, in lower case.
const SECRET_WORDS: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "pin-value", "pin_value", "api-key"];
/// Values that are no secrets under any name.
const PLAIN: [&str; 6] = ["true", "false", "none", "null", "auto", REDACTED];
/// Shorter secrets are replaced only where they are set: elsewhere they may mean anything.
const SHORTEST: usize = 4;

/// A text that is replaced wherever it stands as a word.
#[derive(Debug)]
struct Needle {
    text: Vec<u8>,
    instead: Vec<u8>,
    what: &'static str,
}

/// Replaces what a record must not give away, and remembers where.
#[derive(Debug, Default)]
pub struct Redaction {
    needles: Vec<Needle>,
    replaced: Replacements,
}

impl Redaction {
    /// For the system below a root. `common` are words that are not taken for the name of the
    /// host, since they mean something else too.
    ///
    /// # Errors
    /// `System` for a file that is there and cannot be read: what it names would stay in the record.
    pub fn of(root: &Path, common: &[String]) -> Result<Self> {
        let read = |path: &str| read(root, Path::new(path)).map(Option::unwrap_or_default);
        let mut redaction = Self::default();
        let live = root == Path::new("/");
        let running = live.then(name_of_this_machine).flatten();
        for name in read("etc/hostname")?.lines().map(str::to_owned).chain(running) {
            let name = name.trim().to_owned();
            let short = name.split('.').next().unwrap_or_default().to_owned();
            for name in [name, short] {
                if name.len() > 2 && name != "localhost" && !common.contains(&name) {
                    redaction.add(&name, "host", HOST);
                }
            }
        }
        for file in ["etc/machine-id", "var/lib/dbus/machine-id"] {
            let id = read(file)?.trim().to_owned();
            if id.len() == 32 {
                redaction.add(&id, SOME_MACHINE, MACHINE);
            }
        }
        let own = std::env::var("HOME").ok().filter(|_| live);
        let passwd = read("etc/passwd")?;
        let homes = passwd.lines().filter_map(|line| line.split(':').nth(5).map(str::to_owned)).chain(own);
        let homes: BTreeSet<String> = homes.filter(|home| home.starts_with("/home/")).collect();
        for (number, home) in homes.iter().enumerate() {
            let instead = if number == 0 { "/home/user".to_owned() } else { format!("/home/user{}", number + 1) };
            redaction.add(home, &instead, HOME);
        }
        Ok(redaction)
    }

    fn add(&mut self, text: &str, instead: &str, what: &'static str) {
        self.needles.push(Needle { text: text.into(), instead: instead.into(), what });
        // `host.example` before `host`.
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.text.len()));
    }

    /// Finds the secrets in a file, so that they are replaced everywhere.
    pub fn learn(&mut self, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        for mut line in text.lines() {
            while let Some(range) = secret_in(line) {
                self.learn_secret(&line[range.clone()]);
                line = &line[range.end..];
            }
        }
    }

    /// A secret that is known as one.
    pub fn learn_secret(&mut self, secret: &str) {
        let known = self.needles.iter().any(|needle| needle.text == secret.as_bytes());
        if !known && secret.len() >= SHORTEST && !PLAIN.contains(&secret) {
            self.add(secret, REDACTED, SECRET);
        }
    }

    /// A text of the record: `place` says which, for the list.
    pub fn text(&mut self, text: &str, place: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes(), place)).into_owned()
    }

    /// The contents of a file of the record.
    pub fn bytes(&mut self, bytes: &[u8], place: &str) -> Vec<u8> {
        let bytes = match std::str::from_utf8(bytes) {
            Ok(text) => self.without_secrets(text, place).into_bytes(),
            Err(_) => bytes.to_vec(),
        };
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let before = out.last().copied();
            let found = self.needles.iter().find(|needle| needle.stands_at(rest, before));
            match found {
                Some(Needle { text, instead, what }) => {
                    self.replaced.entry(*what).or_default().insert(place.to_owned());
                    out.extend(instead);
                    rest = &rest[text.len()..];
                }
                None => {
                    out.push(rest[0]);
                    rest = &rest[1..];
                }
            }
        }
        out
    }

    /// The replacements so far.
    pub fn summary(self) -> Replacements {
        self.replaced
    }

    /// Private keys and the values of secrets.
    fn without_secrets(&mut self, text: &str, place: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut in_key = false;
        let mut found = false;
        for line in text.split_inclusive('\n') {
            if in_key {
                in_key = !line.contains("-----END ");
                if !in_key {
                    out += line;
                }
                continue;
            }
            if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
                (in_key, found) = (true, true);
                out += line;
                out += REDACTED;
                out += "\n";
                continue;
            }
            let mut rest = line;
            while let Some(range) = secret_in(rest) {
                let secret = &rest[range.clone()];
                let is_plain = PLAIN.contains(&secret);
                found |= !is_plain;
                out += &rest[..range.start];
                out += if is_plain { secret } else { REDACTED };
                rest = &rest[range.end..];
            }
            out += rest;
        }
        if found {
            self.replaced.entry(SECRET).or_default().insert(place.to_owned());
        }
        out
    }
}

impl Needle {
    fn stands_at(&self, rest: &[u8], before: Option<u8>) -> bool {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        rest.starts_with(&self.text)
            && !before.is_some_and(is_word)
            && !rest.get(self.text.len()).copied().is_some_and(is_word)
    }
}

/// Whether a value of this name is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// The range of the secret in a line: `password = x`, `"token": "x"`, `password_pbkdf2 root x`.
fn secret_in(line: &str) -> Option<std::ops::Range<usize>> {
    let lower = line.to_ascii_lowercase();
    let (start, word) = SECRET_WORDS.iter().filter_map(|word| Some((lower.find(word)?, word))).min()?;
    let name_end = lower[start + word.len()..]
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
        .map_or(line.len(), |at| start + word.len() + at);
    let is_filler = |c: char| c.is_whitespace() || c == '"' || c == '\'';
    let after = &line[name_end..];
    let sign = after.trim_start_matches(is_filler);
    let value = match sign.strip_prefix(['=', ':']) {
        Some(value) => value.trim_start_matches(is_filler),
        // A command, whose words after the user's name are the secret.
        None if lower.trim_start().starts_with("password") && after.starts_with(char::is_whitespace) => {
            let words = after.trim_start();
            words.split_once(char::is_whitespace).map_or(words, |(_, secret)| secret.trim_start())
        }
        None => return None,
    };
    let begin = line.len() - value.len();
    let end = value.find(|c: char| is_filler(c) || c == ';' || c == '&').map_or(line.len(), |at| begin + at);
    (begin < end).then_some(begin..end)
}

/// The text of a file of the system below a root, if it is there. No link leads out of the root, and only
/// regular files of bounded size are read.
///
/// # Errors
/// `System` for a file that cannot be read.
pub fn read(root: &Path, path: &Path) -> Result<Option<String>> {
    let file = match root == Path::new("/") {
        true => root.join(path),
        false => inside::locate_in_root(root, path),
    };
    match inside::read_configuration_text(&file) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(Error::io("read", &root.join(path), e)),
    }
}

/// The name of this machine.
fn name_of_this_machine() -> Option<String> {
    inside::read_configuration_text(Path::new("/proc/sys/kernel/hostname")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = dir.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        dir
    }

    #[test]
    fn names_of_the_machine_and_of_people_are_replaced_as_words() {
        let root = system(&[
            ("etc/hostname", "web1.example\n"),
            ("etc/machine-id", "00112233445566778899aabbccddeeff\n"),
            ("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n"),
        ]);
        let mut redaction = Redaction::of(root.path(), &[]).unwrap();
        let text = "web1.example web1 web12 /home/ann/x /home/anna 00112233445566778899aabbccddeeff-6.1\n";
        let expected = format!("host host web12 /home/user/x /home/anna {SOME_MACHINE}-6.1\n");
        assert_eq!(redaction.text(text, "etc/x"), expected);
        let summary = redaction.summary();
        assert_eq!(summary.keys().copied().collect::<Vec<_>>(), [HOME, HOST, MACHINE]);
        assert_eq!(summary[HOST].iter().collect::<Vec<_>>(), ["etc/x"]);
        let mut common = Redaction::of(root.path(), &["web1".to_owned()]).unwrap();
        assert_eq!(common.text("web1 web1.example", "etc/x"), "web1 host");
    }

    #[test]
    fn secrets_are_replaced_where_they_are_set_and_wherever_else_they_stand() {
        let root = system(&[]);
        let mut redaction = Redaction::of(root.path(), &[]).unwrap();
        let text = "password = \"hunter22\"\nurl=pkcs11:token=ab;pin-value=1234&x=1\nset superusers=\"root\"\n\
            password_pbkdf2 root grub.sha512.AB\nno_password = true\n";
        redaction.learn(text.as_bytes());
        let expected = "password = \"redacted\"\nurl=pkcs11:token=redacted;pin-value=redacted&x=1\nset superusers=\"root\"\n\
            password_pbkdf2 root redacted\nno_password = true\n";
        assert_eq!(redaction.text(text, "etc/x"), expected);
        assert_eq!(redaction.text("run tool hunter22", "the answer"), "run tool redacted");
    }

    #[test]
    fn private_keys_are_left_out() {
        let mut redaction = Redaction::default();
        let key = "a\n-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\nEEIB\n-----END EC PRIVATE KEY-----\nb\n";
        let expected = "a\n-----BEGIN EC PRIVATE KEY-----\nredacted\n-----END EC PRIVATE KEY-----\nb\n";
        assert_eq!(redaction.text(key, "etc/key"), expected);
        let cut = "-----BEGIN PRIVATE KEY-----\nMHcCAQ\n";
        assert_eq!(redaction.text(cut, "etc/key"), "-----BEGIN PRIVATE KEY-----\nredacted\n");
    }

    #[test]
    fn binary_contents_lose_the_names_too() {
        let root = system(&[("etc/hostname", "web1\n")]);
        let mut redaction = Redaction::of(root.path(), &[]).unwrap();
        assert_eq!(redaction.bytes(b"\xff\0web1\0", "boot/x"), b"\xff\0host\0");
    }

    #[test]
    fn files_of_the_system_are_read_inside_of_its_root() {
        let (root, outside) = (system(&[("etc/passwd", "")]), system(&[("secret", "web1\n")]));
        std::os::unix::fs::symlink(outside.path().join("secret"), root.path().join("etc/hostname")).unwrap();
        let mut redaction = Redaction::of(root.path(), &[]).unwrap();
        assert_eq!(redaction.text("web1", "etc/x"), "web1", "the file is not there in the system");
        assert_eq!(read(root.path(), Path::new("etc/hostname")).unwrap(), None);
        let there = root.path().join(outside.path().strip_prefix("/").unwrap());
        std::fs::create_dir_all(&there).unwrap();
        std::fs::write(there.join("secret"), "web2\n").unwrap();
        let mut redaction = Redaction::of(root.path(), &[]).unwrap();
        assert_eq!(redaction.text("web1 web2", "etc/x"), "web1 host");
    }

    #[test]
    fn names_that_cannot_be_read_are_an_error() {
        use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
        let root = system(&[("etc/passwd", "")]);
        let file = root.path().join("etc/hostname");
        let is_refused = |why: &str| {
            let error = Redaction::of(root.path(), &[]).unwrap_err().to_string();
            assert!(error.contains("etc/hostname") && error.contains(why), "{error}");
            std::fs::remove_file(&file).unwrap();
        };
        mknodat(CWD, &file, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        is_refused("a named pipe");
        std::fs::File::create(&file).unwrap().set_len(inside::CONFIGURATION_LIMIT + 1).unwrap();
        is_refused("larger than");
        // Only root can make a device.
        if mknodat(CWD, &file, FileType::CharacterDevice, Mode::from_raw_mode(0o600), makedev(1, 5)).is_ok() {
            is_refused("a device");
        }
    }
}
