//! File systems whose module comes from a package instead of the kernel: without the module, the
//! system does not start.
//!
//! Source: fstab(5); OpenZFS's and bcachefs's documentation of a root file system.

use modsmith_plugin::prelude::*;

/// Types of file systems, each with its module.
const TYPES: [(&str, &str); 2] = [("zfs", "zfs"), ("bcachefs", "bcachefs")];

/// Mount points, and what a module of their file systems is needed for.
const POINTS: [(&str, Purpose); 4] =
    [("/", Purpose::Boot), ("/usr", Purpose::Boot), ("/boot", Purpose::Session), ("/home", Purpose::Session)];

struct RootFileSystem;

impl Checks for RootFileSystem {
    fn inspect(request: &CheckRequest) -> Result<CheckReport> {
        let fstab = Path::etc("fstab").read_text()?.unwrap_or_default();
        let mut report = CheckReport::default();
        for (point, purpose) in POINTS {
            let Some((module, source)) = module_of(request, &fstab, point) else { continue };
            let packages = request.packages_of(module);
            if !packages.is_empty() {
                let why = format!("{point} is a file system of type {module} ({source})");
                report.findings.push(finding(request, module, point, source, &packages)?);
                report.needs.push(ModuleNeed { module: module.into(), purpose, why });
            }
        }
        match report.needs.is_empty() {
            true => Err(unsupported("no file system that the start needs has its module from a package")),
            false => Ok(report),
        }
    }
}

/// The module of the file system at a mount point, and where its type is said.
fn module_of(request: &CheckRequest, fstab: &str, point: &str) -> Option<(&'static str, &'static str)> {
    let module = |kind: &str| TYPES.iter().find(|(known, _)| *known == kind).map(|(_, module)| *module);
    let configured = || configured(fstab, point).and_then(module).map(|module| (module, "/etc/fstab"));
    let mounted = request.mounted(point);
    mounted.as_deref().and_then(module).map(|module| (module, "mounted now")).or_else(configured)
}

/// The type that fstab has for a mount point, where the start waits for it.
fn configured<'t>(fstab: &'t str, point: &str) -> Option<&'t str> {
    let lines = fstab.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>()).find_map(|words| {
        let options = words.get(3).copied().unwrap_or_default();
        let is_left_out = options.split(',').any(|option| matches!(option, "noauto" | "nofail"));
        let kind = words.get(2)?;
        (words.get(1) == Some(&point) && !is_left_out).then_some(*kind)
    })
}

fn finding(request: &CheckRequest, module: &str, point: &str, source: &str, packages: &[String]) -> Result<Finding> {
    let release = request.kernel().release();
    let packages = packages.join(", ");
    let is_there = request.has_module(module)?;
    let message = match is_there {
        true => format!("{point} is on {module}, so {release} needs the module of {packages} at boot"),
        false => format!("{point} is on {module}, and {release} does not have the module of {packages}"),
    };
    let id = match point {
        "/" => "root-needs-module".to_owned(),
        point => format!("{}-needs-module", point.trim_start_matches('/')),
    };
    Ok(Finding {
        id,
        subject: module.into(),
        level: if is_there { FindingLevel::Note } else { FindingLevel::Unsafe },
        message,
        evidence: Some(format!("{point}: {source}")),
        remedy: (!is_there).then(|| format!("Build and install {packages} for {release} before the restart.")),
    })
}

export!(RootFileSystem: Checks);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fstab_says_the_type_of_what_the_start_waits_for() {
        let fstab = "# / zfs\nUUID=1 / bcachefs rw 0 1\ntank/home /home zfs nofail\n/dev/sda1 /boot ext4\nbad\n";
        assert_eq!(configured(fstab, "/"), Some("bcachefs"));
        assert_eq!(configured(fstab, "/home"), None);
        assert_eq!(configured(fstab, "/boot"), Some("ext4"));
        assert_eq!(configured(fstab, "/usr"), None);
    }
}
