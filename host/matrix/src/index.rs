//! The results of all cells: `index.json`, described by `docs/reference/matrix-index-schema.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cell::{Coordinates, Matrix};
use crate::outcome::CellOutcome;
use crate::result::CellResult;

const SCHEMA_VERSION: u32 = 1;

/// The results of all cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    schema_version: u32,
    /// When it was made, RFC 3339.
    pub created: String,
    /// The number of cells of each outcome.
    pub totals: BTreeMap<CellOutcome, usize>,
    pub cells: Vec<IndexedCell>,
    /// The differences from an earlier index; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Change>>,
}

/// One cell and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedCell {
    pub index: usize,
    pub name: String,
    #[serde(flatten)]
    pub coordinates: Coordinates,
    pub outcome: CellOutcome,
    /// Why a result that is there is not believed, as a clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The result that the cell has written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<CellResult>,
}

/// A cell whose outcome is another one than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    #[serde(flatten)]
    pub coordinates: Coordinates,
    /// `None`: the cell is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<CellOutcome>,
    /// `None`: the cell is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<CellOutcome>,
}

/// Why a text is no index, as a clause.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("its schema_version is {0}, where {SCHEMA_VERSION} is needed")]
    Version(u32),
}

impl Index {
    /// Puts the results of cells together. `read` gives the bytes of the result of a cell by
    /// the cell's name; `Ok(None)`: there is none; `Err`: why it cannot be read, as a clause.
    pub fn collect(
        matrix: &Matrix,
        created: String,
        read: impl Fn(&str) -> Result<Option<Vec<u8>>, String>,
        before: Option<&Index>,
    ) -> Self {
        let mut cells = Vec::with_capacity(matrix.cells.len());
        for cell in &matrix.cells {
            let found = read(&cell.name).and_then(|bytes| bytes.map(|bytes| CellResult::from_json(&bytes)).transpose());
            let found = found.and_then(|result| match result {
                Some(result) if result.coordinates != cell.coordinates => {
                    Err("it is of another module, kernel or architecture".to_owned())
                }
                result => Ok(result),
            });
            let (result, fault) = match found {
                Ok(result) => (result, None),
                Err(fault) => (None, Some(fault)),
            };
            let unknown = if cell.in_store { CellOutcome::Found } else { CellOutcome::NotRun };
            cells.push(IndexedCell {
                index: cell.index,
                name: cell.name.clone(),
                coordinates: cell.coordinates.clone(),
                outcome: result.as_ref().map_or(unknown, |result| result.outcome),
                fault,
                result,
            });
        }
        let mut totals: BTreeMap<CellOutcome, usize> = CellOutcome::ALL.map(|outcome| (outcome, 0)).into();
        cells.iter().for_each(|cell| *totals.entry(cell.outcome).or_default() += 1);
        let changes = before.map(|before| changes(before, &cells));
        Self { schema_version: SCHEMA_VERSION, created, totals, cells, changes }
    }

    /// Reads `index.json`.
    ///
    /// # Errors
    /// Text that is no index.
    pub fn from_json(bytes: &[u8]) -> Result<Self, IndexError> {
        let index: Self = serde_json::from_slice(bytes)?;
        match index.schema_version {
            SCHEMA_VERSION => Ok(index),
            other => Err(IndexError::Version(other)),
        }
    }
}

/// Built and found are the same here: the modules are there.
fn changes(before: &Index, cells: &[IndexedCell]) -> Vec<Change> {
    let is_same = |a: CellOutcome, b: CellOutcome| a == b || (a.is_good() && b.is_good());
    let mut old: BTreeMap<&Coordinates, CellOutcome> =
        before.cells.iter().map(|cell| (&cell.coordinates, cell.outcome)).collect();
    let mut changes = Vec::new();
    for cell in cells {
        let before = old.remove(&cell.coordinates);
        if !before.is_some_and(|before| is_same(before, cell.outcome)) {
            changes.push(Change { coordinates: cell.coordinates.clone(), before, now: Some(cell.outcome) });
        }
    }
    let gone = |(coordinates, outcome): (&Coordinates, CellOutcome)| Change {
        coordinates: coordinates.clone(),
        before: Some(outcome),
        now: None,
    };
    changes.extend(old.into_iter().map(gone));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Wanted;

    fn coordinates(module: &str) -> Coordinates {
        Coordinates { module: module.into(), version: "1".into(), kernel: "6.1".into(), arch: "x86_64".into() }
    }

    fn matrix(modules: &[&str]) -> Matrix {
        Matrix::new(modules.iter().map(|module| Wanted {
            coordinates: coordinates(module),
            source: None,
            headers: None,
            packages: Vec::new(),
            identity: None,
            in_store: *module == "stored",
        }))
    }

    fn index(results: &[(&str, CellOutcome)], before: Option<&Index>) -> Index {
        let modules: Vec<&str> = results.iter().map(|(module, _)| *module).collect();
        let read = |name: &str| {
            let (module, outcome) = results.iter().find(|(module, _)| name.starts_with(module)).unwrap();
            let result = CellResult::new(coordinates(module), *outcome, 0, "now".into(), 1.5);
            Ok((*outcome != CellOutcome::NotRun).then(|| serde_json::to_vec(&result).unwrap()))
        };
        Index::collect(&matrix(&modules), "now".into(), read, before)
    }

    #[test]
    fn a_cell_without_a_result_was_not_run_unless_a_store_had_it() {
        let index =
            index(&[("a", CellOutcome::Built), ("b", CellOutcome::NotRun), ("stored", CellOutcome::NotRun)], None);
        let outcomes: Vec<CellOutcome> = index.cells.iter().map(|cell| cell.outcome).collect();
        assert_eq!(outcomes, [CellOutcome::Built, CellOutcome::NotRun, CellOutcome::Found]);
        assert_eq!((index.totals[&CellOutcome::Built], index.totals[&CellOutcome::Failed]), (1, 0));
        assert_eq!(Index::from_json(&serde_json::to_vec(&index).unwrap()).unwrap(), index);
    }

    #[test]
    fn a_result_that_is_damaged_or_of_another_cell_is_not_believed() {
        let other = CellResult::new(coordinates("b"), CellOutcome::Built, 0, "now".into(), 1.0);
        for bytes in [b"{".to_vec(), serde_json::to_vec(&other).unwrap()] {
            let index = Index::collect(&matrix(&["a"]), "now".into(), |_| Ok(Some(bytes.clone())), None);
            assert_eq!(index.cells[0].outcome, CellOutcome::NotRun);
            assert!(index.cells[0].fault.is_some());
        }
    }

    #[test]
    fn changes_are_what_became_other_than_it_was() {
        let before = index(
            &[
                ("a", CellOutcome::Built),
                ("b", CellOutcome::Built),
                ("c", CellOutcome::Failed),
                ("d", CellOutcome::Built),
            ],
            None,
        );
        assert_eq!(before.changes, None);
        let now = index(
            &[
                ("a", CellOutcome::Found),
                ("b", CellOutcome::Failed),
                ("c", CellOutcome::Built),
                ("e", CellOutcome::Built),
            ],
            Some(&before),
        );
        let shown: Vec<String> = now
            .changes
            .unwrap()
            .iter()
            .map(|change| {
                let id = |outcome: Option<CellOutcome>| outcome.map_or("none", CellOutcome::id);
                format!("{} {} {}", change.coordinates.module, id(change.before), id(change.now))
            })
            .collect();
        assert_eq!(shown, ["b built failed", "c failed built", "e none built", "d built none"]);
    }
}
