//! `modsmith ready --openmetrics`: the verdict for monitoring programs.
//!
//! Source: OpenMetrics 1.0.0. All metrics are gauges, so that the text is also of the older form of
//! Prometheus, which node_exporter's textfile collector reads.

use std::fmt::Write as _;

use modsmith_core::flow::{Judged, Readiness};
use modsmith_verdict::Answer;

const ANSWERS: [Answer; 4] = [Answer::Safe, Answer::Degraded, Answer::Unsafe, Answer::Unknown];

/// The text, with the line that ends it.
pub(super) fn text(found: &Readiness) -> String {
    let mut text = head("modsmith_restart", "Whether this is the answer to the question if a restart is safe.");
    for answer in ANSWERS {
        let _ = writeln!(text, "modsmith_restart{{answer=\"{}\"}} {}", answer.word(), u8::from(answer == found.answer));
    }
    text += &head("modsmith_restart_kernel", "Whether this is the answer about a kernel that was judged.");
    for judged in &found.kernels {
        for answer in ANSWERS {
            let is_it = u8::from(answer == judged.verdict.answer);
            let _ = writeln!(text, "modsmith_restart_kernel{} {is_it}", labels(judged, answer));
        }
    }
    text += &head("modsmith_restart_reasons", "How many reasons of a kernel have this answer.");
    for judged in &found.kernels {
        for answer in ANSWERS.into_iter().filter(|answer| *answer != Answer::Safe) {
            let count = judged.verdict.reasons.iter().filter(|reason| reason.answer == answer).count();
            let _ = writeln!(text, "modsmith_restart_reasons{} {count}", labels(judged, answer));
        }
    }
    text + "# EOF"
}

fn head(name: &str, help: &str) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n")
}

fn labels(judged: &Judged, answer: Answer) -> String {
    format!("{{kernel=\"{}\",answer=\"{}\"}}", escaped(&judged.release), answer.word())
}

/// A value of a label: the release is a name of a directory, which may have anything in it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_verdict::{Grade, Reason, Verdict};

    #[test]
    fn every_answer_is_a_metric_and_names_are_escaped() {
        let reason = Reason::failure(Grade::BootCritical, "zfs", "gone", "Install it.");
        let judged = Judged {
            release: "6.1\"\\\n".to_owned(),
            image: None,
            boot_images: Vec::new(),
            verdict: Verdict::of(vec![reason]),
        };
        let found = Readiness { answer: Answer::Unsafe, next: None, kernels: vec![judged] };
        let text = text(&found);
        assert!(text.contains("\nmodsmith_restart{answer=\"unsafe\"} 1\n"), "{text}");
        assert!(text.contains("\nmodsmith_restart{answer=\"safe\"} 0\n"), "{text}");
        let escaped = "{kernel=\"6.1\\\"\\\\\\n\",answer=\"unsafe\"} 1\n";
        assert!(text.contains(&format!("\nmodsmith_restart_kernel{escaped}")), "{text}");
        assert!(text.contains(&format!("\nmodsmith_restart_reasons{escaped}")), "{text}");
        assert!(text.ends_with("\n# EOF"));
    }
}
