//! Makes reasons from facts.

use crate::answer::{Answer, Grade};
use crate::facts::{BootImageState, InImage, KernelFacts, KernelFile, Loads, ModuleFacts, Origin, Provided};
use crate::reason::{Reason, Verdict};

/// The verdict about one kernel.
pub fn decide(facts: &KernelFacts) -> Verdict {
    let mut reasons = facts.findings.clone();
    reasons.extend(kernel(&facts.image, &facts.release));
    reasons.extend(boot_image(&facts.boot_image, &facts.release));
    let is_image_whole = matches!(facts.boot_image, BootImageState::Whole { .. });
    for module in &facts.modules {
        reasons.extend(provided(module, &facts.release));
        reasons.extend(loads(module));
        if is_image_whole {
            reasons.extend(in_image(module, &facts.release));
        }
    }
    Verdict::of(reasons)
}

/// The answer about a restart into any of several kernels, where it is not known which one
/// is started: *unknown*, unless all of them give the same or better answers.
pub fn of_any(answers: impl IntoIterator<Item = Answer>) -> Answer {
    let answers: Vec<Answer> = answers.into_iter().collect();
    let (best, worst) = (answers.iter().min(), answers.iter().max());
    match (best, worst) {
        (Some(Answer::Unsafe), Some(Answer::Unsafe)) => Answer::Unsafe,
        (Some(_), Some(worst @ (Answer::Safe | Answer::Degraded))) => *worst,
        _ => Answer::Unknown,
    }
}

fn kernel(file: &KernelFile, release: &str) -> Option<Reason> {
    let subject = format!("kernel {release}");
    match file {
        KernelFile::Good => None,
        KernelFile::Missing(places) => Some(Reason::failure(
            Grade::BootCritical,
            &subject,
            format!("the kernel's image is missing ({places})"),
            "Install the kernel's package again, or start another kernel.",
        )),
        KernelFile::Damaged { file, why } => Some(Reason::failure(
            Grade::BootCritical,
            &subject,
            format!("{file} is no whole kernel image: {why}"),
            "Install the kernel's package again.",
        )),
        KernelFile::Unknown(why) => Reason::doubt(Grade::BootCritical, &subject, why.as_str()),
    }
}

fn boot_image(state: &BootImageState, release: &str) -> Option<Reason> {
    const SUBJECT: &str = "boot image";
    let regenerate = format!("Regenerate the boot image of {release}.");
    match state {
        BootImageState::Whole { .. } | BootImageState::Missing { is_needed: Some(false), .. } => None,
        BootImageState::Missing { file, is_needed: Some(true) } => {
            let evidence = format!("{file} is missing, and what holds the root file system is in modules");
            Some(Reason::failure(Grade::BootCritical, SUBJECT, evidence, regenerate))
        }
        BootImageState::Missing { file, is_needed: None } => {
            let evidence = format!("{file} is missing; whether the system starts without one is not known");
            Reason::doubt(Grade::BootCritical, SUBJECT, evidence)
        }
        BootImageState::Damaged { file, why } => {
            Some(Reason::failure(Grade::BootCritical, SUBJECT, format!("{file}: {why}"), regenerate))
        }
        BootImageState::Unknown(why) => Reason::doubt(Grade::BootCritical, SUBJECT, why.as_str()),
    }
}

fn provided(module: &ModuleFacts, release: &str) -> Option<Reason> {
    let ModuleFacts { name, origin, grade, why, .. } = module;
    match &module.provided {
        Provided::Indexed | Provided::BuiltIn => None,
        Provided::Shadowed { by, file } => Some(Reason {
            answer: Answer::Degraded,
            grade: *grade,
            subject: name.clone(),
            evidence: format!("{by} is loaded in place of the package's {file} ({why})"),
            remedy: Some(format!(
                "Remove the other file, or give the package's directory precedence in depmod.d(5); then run `depmod {release}`."
            )),
            finding: None,
        }),
        Provided::NotIndexed { file } => Some(Reason::failure(
            *grade,
            name,
            format!("{file} is not in modules.dep, so nothing loads it ({why})"),
            format!("Run `depmod {release}`."),
        )),
        Provided::Missing => Some(match origin {
            Origin::Package(package) => Reason::failure(
                *grade,
                name,
                format!("{package} is not installed for {release} ({why})"),
                format!("Run `modsmith install {package} -k {release}`."),
            ),
            Origin::SharedStore => Reason::failure(
                *grade,
                name,
                format!("{release} has no such module, which did not come with the running kernel either ({why})"),
                format!("Install it for {release} in the way that it was installed for the running kernel."),
            ),
            // A kernel may have the same driver under another name.
            Origin::Kernel => {
                let evidence = format!("{release} has no module of this name, and it is not built in ({why})");
                Reason::doubt(*grade, name, evidence)?
            }
        }),
        Provided::Unknown(missing) => Reason::doubt(*grade, name, format!("{missing} ({why})")),
    }
}

