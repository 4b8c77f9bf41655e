//! Whether a kernel would load the modules of a package: on request, and before they
//! are installed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::flow::Invocation;
use crate::flow::filter::Filter;
use crate::tree::{PackageId, Target};
use modsmith_facts::inside;
use modsmith_facts::kernel::{Kernel, module_stem};
use modsmith_verify::{Answer, Finding, Installed, Module, check, drifted_providers};

/// What was found about one module of a package.
#[derive(Debug, Clone)]
pub struct Verified {
    pub id: PackageId,
    pub target: Target,
    /// Its name as it is installed, without suffix.
    pub module: String,
    pub file: PathBuf,
    pub findings: Vec<Finding>,
}

impl Verified {
    /// *No* where one rule says so, else *unknown* where one does, else *yes*.
    pub fn answer(&self) -> Answer {
        let has = |answer| self.findings.iter().any(|finding| finding.answer == answer);
        match (has(Answer::No), has(Answer::Unknown)) {
            (true, _) => Answer::No,
            (false, true) => Answer::Unknown,
            (false, false) => Answer::Yes,
        }
    }
}

/// The built modules of the packages and kernels that the filter takes: as they are
/// installed, or, where they are not, as they lie in the tree.
pub fn verify(run: &Invocation<'_>, filter: &Filter) -> Result<Vec<Verified>> {
    let matchers = filter.compile()?;
    let mut verified = Vec::new();
    for entry in run.env.tree.entries()? {
        for target in run.env.tree.targets(&entry.id).iter().filter(|target| matchers.take(&entry.id, target)) {
            let files = files(run, &entry.id, target);
            verified.extend(verify_files(run, &entry.id, target, files));
        }
    }
    Ok(verified)
}

