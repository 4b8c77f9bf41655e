//! Text in the format of OpenMetrics 1.0, for monitoring programs.
//!
//! All families are gauges. So the text has the older form of Prometheus too, which the textfile collector of
//! node_exporter reads. Source: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use std::fmt::{Display, Write as _};

/// The text of families, which are added in their order.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Begins a family of gauges; a family of a unit has the unit as the end of its name.
    pub fn gauge(&mut self, name: &str, unit: Option<&str>, help: &str) {
        let _ = writeln!(self.0, "# TYPE {name} gauge");
        if let Some(unit) = unit {
            let _ = writeln!(self.0, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.0, "# HELP {name} {help}");
    }

    /// A sample of the family that was begun last. Values of labels may have any characters.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(self.0, "{name}{{{}}} {value}", labels.join(","));
    }

    /// The text, with the line that ends it.
    pub fn finish(self) -> String {
        self.0 + "# EOF\n"
    }
}

/// A value of a label, as it stands between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_head_before_its_samples_and_the_text_has_an_end() {
        let mut text = Exposition::default();
        text.gauge("x_seconds", Some("seconds"), "How long x took.");
        text.sample("x_seconds", &[("a", "1"), ("b", "2")], 0.5);
        text.gauge("y", None, "How many y are there.");
        text.sample("y", &[("a", "1")], 3);
        assert_eq!(
            text.finish(),
            "# TYPE x_seconds gauge\n# UNIT x_seconds seconds\n# HELP x_seconds How long x took.\n\
             x_seconds{a=\"1\",b=\"2\"} 0.5\n# TYPE y gauge\n# HELP y How many y are there.\n\
             y{a=\"1\"} 3\n# EOF\n"
        );
    }

    #[test]
    fn values_of_labels_stay_in_their_quotes() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
