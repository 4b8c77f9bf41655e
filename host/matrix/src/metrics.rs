//! The index as metrics, in the text format of OpenMetrics 1.0.

use std::fmt::Write;

use crate::cell::Coordinates;
use crate::index::Index;
use crate::outcome::Outcome;

/// The metrics of an index: how many cells have which outcome, and of each cell its outcome and
/// how long it took. Source of the format: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
pub fn metrics(index: &Index) -> String {
    let mut out = String::new();
    family(&mut out, "modsmith_matrix_cells", "gauge", None, "Cells of the matrix by outcome.");
    for outcome in Outcome::ALL {
        let count = index.totals.get(&outcome).copied().unwrap_or_default();
        let _ = writeln!(out, "modsmith_matrix_cells{{outcome=\"{}\"}} {count}", outcome.id());
    }
    family(&mut out, "modsmith_matrix_cell", "gauge", None, "1 for the outcome of each cell.");
    for cell in &index.cells {
        let labels = labels(&cell.coordinates);
        let _ = writeln!(out, "modsmith_matrix_cell{{{labels},outcome=\"{}\"}} 1", cell.outcome.id());
    }
    let name = "modsmith_matrix_cell_duration_seconds";
    family(&mut out, name, "gauge", Some("seconds"), "How long a cell took.");
    for cell in &index.cells {
        let seconds = cell.result.as_ref().map(|result| result.seconds).filter(|seconds| seconds.is_finite());
        if let Some(seconds) = seconds {
            let _ = writeln!(out, "{name}{{{}}} {seconds}", labels(&cell.coordinates));
        }
    }
    out.push_str("# EOF\n");
    out
}

fn family(out: &mut String, name: &str, kind: &str, unit: Option<&str>, help: &str) {
    let _ = writeln!(out, "# TYPE {name} {kind}");
    if let Some(unit) = unit {
        let _ = writeln!(out, "# UNIT {name} {unit}");
    }
    let _ = writeln!(out, "# HELP {name} {help}");
}

fn labels(coordinates: &Coordinates) -> String {
    let Coordinates { module, version, kernel, arch } = coordinates;
    let labels = [("module", module), ("version", version), ("kernel", kernel), ("arch", arch)];
    labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).join(",")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
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