fn loads(module: &ModuleFacts) -> Option<Reason> {
    let ModuleFacts { name, grade, why, .. } = module;
    match &module.loads {
        Loads::Yes | Loads::NotAsked => None,
        Loads::No { evidence, remedy } => {
            Some(Reason::failure(*grade, name, format!("{evidence} ({why})"), remedy.as_str()))
        }
        Loads::Unknown(missing) => {
            Reason::doubt(*grade, name, format!("whether the kernel loads it is unknown: {missing} ({why})"))
        }
    }
}

fn in_image(module: &ModuleFacts, release: &str) -> Option<Reason> {
    // A module without a file for this kernel cannot be in the image.
    if matches!(module.provided, Provided::BuiltIn | Provided::Missing) {
        return None;
    }
    let ModuleFacts { name, grade, why, .. } = module;
    let regenerate = format!("Regenerate the boot image of {release}.");
    let is_needed = *grade == Grade::BootCritical;
    match &module.in_image {
        InImage::Different { file, by } => {
            let evidence = format!("the boot image has another {name} ({file}, by its {by}), which is loaded first");
            Some(Reason::failure(*grade, name, evidence, regenerate)).map(|reason| match grade {
                // The module is not known to fail, and the start of the system does not need it.
                Grade::SessionCritical => Reason { answer: Answer::Degraded, ..reason },
                _ => reason,
            })
        }
        InImage::NotIndexed { file } if is_needed => {
            let evidence = format!("the boot image has {file}, and its own modules.dep does not name it ({why})");
            Some(Reason::failure(*grade, name, evidence, regenerate))
        }
        InImage::Absent if is_needed => {
            Some(Reason::failure(*grade, name, format!("it is not in the boot image ({why})"), regenerate))
        }
        InImage::Unknown(missing) if is_needed => Reason::doubt(*grade, name, format!("{missing} ({why})")),
        InImage::Same | InImage::NotIndexed { .. } | InImage::Absent | InImage::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(grade: Grade) -> ModuleFacts {
        ModuleFacts {
            name: "zfs".into(),
            origin: Origin::Package("zfs/2.1".into()),
            grade,
            why: "/ is of type zfs".into(),
            provided: Provided::Indexed,
            loads: Loads::Yes,
            in_image: InImage::Same,
        }
    }

    fn verdict(modules: Vec<ModuleFacts>) -> Verdict {
        decide(&facts(modules))
    }

    fn facts(modules: Vec<ModuleFacts>) -> KernelFacts {
        KernelFacts {
            release: "6.1.0-x".into(),
            image: KernelFile::Good,
            boot_image: BootImageState::Whole { file: "/boot/initrd".into() },
            modules,
            findings: Vec::new(),
        }
    }

    #[test]
    fn without_a_reason_a_restart_is_safe() {
        let verdict = verdict(vec![module(Grade::BootCritical)]);
        assert_eq!(verdict, Verdict { answer: Answer::Safe, reasons: Vec::new() });
    }

    #[test]
    fn a_module_that_fails_counts_by_what_depends_on_it() {
        use Answer::{Degraded, Safe, Unknown, Unsafe};
        let grades = [Grade::BootCritical, Grade::SessionCritical, Grade::Present, Grade::Idle];
        let file = || "updates/zfs.ko".to_owned();
        let no = Loads::No { evidence: "refused".into(), remedy: "Build it.".into() };
        let with = |change: &dyn Fn(&mut ModuleFacts)| {
            grades.map(|grade| {
                let mut module = module(grade);
                change(&mut module);
                verdict(vec![module]).answer
            })
        };
        let fails = [Unsafe, Unsafe, Degraded, Degraded];
        assert_eq!(with(&|m| m.provided = Provided::Missing), fails);
        assert_eq!(with(&|m| (m.origin, m.provided) = (Origin::SharedStore, Provided::Missing)), fails);
        assert_eq!(with(&|m| m.provided = Provided::NotIndexed { file: file() }), fails);
        assert_eq!(with(&|m| m.loads = no.clone()), fails);
        assert_eq!(with(&|m| m.provided = Provided::Shadowed { by: "a".into(), file: file() }), [Degraded; 4]);
        let doubts = [Unknown, Unknown, Unknown, Safe];
        assert_eq!(with(&|m| m.loads = Loads::Unknown("x".into())), doubts);
        assert_eq!(with(&|m| m.provided = Provided::Unknown("x".into())), doubts);
        let older = InImage::Different { file: file(), by: "build id".into() };
        assert_eq!(with(&|m| m.in_image = older.clone()), [Unsafe, Degraded, Degraded, Degraded]);
        assert_eq!(with(&|m| m.in_image = InImage::Absent), [Unsafe, Safe, Safe, Safe]);
        assert_eq!(with(&|m| m.in_image = InImage::NotIndexed { file: file() }), [Unsafe, Safe, Safe, Safe]);
        assert_eq!(with(&|m| m.in_image = InImage::Unknown("x".into())), [Unknown, Safe, Safe, Safe]);
        let of_the_kernel = |m: &mut ModuleFacts| (m.origin, m.provided) = (Origin::Kernel, Provided::Missing);
        assert_eq!(with(&of_the_kernel), doubts);
        assert_eq!(with(&|m| (m.provided, m.in_image) = (Provided::BuiltIn, InImage::Absent)), [Safe; 4]);
    }

    #[test]
    fn the_weightiest_reason_comes_first_and_decides() {
        let mut idle = module(Grade::Idle);
        (idle.name, idle.provided) = ("a".into(), Provided::Missing);
        let mut unknown = module(Grade::BootCritical);
        (unknown.name, unknown.loads) = ("b".into(), Loads::Unknown("x".into()));
        let mut network = module(Grade::SessionCritical);
        (network.name, network.provided) = ("c".into(), Provided::Missing);
        let modules = vec![idle, unknown, network, module(Grade::BootCritical)];
        let verdict = verdict(modules);
        let subjects: Vec<&str> = verdict.reasons.iter().map(|reason| reason.subject.as_str()).collect();
        assert_eq!((verdict.answer, subjects), (Answer::Unsafe, vec!["c", "b", "a"]));
    }

    #[test]
    fn images_that_are_missing_or_damaged_are_unsafe_where_they_are_needed() {
        let answer = |state| decide(&KernelFacts { boot_image: state, ..facts(Vec::new()) }).answer;
        let missing = |is_needed| BootImageState::Missing { file: "x".into(), is_needed };
        assert_eq!(answer(missing(Some(true))), Answer::Unsafe);
        assert_eq!(answer(missing(Some(false))), Answer::Safe);
        assert_eq!(answer(missing(None)), Answer::Unknown);
        assert_eq!(answer(BootImageState::Damaged { file: "x".into(), why: "y".into() }), Answer::Unsafe);
        assert_eq!(answer(BootImageState::Unknown("x".into())), Answer::Unknown);
        let answer = |image| decide(&KernelFacts { image, ..facts(Vec::new()) }).answer;
        assert_eq!(answer(KernelFile::Missing("x".into())), Answer::Unsafe);
        assert_eq!(answer(KernelFile::Damaged { file: "x".into(), why: "y".into() }), Answer::Unsafe);
        assert_eq!(answer(KernelFile::Unknown("x".into())), Answer::Unknown);
    }

    #[test]
    fn of_several_kernels_the_answer_is_known_where_it_does_not_matter_which_is_started() {
        use Answer::{Degraded, Safe, Unknown, Unsafe};
        for (answers, expected) in [
            (vec![Safe, Safe], Safe),
            (vec![Safe, Degraded], Degraded),
            (vec![Unsafe, Unsafe], Unsafe),
            (vec![Safe, Unsafe], Unknown),
            (vec![Unknown, Unsafe], Unknown),
            (vec![], Unknown),
        ] {
            assert_eq!(of_any(answers.clone()), expected, "{answers:?}");
        }
    }
}
