//! `modsmith ready --openmetrics`: the verdict for monitoring programs.

use modsmith_core::flow::{Judged, Readiness};
use modsmith_facts::openmetrics::Exposition;
use modsmith_verdict::Answer;

const ANSWERS: [Answer; 4] = [Answer::Safe, Answer::Degraded, Answer::Unsafe, Answer::Unknown];

/// The text, with the line that ends it.
pub(super) fn text(found: &Readiness) -> String {
    let mut text = Exposition::default();
    let name = "modsmith_restart";
    text.gauge(name, None, "Whether this is the answer to the question if a restart is safe.");
    for answer in ANSWERS {
        text.sample(name, &[("answer", answer.word())], u8::from(answer == found.answer));
    }
    let name = "modsmith_restart_kernel";
    text.gauge(name, None, "Whether this is the answer about a kernel that was judged.");
    for judged in &found.kernels {
        for answer in ANSWERS {
            text.sample(name, &labels(judged, answer), u8::from(answer == judged.verdict.answer));
        }
    }
    let name = "modsmith_restart_reasons";
    text.gauge(name, None, "How many reasons of a kernel have this answer.");
    for judged in &found.kernels {
        for answer in ANSWERS.into_iter().filter(|answer| *answer != Answer::Safe) {
            let count = judged.verdict.reasons.iter().filter(|reason| reason.answer == answer).count();
            text.sample(name, &labels(judged, answer), count);
        }
    }
    text.finish()
}

/// The release is the name of a directory, which may have any characters.
fn labels(judged: &Judged, answer: Answer) -> [(&'static str, &str); 2] {
    [("kernel", &judged.release), ("answer", answer.word())]
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
        assert!(text.ends_with("\n# EOF\n"));
    }
}
