//! The index as metrics, in the text format of OpenMetrics 1.0.

use modsmith_facts::openmetrics::Exposition;

use crate::cell::Coordinates;
use crate::index::Index;
use crate::outcome::CellOutcome;

/// The metrics of an index: how many cells have which outcome, and for each cell its outcome and how long it
/// took.
pub fn metrics(index: &Index) -> String {
    let mut text = Exposition::default();
    let name = "modsmith_matrix_cells";
    text.gauge(name, None, "Cells of the matrix by outcome.");
    for outcome in CellOutcome::ALL {
        let count = index.totals.get(&outcome).copied().unwrap_or_default();
        text.sample(name, &[("outcome", outcome.id())], count);
    }
    let name = "modsmith_matrix_cell";
    text.gauge(name, None, "1 for the outcome of each cell.");
    for cell in &index.cells {
        let [module, version, kernel, arch] = labels(&cell.coordinates);
        text.sample(name, &[module, version, kernel, arch, ("outcome", cell.outcome.id())], 1);
    }
    let name = "modsmith_matrix_cell_duration_seconds";
    text.gauge(name, Some("seconds"), "How long a cell took.");
    for cell in &index.cells {
        let seconds = cell.result.as_ref().map(|result| result.seconds).filter(|seconds| seconds.is_finite());
        if let Some(seconds) = seconds {
            text.sample(name, &labels(&cell.coordinates), seconds);
        }
    }
    text.finish()
}

fn labels(coordinates: &Coordinates) -> [(&'static str, &str); 4] {
    let Coordinates { module, version, kernel, arch } = coordinates;
    [("module", module), ("version", version), ("kernel", kernel), ("arch", arch)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Matrix, Wanted};

    #[test]
    fn values_of_labels_stay_in_their_quotes() {
        let coordinates =
            Coordinates { module: "a\"b\\c\nd".into(), version: "1".into(), kernel: "6".into(), arch: "x".into() };
        let wanted =
            Wanted { coordinates, source: None, headers: None, packages: Vec::new(), identity: None, in_store: false };
        let index = Index::collect(&Matrix::new([wanted]), "now".into(), |_| Ok(None), None);
        let text = metrics(&index);
        assert!(text.contains("modsmith_matrix_cell{module=\"a\\\"b\\\\c\\nd\",version=\"1\""), "{text}");
        assert!(text.contains("modsmith_matrix_cells{outcome=\"not-run\"} 1\n"), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
        assert!(!text.contains("duration_seconds{"), "of a cell that was not run nothing is known: {text}");
    }
}
