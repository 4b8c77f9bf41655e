//! Regenerating a kernel's boot image after its modules changed.

use std::sync::Arc;

use crate::conf::PackageConf;
use crate::error::{Kind, Result};
use crate::flow::Invocation;
use crate::flow::invocation::deferred::{Deferred, plan_marker};
use modsmith_facts::kernel::Kernel;
use modsmith_plan::{Builder, Section, verbs};
use modsmith_plugins::{Change, Image, Initrd, Occasion};

/// For packages that ask for a new image, and on systems that want one after
/// every change; at the end of a transaction, if this is one.
pub(crate) fn plan_initrd(
    run: &Invocation<'_>,
    kernel: &Arc<Kernel>,
    conf: &PackageConf,
    occasion: Occasion,
    plan: &mut Builder,
) -> Result<()> {
    if run.env.options.no_initrd {
        return Ok(());
    }
    if !run.transaction.is_open() {
        return plan_boot_image(run, kernel, occasion, conf.remake_initrd, plan);
    }
    let packages = run.transaction.changed(kernel);
    let change = Change { kernel, occasion, packages: &packages };
    let mut unused = Builder::new(String::new(), plan.roots().clone());
    let due = conf.remake_initrd
        || matches!(Initrd(&run.env.plugins).boot_image(change, false, &mut unused)?, Image::Regenerated { .. });
    if due {
        plan_marker(Deferred::BootImage, kernel, plan);
    }
    Ok(())
}

/// `asked`: a package asks for a new image.
pub(crate) fn plan_boot_image(
    run: &Invocation<'_>,
    kernel: &Arc<Kernel>,
    occasion: Occasion,
    asked: bool,
    plan: &mut Builder,
) -> Result<()> {
    let packages = run.transaction.changed(kernel);
    let change = Change { kernel, occasion, packages: &packages };
    let image = plan.described(
        |plan| Initrd(&run.env.plugins).boot_image(change, asked, plan),
        |image, _| match image {
            Ok(Image::Regenerated { plugin }) => regeneration(kernel.release(), occasion, plugin),
            _ => Section::new(),
        },
    )?;
    let none = match image {
        Image::Regenerated { .. } => return Ok(()),
        Image::Kept { plugin, why } => format!("{plugin}: {why}"),
        Image::Unsupported(reasons) if reasons.is_empty() => "no plugin serves this system".to_owned(),
        Image::Unsupported(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(|(plugin, why)| format!("{plugin}: {why}")).collect();
            reasons.join("; ")
        }
    };
    if asked {
        plan.push(verbs::Note(format!("no boot image is regenerated ({none})")), "REMAKE_INITRD of its dkms.conf");
    }
    Ok(())
}

/// How the steps of a new image are announced, and what their failure means.
fn regeneration(release: &str, occasion: Occasion, plugin: &str) -> Section {
    let section = Section::new().announce(format!("Regenerating the boot image of {release} ({plugin})"));
    let failed = format!("The boot image of kernel {release} could not be regenerated");
    match occasion {
        Occasion::Installed => section.fails_as(Kind::InitrdFailed, format!("{failed}.")).hint(
            "Correct the problem that the program reports, or install with --no-initrd and make the image yourself.",
        ),
        Occasion::Removed => section.tolerates(format!("{failed} and may still contain the removed modules")),
    }
}
