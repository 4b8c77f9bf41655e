//! Which walls stand around a confined program.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a confined program cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// Talk to the network, or to a program of this machine that listens.
    Network,
    /// Change the file system: contents, names and, for what only reads, modes, owners
    /// and times too. `/dev/null` and a directory of its own excepted.
    Writes,
    /// Read files that not all users may read.
    Secrets,
    /// Leave a process behind.
    Processes,
    /// Use or gain a privilege: no capability is left.
    Privileges,
    /// See what it has no use for: temporary files of others, devices, and what its caller
    /// hides.
    View,
}

const COUNT: usize = 6;

impl Wall {
    /// All of them, in the order in which they are named.
    pub const ALL: [Wall; COUNT] =
        [Self::Network, Self::Writes, Self::Secrets, Self::Processes, Self::Privileges, Self::View];

    /// The walls that a program which only reads can have.
    pub const OF_READERS: [Wall; 5] = [Self::Network, Self::Writes, Self::Secrets, Self::Processes, Self::Privileges];

    fn words(self) -> &'static str {
        match self {
            Self::Network => "no network",
            Self::Writes => "no writes",
            Self::Secrets => "no secrets",
            Self::Processes => "own processes",
            Self::Privileges => "no privileges",
            Self::View => "own view of files",
        }
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// The strength of a build's confinement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// The program has the rights of its caller.
    None,
    /// The program runs as another user than root, or without privileges; it can write where that user can.
    Dropped,
    /// The program writes in its own directory only, reads no secrets, and has no network.
    Confined,
    /// Besides, it sees a system of its own: all walls stand.
    Full,
}

impl Rung {
    /// The words of logs and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Dropped => "dropped",
            Self::Confined => "confined",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The state of each wall, as the confined process found it just before it became the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level([State; COUNT]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Stands,
    /// The kernel's error number; 0 if no call was refused.
    Missing(u8),
}

/// How a level is written to a pipe: a byte for each wall.
pub(super) const BYTES: usize = COUNT;
const STANDS: u8 = u8::MAX;

impl Level {
    /// A level without walls.
    pub(super) fn none() -> Self {
        Self([State::Missing(0); COUNT])
    }

    /// Notes a wall as standing, or why it does not.
    pub(super) fn set(&mut self, wall: Wall, outcome: Result<(), i32>) {
        self.0[wall as usize] = match outcome {
            Ok(()) => State::Stands,
            Err(errno) => State::Missing(u8::try_from(errno).ok().filter(|e| *e != STANDS).unwrap_or(0)),
        };
    }

    /// Whether a wall stands.
    pub fn has(self, wall: Wall) -> bool {
        self.0[wall as usize] == State::Stands
    }

    /// How far a build of this level is confined; `lifted` are walls that its caller does
    /// without.
    pub fn rung(self, lifted: &[Wall]) -> Rung {
        let all = |walls: &[Wall]| walls.iter().all(|wall| self.has(*wall) || lifted.contains(wall));
        if all(&Wall::ALL) {
            Rung::Full
        } else if all(&[Wall::Network, Wall::Writes, Wall::Secrets, Wall::Privileges]) {
            Rung::Confined
        } else if self.has(Wall::Privileges) {
            Rung::Dropped
        } else {
            Rung::None
        }
    }

    /// The walls that stand.
    pub fn walls(self) -> impl Iterator<Item = Wall> {
        Wall::ALL.into_iter().filter(move |wall| self.has(*wall))
    }

    /// The walls that do not stand, each with what the kernel said.
    pub fn missing(self) -> impl Iterator<Item = (Wall, Option<std::io::Error>)> {
        Wall::ALL.into_iter().filter_map(move |wall| match self.0[wall as usize] {
            State::Stands => None,
            State::Missing(0) => Some((wall, None)),
            State::Missing(errno) => Some((wall, Some(std::io::Error::from_raw_os_error(errno.into())))),
        })
    }

    /// The missing walls with the reasons in words: the kernel's error, or that this system has
    /// nothing of the kind.
    pub fn reasons(self) -> impl Iterator<Item = (Wall, String)> {
        let words = |why: Option<std::io::Error>| {
            why.map_or_else(|| "this system does not support it".to_owned(), |why| why.to_string())
        };
        self.missing().map(move |(wall, why)| (wall, words(why)))
    }

    pub(super) fn to_bytes(self) -> [u8; BYTES] {
        self.0.map(|state| match state {
            State::Stands => STANDS,
            State::Missing(errno) => errno,
        })
    }

    pub(super) fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes.map(|byte| if byte == STANDS { State::Stands } else { State::Missing(byte) }))
    }
}

/// The walls that stand, as words for a log.
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing: Vec<_> = Wall::ALL.into_iter().filter(|wall| self.has(*wall)).map(Wall::words).collect();
        f.write_str(if standing.is_empty() { "limits only".into() } else { standing.join(", ") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_names_its_walls_and_why_others_are_missing() {
        assert_eq!(Level::none().to_string(), "limits only");
        let mut level = Level::none();
        level.set(Wall::Network, Ok(()));
        level.set(Wall::Secrets, Ok(()));
        level.set(Wall::Writes, Err(libc::ENOSYS));
        let level = Level::from_bytes(level.to_bytes());
        assert_eq!(level.to_string(), "no network, no secrets");
        let missing: Vec<_> = level.missing().map(|(wall, why)| (wall, why.and_then(|e| e.raw_os_error()))).collect();
        let expected = [(Wall::Writes, Some(libc::ENOSYS)), (Wall::Processes, None), (Wall::Privileges, None)];
        assert_eq!(missing, [&expected[..], &[(Wall::View, None)]].concat());
    }

    #[test]
    fn each_rung_is_reached_by_its_walls() {
        let level = |walls: &[Wall]| {
            let mut level = Level::none();
            walls.iter().for_each(|wall| level.set(*wall, Ok(())));
            level.rung(&[])
        };
        assert_eq!(level(&Wall::ALL), Rung::Full);
        assert_eq!(level(&Wall::OF_READERS), Rung::Confined);
        assert_eq!(level(&[Wall::Network, Wall::Writes, Wall::Secrets, Wall::Privileges]), Rung::Confined);
        assert_eq!(level(&[Wall::Writes, Wall::Secrets, Wall::Privileges]), Rung::Dropped, "it has the network");
        assert_eq!(level(&[Wall::Network, Wall::Writes, Wall::Secrets]), Rung::None, "it has privileges");
        assert!(Rung::Full > Rung::Confined && Rung::Confined > Rung::Dropped && Rung::Dropped > Rung::None);
    }
}
