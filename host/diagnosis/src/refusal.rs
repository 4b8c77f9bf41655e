//! Operations that the walls around a build refused, as programs report them in a log.

use regex::Regex;

/// An operation that a program of a recipe was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The change of this file, or of an entry of this directory.
    Write(String),
    /// The reading of this file.
    Read(String),
    /// A connection to a machine, whose name may be known.
    Network(Option<String>),
    /// The use of a privilege, by the program of this name.
    Privilege(String),
}

/// The kernel's texts for a refused operation.
const REFUSED: &str = r"Read-only file system|Permission denied|Operation not permitted|no new privileges";

/// The texts of programs that find no network.
const OFFLINE: &str = r"(?x)
    [Cc]ould\ not\ resolve\ (?:host|proxy)(?::\ ([\w.-]+))?
    | unable\ to\ resolve\ host\ address\ [‘'`]?([\w.-]+)
    | Failed\ to\ connect\ to\ ([\w.-]+)
    | Temporary\ failure\ in\ name\ resolution | Network\ is\ unreachable | /dev/(?:tcp|udp)/([\w.-]+)
    | socket:\ (?:Permission\ denied|Operation\ not\ permitted)";

/// Programs that need a privilege for what they are for.
const PRIVILEGED: &str =
    r"^(?:.*/)?(insmod|modprobe|rmmod|depmod|mount|umount|sudo|su|chown|chgrp|mknod|sysctl|dmesg): ";

/// Words of programs that were going to change something.
const CHANGING: &str = r"(?i-u)\b(create|touch|remove|unlink|mkdir|write|writing|overwrite|move|rename|install|delete|truncate)\b|for writing";

/// The program that speaks, with the line of its script.
const SPEAKER: &str = r"^\S+: (?:line )?(?:\d+: )?";

/// The patterns, ready for use.
pub struct Refusals {
    refused: Regex,
    offline: Regex,
    privileged: Regex,
    changing: Regex,
    speaker: Regex,
    path: Regex,
}

impl Refusals {
    pub fn new() -> Self {
        let pattern = |text| Regex::new(text).expect("the patterns are tested");
        Self {
            refused: pattern(REFUSED),
            offline: pattern(OFFLINE),
            privileged: pattern(PRIVILEGED),
            changing: pattern(CHANGING),
            speaker: pattern(SPEAKER),
            path: pattern(r#"(?:^|[\s'‘"`(=>])(/[^\s'’"`:,;)]+)"#),
        }
    }

    /// The refusal that a line of a confined build reports.
    pub fn of_line(&self, line: &str) -> Option<Refusal> {
        if let Some(found) = self.offline.captures(line) {
            let host = found.iter().skip(1).flatten().next().map(|host| host.as_str().to_owned());
            return Some(Refusal::Network(host));
        }
        if !self.refused.is_match(line) {
            return None;
        }
        if let Some(found) = self.privileged.captures(line) {
            return Some(Refusal::Privilege(found[1].to_owned()));
        }
        let said = self.speaker.replace(line, "");
        let path = self.path.captures_iter(&said).last()?[1].to_owned();
        let changes = line.contains("Read-only file system") || self.changing.is_match(line);
        Some(if changes { Refusal::Write(path) } else { Refusal::Read(path) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_in_their_own_words_what_they_were_refused() {
        let refusals = Refusals::new();
        let write = |path: &str| Some(Refusal::Write(path.to_owned()));
        let read = |path: &str| Some(Refusal::Read(path.to_owned()));
        let network = |host: Option<&str>| Some(Refusal::Network(host.map(str::to_owned)));
        let privilege = |program: &str| Some(Refusal::Privilege(program.to_owned()));
        for (line, expected) in [
            ("touch: cannot touch '/etc/evil': Read-only file system", write("/etc/evil")),
            ("mkdir: cannot create directory ‘/var/cache/x’: Permission denied", write("/var/cache/x")),
            ("/bin/sh: 1: cannot create /etc/x: Permission denied", write("/etc/x")),
            ("./pre.sh: line 3: /etc/x: Read-only file system", write("/etc/x")),
            ("cp: cannot create regular file '/usr/include/x.h': Read-only file system", write("/usr/include/x.h")),
            ("cat: /boot/System.map-6.1: Permission denied", read("/boot/System.map-6.1")),
            ("grep: /etc/shadow: Permission denied", read("/etc/shadow")),
            ("PermissionError: [Errno 13] Permission denied: '/root/x'", read("/root/x")),
            ("curl: (6) Could not resolve host: example.org", network(Some("example.org"))),
            ("wget: unable to resolve host address ‘example.org’", network(Some("example.org"))),
            ("bash: /dev/tcp/10.0.0.1/80: Permission denied", network(Some("10.0.0.1"))),
            ("ping: socket: Operation not permitted", network(None)),
            ("chown: changing ownership of 'x': Operation not permitted", privilege("chown")),
            ("insmod: ERROR: could not insert module x.ko: Operation not permitted", privilege("insmod")),
            (
                "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.",
                privilege("sudo"),
            ),
            ("/bin/sh: 1: ./configure: Permission denied", None),
            ("make: ./gen.sh: Permission denied", None),
            ("x.c:3: error: '/' was not expected", None),
        ] {
            assert_eq!(refusals.of_line(line), expected, "{line}");
        }
    }
}