/// Verifies the modules of one package that is built for a kernel.
pub(super) fn verify_built(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Vec<Verified> {
    verify_files(run, id, target, files(run, id, target))
}

/// The modules that export symbols with other versions than a verified module was built
/// with.
pub(super) fn drifted_from(run: &Invocation<'_>, verified: &Verified) -> BTreeSet<String> {
    let kernel = run.kernel(&verified.target);
    let Some(module) = read(&verified.file, kernel.module_dir()) else { return BTreeSet::new() };
    let image = run.facts.image(&run.env, &verified.target, &kernel);
    drifted_providers(&module, &image, &Installed::new(kernel.module_dir(), []))
}

/// Why a kernel is proven not to load a module file, wherever the file is; `None` where
/// nothing proves that.
pub(super) fn refusal_for(run: &Invocation<'_>, file: &Path, target: &Target) -> Option<String> {
    let kernel = run.kernel(target);
    let module = read(file, kernel.module_dir())?;
    let image = run.facts.image(&run.env, target, &kernel);
    let findings = check(&module, &image, &Installed::new(kernel.module_dir(), []));
    let refused = findings.into_iter().find(Finding::refuses)?;
    let cause = refused.refusal.map_or(refused.evidence, |words| words.cause);
    Some(format!("is a module that kernel {} would not load: {cause}", target.kernel))
}

/// Proves that a kernel would load modules that are not signed yet, given by name and bytes. All rules
/// but those about signatures are used, and the versions of all symbols. Errors: why it is not proven,
/// as a clause.
pub(super) fn proof_for(
    run: &Invocation<'_>,
    target: &Target,
    modules: Vec<(String, Vec<u8>)>,
) -> Result<String, String> {
    let kernel = run.kernel(target);
    let image = run.facts.image(&run.env, target, &kernel);
    if image.is_configured("MODVERSIONS") != Ok(true) {
        return Err(format!("kernel {} compares no versions of symbols", target.kernel));
    }
    let modules: Vec<Module> = modules.into_iter().map(|(name, bytes)| Module::new(&name, bytes)).collect();
    let neighbours = Installed::new(kernel.module_dir(), modules.iter());
    let mut proof = Vec::new();
    for module in &modules {
        let findings = check(module, &image, &neighbours);
        let counts = |finding: &&Finding| !finding.rule.starts_with("signature");
        if let Some(open) = findings.iter().filter(counts).find(|finding| finding.answer != Answer::Yes) {
            return Err(format!("{}: {}: {}", module.name, open.rule, open.evidence));
        }
        let versions = findings.iter().find(|finding| finding.rule == "symbol-versions");
        proof.extend(versions.map(|finding| format!("{}: {}", module.name, finding.evidence)));
    }
    Ok(format!("vermagic and symbol versions are those of kernel {} ({})", target.kernel, proof.join("; ")))
}

/// Module name and file of each built module.
pub(super) fn files(run: &Invocation<'_>, id: &PackageId, target: &Target) -> Vec<(String, PathBuf)> {
    let products = run.env.tree.real(&id.products_dir(target));
    let record = run.env.tree.record(id, target).filter(|_| run.env.tree.is_installed(id, target));
    let kernel = run.kernel(target);
    let installed = |name: &str| {
        let module = record.as_ref()?.modules.iter().find(|module| module.name == name)?;
        let path = kernel.module_dir().join(module.installed_at()?.relative());
        inside::is_file(&path).then_some(path)
    };
    let names = run.env.tree.products(id, target);
    let named = names.iter().filter_map(|file| {
        let (name, _) = module_stem(file)?;
        Some((name.to_owned(), installed(name).unwrap_or_else(|| products.join(file))))
    });
    named.collect()
}

/// Checks the modules of one package together: they may need each other.
fn verify_files(run: &Invocation<'_>, id: &PackageId, target: &Target, files: Vec<(String, PathBuf)>) -> Vec<Verified> {
    let kernel = run.kernel(target);
    let modules: Vec<(String, PathBuf, Module)> = files
        .into_iter()
        .filter_map(|(name, file)| Some((name, file.clone(), read(&file, kernel.module_dir())?)))
        .collect();
    if modules.is_empty() {
        return Vec::new();
    }
    let image = run.facts.image(&run.env, target, &kernel);
    let neighbours = Installed::new(kernel.module_dir(), modules.iter().map(|(_, _, module)| module));
    let verified = |(name, file, module): &(String, PathBuf, Module)| Verified {
        id: id.clone(),
        target: target.clone(),
        module: name.clone(),
        file: file.clone(),
        findings: check(module, &image, &neighbours),
    };
    modules.iter().map(verified).collect()
}

fn read(file: &Path, module_dir: &Path) -> Option<Module> {
    let name = file.file_name()?.to_string_lossy().into_owned();
    let module = Module::new(&name, inside::read_file(file).ok()?);
    Some(match file.strip_prefix(module_dir) {
        Ok(path) => module.installed_as(path),
        Err(_) => module,
    })
}

/// The names of the rules that refuse a package's modules, by module.
pub(super) type Overruled = BTreeMap<String, Vec<String>>;

/// Refuses to install modules that the kernel is proven not to load. `files` has their
/// names and their files in the tree; what is not there yet is not looked at.
///
/// # Errors
/// [`Kind::NotLoadable`], with the kernel's own words. `is_forced` makes a warning of
/// it; what was overruled is returned.
pub(super) fn refuse_unloadable<'f>(
    run: &Invocation<'_>,
    id: &PackageId,
    kernel: &Kernel,
    target: &Target,
    files: impl IntoIterator<Item = (&'f str, &'f str)>,
    is_forced: bool,
) -> Result<Overruled> {
    if run.runner.products(id, target).is_none() {
        return Ok(Overruled::new());
    }
    let directory = run.env.tree.real(&id.products_dir(target));
    let files = files.into_iter().map(|(name, file)| (name.to_owned(), directory.join(file)));
    let mut overruled = Overruled::new();
    for verified in verify_files(run, id, target, files.collect()) {
        let refused: Vec<&Finding> = verified.findings.iter().filter(|finding| finding.refuses()).collect();
        let Some(first) = refused.first() else { continue };
        let error = refusal(&verified, first, kernel);
        if !is_forced {
            return Err(error);
        }
        run.runner.reporter.warning(&format!("{} It is installed all the same (--force).", error.message));
        overruled.insert(verified.module.clone(), refused.iter().map(|finding| finding.rule.to_owned()).collect());
    }
    Ok(overruled)
}

pub(super) fn refusal(verified: &Verified, finding: &Finding, kernel: &Kernel) -> Error {
    let Verified { id, target, module, .. } = verified;
    let words = finding.refusal.as_ref();
    let cause = words.map_or(finding.evidence.as_str(), |words| words.cause.as_str());
    let error =
        Error::new(Kind::NotLoadable, format!("Kernel {} would not load {module} of {id}: {cause}.", kernel.release()));
    let error = match words {
        None => error,
        Some(words) => error
            .detail(format!("The kernel would say ({}): {}", words.errno, words.kernel))
            .detail(format!("Compared ({}): {}.", finding.rule, finding.evidence))
            .hint(words.remedy.clone()),
    };
    error.hint(format!(
        "`modsmith verify {id} -k {}` shows every check; --force installs it all the same.",
        target.kernel
    ))
}
