//! The cells of a matrix, with the file that lists them: `matrix.json`, described by
//! `docs/reference/matrix-schema.json`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

const SCHEMA_VERSION: u32 = 1;

/// The longest name of a cell, in bytes: with a suffix it has to be a file name.
const LONGEST_NAME: usize = 200;

/// The module, version, kernel and architecture of a cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Coordinates {
    pub module: String,
    pub version: String,
    /// The kernel's release.
    pub kernel: String,
    pub arch: String,
}

/// A package file, with the digest of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadersPackage {
    pub file: PathBuf,
    pub digest: String,
}

/// A cell that is wanted, before it has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub coordinates: Coordinates,
    /// The directory of the module's source, where it is no package of the tree.
    pub source: Option<PathBuf>,
    /// The directory of the kernel's headers, where they are not installed.
    pub headers: Option<PathBuf>,
    /// The packages that the headers are in, where that is no directory.
    pub packages: Vec<HeadersPackage>,
    /// The digest of all that goes into the build, where it is known.
    pub identity: Option<String>,
    /// Whether a store has the build.
    pub in_store: bool,
}

/// One module for one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The place in the list of cells.
    pub index: usize,
    /// A plain file name, of letters, digits and `.+~_-`; no other cell has it.
    pub name: String,
    #[serde(flatten)]
    pub coordinates: Coordinates,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<HeadersPackage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Whether a store had the build when the matrix was planned: nothing is run for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_store: bool,
}

/// All cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    schema_version: u32,
    pub cells: Vec<Cell>,
}

/// Why a text is no matrix, as a clause.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("its schema_version is {0}, where {SCHEMA_VERSION} is needed")]
    Version(u32),
    #[error("its cell {0} has another index than its place")]
    Index(usize),
    #[error("its cell {0} has a name that is no plain file name, or that another cell has")]
    Name(usize),
}

impl Matrix {
    /// Gives every cell its number and name.
    pub fn new(wanted: impl IntoIterator<Item = Wanted>) -> Self {
        let mut names = BTreeSet::new();
        let cells = wanted.into_iter().enumerate().map(|(index, wanted)| {
            let Wanted { coordinates, source, headers, packages, identity, in_store } = wanted;
            let plain = plain_name(&coordinates);
            // Two packages may come to one name, such as `a-1/2` and `a/1-2`.
            let name = if names.contains(&plain) { format!("{plain}~{index}") } else { plain };
            names.insert(name.clone());
            Cell { index, name, coordinates, source, headers, packages, identity, in_store }
        });
        Self { schema_version: SCHEMA_VERSION, cells: cells.collect() }
    }

    /// Reads `matrix.json`.
    ///
    /// # Errors
    /// Text that is no matrix, or whose cells have wrong numbers or names.
    pub fn from_json(bytes: &[u8]) -> Result<Self, MatrixError> {
        #[derive(Deserialize)]
        struct Head {
            schema_version: u32,
        }
        let head: Head = serde_json::from_slice(bytes)?;
        if head.schema_version != SCHEMA_VERSION {
            return Err(MatrixError::Version(head.schema_version));
        }
        let matrix: Matrix = serde_json::from_slice(bytes)?;
        let mut names = BTreeSet::new();
        for (place, cell) in matrix.cells.iter().enumerate() {
            if cell.index != place {
                return Err(MatrixError::Index(place));
            }
            if !is_plain(&cell.name) || !names.insert(cell.name.as_str()) {
                return Err(MatrixError::Name(place));
            }
        }
        Ok(matrix)
    }

    /// The cells that something has to be run for.
    pub fn to_run(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| !cell.in_store)
    }
}

fn plain_name(coordinates: &Coordinates) -> String {
    let Coordinates { module, version, kernel, arch } = coordinates;
    let joined = format!("{module}-{version}-{kernel}-{arch}");
    let plain: String = joined.chars().map(|c| if is_plain_character(c) { c } else { '_' }).collect();
    let plain = plain.trim_start_matches(['.', '-', '~', '+']);
    plain[..plain.len().min(LONGEST_NAME - 20)].to_owned()
}

fn is_plain_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._+~-".contains(c)
}

fn is_plain(name: &str) -> bool {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    first && name.len() <= LONGEST_NAME && name.chars().all(is_plain_character)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn wanted(module: &str, version: &str, kernel: &str) -> Wanted {
        let text = |text: &str| text.to_owned();
        Wanted {
            coordinates: Coordinates {
                module: text(module),
                version: text(version),
                kernel: text(kernel),
                arch: text("x86_64"),
            },
            source: None,
            headers: None,
            packages: Vec::new(),
            identity: None,
            in_store: false,
        }
    }

    #[test]
    fn names_are_plain_and_each_is_there_once() {
        let matrix = Matrix::new([wanted("a-1", "2", "6.1"), wanted("a", "1-2", "6.1"), wanted("..", "é:1", "/x")]);
        let names: Vec<&str> = matrix.cells.iter().map(|cell| cell.name.as_str()).collect();
        assert_eq!(names, ["a-1-2-6.1-x86_64", "a-1-2-6.1-x86_64~1", "__1-_x-x86_64"]);
        let bytes = serde_json::to_vec(&matrix).unwrap();
        assert_eq!(Matrix::from_json(&bytes).unwrap(), matrix);
    }

    #[test]
    fn a_matrix_whose_names_lead_elsewhere_is_refused() {
        let text = serde_json::to_string(&Matrix::new([wanted("a", "1", "6.1")])).unwrap();
        for (from, to) in [
            ("\"a-1-6.1-x86_64\"", "\"../x\""),
            ("\"a-1-6.1-x86_64\"", "\".x\""),
            ("\"index\":0", "\"index\":1"),
            ("\"schema_version\":1", "\"schema_version\":2"),
        ] {
            assert!(Matrix::from_json(text.replace(from, to).as_bytes()).is_err(), "{to}");
        }
    }
}
