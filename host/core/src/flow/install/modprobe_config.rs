//! Keeping modprobe's configuration in step with what is installed, for
//! packages whose dkms.conf asks for it.

use std::path::Path;
use std::sync::Arc;

use crate::conf::PackageConf;
use crate::error::{Error, Result};
use crate::flow::Invocation;
use crate::flow::package_facts::package_facts;
use crate::tree::{Package, Target};
use modsmith_facts::kernel::Kernel;
use modsmith_facts::{Roots, inside};
use modsmith_plan::{Action, Builder, Bytes, Section, Step, verbs};
use modsmith_plugins::{Answer, ModprobeConfig};

/// Directives that say something about modprobe's configuration.
const DIRECTIVES: [&str; 4] =
    ["MODULES_CONF", "MODULES_CONF_ALIAS_TYPE", "MODULES_CONF_OBSOLETES", "MODULES_CONF_OBSOLETE_ONLY"];

/// Whether plugins are called for this package: it has one of [`DIRECTIVES`], or asks for a boot
/// image, whose configuration may have to list the module.
fn concerns(conf: &PackageConf) -> bool {
    conf.remake_initrd || DIRECTIVES.iter().any(|name| conf.evaluated.directives.contains_key(*name))
}

/// Steps that put files back, as they were before a plan.
pub(crate) type PutBack = Vec<Action>;

/// Enters the package's lines, when it is installed.
pub(crate) fn plan_modprobe_add(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    conf: &PackageConf,
    plan: &mut Builder,
) -> Result<()> {
    if !concerns(conf) {
        return Ok(());
    }
    let facts = Arc::new(package_facts(package, conf));
    let answer =
        plan.section(Section::new().tells_notes(), |plan| ModprobeConfig(&run.env.plugins).add(&facts, kernel, plan))?;
    explain_no_change(&answer, conf, plan);
    Ok(())
}

/// Takes them out with the last installation of the module. While it is
/// installed elsewhere, they are only out of the way of a boot image that is
/// made for this kernel: the steps returned put them back after that. A kernel
/// that has its own module again keeps them.
pub(crate) fn plan_modprobe_remove(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Arc<Kernel>,
    target: &Target,
    conf: &PackageConf,
    plan: &mut Builder,
) -> Result<PutBack> {
    if !concerns(conf) || run.env.tree.has_originals(&package.id, target) {
        return Ok(PutBack::new());
    }
    let elsewhere = run.env.tree.is_active_elsewhere(&package.id.module, target)?;
    let makes_image = conf.remake_initrd && !run.env.options.no_initrd && !run.transaction.is_open();
    if elsewhere && !makes_image {
        return Ok(PutBack::new());
    }
    let facts = Arc::new(package_facts(package, conf));
    let roots = plan.roots().clone();
    let mut back = Ok(PutBack::new());
    let answer = plan.described(
        |plan| ModprobeConfig(&run.env.plugins).remove(&facts, kernel, plan),
        |_, steps| match elsewhere {
            true => {
                back = put_back(steps, &roots);
                Section::new()
            }
            // The plugin's notes name the lines that change.
            false => Section::new().tells_notes(),
        },
    )?;
    if elsewhere {
        return back;
    }
    explain_no_change(&answer, conf, plan);
    Ok(PutBack::new())
}

/// Says why nothing changes although the package asks for a change.
fn explain_no_change(answer: &Answer<()>, conf: &PackageConf, plan: &mut Builder) {
    let Answer::Unsupported(reasons) = answer else { return };
    let asked = DIRECTIVES.iter().find(|name| conf.evaluated.directives.contains_key(**name));
    let Some(directive) = asked else { return };
    let reasons: Vec<String> = reasons.iter().map(|(plugin, why)| format!("{plugin}: {why}")).collect();
    let why = if reasons.is_empty() { "no plugin serves it".to_owned() } else { reasons.join("; ") };
    let text = format!("modprobe's configuration is not changed ({why})");
    let line = format!("{directive} is ignored: {text}.");
    plan.push(verbs::Note(text), format!("{directive} of its dkms.conf")).line(line);
}

/// Steps that write what other steps replace or remove.
fn put_back(steps: &[Step], roots: &Roots) -> Result<PutBack> {
    use std::os::unix::fs::PermissionsExt;
    let mut back = PutBack::new();
    for step in steps {
        let (Action::WriteFile(verbs::WriteFile { location, .. }) | Action::Remove(verbs::Remove { location })) =
            &step.action
        else {
            continue;
        };
        let path = roots.path(location).unwrap_or_default();
        let read = || Ok((inside::read_configuration(&path)?, inside::metadata(&path)?.permissions().mode() & 0o777));
        match read() {
            Ok((contents, mode)) => {
                back.push(verbs::WriteFile { location: location.clone(), contents: Bytes(contents), mode }.into())
            }
            Err(e) if std::io::Error::kind(&e) == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("read", Path::new(&path), e)),
        }
    }
    Ok(back)
}
