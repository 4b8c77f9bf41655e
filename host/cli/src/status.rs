//! The lines of `status`, for people, old scripts and programs.

use serde::Serialize;

use super::failures::FailedView;
use modsmith_core::flow::{Annotation, State, StatusLine};
use modsmith_core::tree::{BuildRecord, Failure, PackageId, RecordedConfinement, RecordedStore, Tree};

/// The texts that scripts of dkms 3.1.3 and later parse.
pub fn text(line: &StatusLine) -> String {
    // The only line that has always had a comma after the module.
    if let (State::InstalledWeak, Some(target), Some(from)) = (line.state, &line.target, &line.from) {
        let PackageId { module, version } = &line.id;
        return format!("{module}, {version}, {}, {}: installed-weak from {from}", target.kernel, target.arch);
    }
    let state = match line.state {
        State::Broken => "broken",
        State::Added => "added",
        State::Built => "built",
        State::Installed => "installed",
        State::InstalledWeak => "installed-weak",
    };
    let mut out = match &line.target {
        None => format!("{}: {state}", line.id),
        Some(target) => format!("{}, {}, {}: {state}", line.id, target.kernel, target.arch),
    };
    for annotation in &line.annotations {
        out += match annotation {
            Annotation::OriginalsExist => " (Original modules exist)",
            Annotation::ProductsMissing => " (Built modules are missing in the kernel modules folder)",
            Annotation::Differs => " (Differences between built and installed modules)",
        };
    }
    out
}

/// `status --json`; described by `docs/reference/status-schema.json`.
#[derive(Debug, Serialize)]
pub struct StatusDocument<'a> {
    pub schema_version: u32,
    pub packages: Vec<StatusEntry<'a>>,
}

/// One package, for one kernel where it is built or its last build failed.
#[derive(Debug, Serialize)]
pub struct StatusEntry<'a> {
    pub module: &'a str,
    pub version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<&'a str>,
    pub state: State,
    pub annotations: &'a [Annotation],
    /// Of `installed-weak`: the kernel that the modules are installed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'a str>,
    /// How the build was confined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confinement: Option<RecordedConfinement>,
    /// By what the build is known in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<RecordedStore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedView<'a>>,
}

impl<'a> StatusDocument<'a> {
    /// A failure stands with the line of its kernel, or in an entry of its own
    /// after the package's others: for that kernel, the package is only added.
    pub fn new(tree: &Tree, lines: &'a [StatusLine], failures: &'a [Failure]) -> Self {
        let of_record = |record: BuildRecord| (record.confinement, record.store);
        let known = |line: &StatusLine| tree.record(&line.id, line.target.as_ref()?).map(of_record);
        let recorded = lines.iter().map(|line| (line, known(line).unwrap_or_default()));
        let mut packages: Vec<StatusEntry<'a>> = recorded
            .map(|(line, (confinement, store))| StatusEntry {
                module: &line.id.module,
                version: &line.id.version,
                kernel: line.target.as_ref().map(|t| t.kernel.as_str()),
                arch: line.target.as_ref().map(|t| t.arch.as_str()),
                state: line.state,
                annotations: &line.annotations,
                from: line.from.as_deref(),
                confinement,
                store,
                failed: None,
            })
            .collect();
        for failure in failures {
            let (module, version) = (failure.id.module.as_str(), failure.id.version.as_str());
            let (kernel, arch) = (Some(failure.target.kernel.as_str()), Some(failure.target.arch.as_str()));
            let of_package = |entry: &StatusEntry<'_>| entry.module == module && entry.version == version;
            let failed = Some(FailedView::new(failure));
            let broken = packages.iter().any(|entry| of_package(entry) && entry.state == State::Broken);
            let state = if broken { State::Broken } else { State::Added };
            let known = packages.iter_mut().find(|e| of_package(e) && e.kernel == kernel && e.arch == arch);
            match known {
                Some(entry) => entry.failed = failed,
                None => {
                    let at = packages.iter().rposition(of_package).map_or(packages.len(), |last| last + 1);
                    let (annotations, from, confinement, store) = (&[][..], None, None, None);
                    let entry = StatusEntry {
                        module,
                        version,
                        kernel,
                        arch,
                        state,
                        annotations,
                        from,
                        confinement,
                        store,
                        failed,
                    };
                    packages.insert(at, entry);
                }
            }
        }
        Self { schema_version: 1, packages }
    }
}
