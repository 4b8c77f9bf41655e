use crate::bindings::checks::exports::modsmith::plugin::checks as wit;
use crate::bindings::imports::modsmith::plugin::answers;
use crate::{CheckRequest, Result};

/// The importance of a finding for a restart into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingLevel {
    /// The system does not start, or is not reached.
    Unsafe,
    /// Something fails that neither of these depends on.
    Degraded,
    /// Nothing fails.
    Note,
}

impl FindingLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Unsafe => "unsafe",
            Self::Degraded => "degraded",
            Self::Note => "note",
        }
    }
}

/// Something that was found out about a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable name, unique within the plugin: small letters, digits and `-`.
    pub id: String,
    /// The package, module, device or file that the finding is about.
    pub subject: String,
    /// The importance of the finding.
    pub level: FindingLevel,
    /// The finding: a clause.
    pub message: String,
    /// The place where the finding was read.
    pub evidence: Option<String>,
    /// The advice to the administrator: one sentence.
    pub remedy: Option<String>,
}

/// The purpose of a module that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The machine does not start without it.
    Boot,
    /// The machine is not reached, or does not start as a whole, without it.
    Session,
    /// The configuration asks for it.
    Wish,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Session => "session",
            Self::Wish => "wish",
        }
    }
}

/// A module that the machine needs: the host judges whether the kernel has it and loads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleNeed {
    /// The name of the module.
    pub module: String,
    /// The purpose that it is needed for.
    pub purpose: Purpose,
    /// The reason, and where it is written: a clause.
    pub why: String,
}

/// The report of a plugin about a machine and a kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The modules that the machine needs.
    pub needs: Vec<ModuleNeed>,
}

impl CheckReport {
    /// The modules that a tool's configuration puts into boot images, each with the file that names
    /// it; `unsupported` where there are none.
    pub fn wishes(modules: Vec<(String, crate::Path)>) -> Result<Self> {
        if modules.is_empty() {
            return Err(crate::unsupported("the configuration names no modules"));
        }
        let need = |(module, file): (String, crate::Path)| {
            let why = format!("{} asks for it", file.absolute()?);
            Ok(ModuleNeed { module, purpose: Purpose::Wish, why })
        };
        Ok(Self { findings: Vec::new(), needs: modules.into_iter().map(need).collect::<Result<_>>()? })
    }
}

/// Knows what a machine needs, and what is wrong with it.
pub trait Checks {
    /// Returns the report about a restart into the request's kernel; `unsupported` on a machine that the
    /// plugin does not serve.
    fn inspect(request: &CheckRequest) -> Result<CheckReport>;
}

fn finding(given: &Finding) -> answers::Finding {
    let answer = answers::Finding::new(&given.id, &given.subject, given.level.name(), &given.message);
    if let Some(evidence) = &given.evidence {
        answer.set_evidence(evidence);
    }
    if let Some(remedy) = &given.remedy {
        answer.set_remedy(remedy);
    }
    answer
}

impl<P: Checks> wit::Guest for P {
    fn inspect(request: &CheckRequest) -> Result<answers::CheckReport> {
        crate::panic::enter();
        let report = P::inspect(request)?;
        let answer = answers::CheckReport::new();
        report.findings.iter().for_each(|found| answer.add(finding(found)));
        report.needs.iter().for_each(|need| answer.need(&need.module, need.purpose.name(), &need.why));
        Ok(answer)
    }
}
