//! depmod, which makes the module index of a kernel: in plans, and when a change is
//! taken back.

use std::path::Path;

use modsmith_facts::{Location, Root, System, inside};
use modsmith_plan::{Command, OnFailure, Rerun, RunsIn};

const NAME: &str = "depmod";

/// depmod for a kernel, as part of what undoing a change does.
pub(super) fn rerun(release: &str) -> Rerun {
    Rerun { name: NAME.into(), argument: release.to_owned() }
}

/// The programs that are run again when a change is taken back.
///
/// # Errors
/// The command that runs depmod again, for [`Reruns`](modsmith_plan::Reruns).
pub(super) fn command(rerun: &Rerun, system: &System) -> Result<Command, String> {
    match (rerun.name.as_str(), rerun.argument.as_str()) {
        (NAME, kernel) if is_release(kernel) => Ok(depmod(system, kernel)),
        (NAME, kernel) => Err(format!("depmod was not run: {kernel:?} is not a kernel release")),
        (name, _) => Err(format!("{name:?} was not run: it is unknown")),
    }
}

/// A plain name, which no program takes for an option.
pub(super) fn is_release(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['.', '-']) && !name.contains(['/', '\0', '\n'])
}

/// depmod for an install tree that is not named `lib/modules`: a link gives it
/// that name.
const DEPMOD_ELSEWHERE: &str = r#"
base=$(mktemp -d) && mkdir "$base/lib" && ln -s "$1" "$base/lib/modules" || exit
shift
depmod -a -b "$base" "$@"
status=$?
rm -r "$base"
exit $status
"#;

/// Makes a module index below a directory that is no system: what is in `lib/modules/RELEASE` there.
pub fn index_of(directory: &Path, release: &str) -> std::process::Command {
    let mut command = std::process::Command::new("depmod");
    command.arg("-b").arg(directory).arg(release);
    command
}

/// Makes the module index of a kernel.
pub fn depmod(system: &System, release: &str) -> Command {
    let install_tree = system.roots.get(Root::InstallTree).unwrap_or(Path::new("/lib/modules"));
    // depmod wants the directory above `lib/modules`.
    let base = install_tree.parent().filter(|_| install_tree.ends_with("lib/modules")).and_then(Path::parent);
    let mut command = match base {
        Some(base) if base == Path::new("/") => Command::new("depmod").arg("-a"),
        Some(base) => Command::new("depmod").args(["-a", "-b"]).arg(base.display().to_string()),
        None => Command::new("bash").args(["-c", DEPMOD_ELSEWHERE, "depmod"]).arg(install_tree.display().to_string()),
    };
    let map = Location::new(Root::Boot, format!("System.map-{release}")).expect("a kernel release is a name");
    if system.roots.path(&map).is_some_and(|path| inside::is_file(&path)) {
        command = command.arg("-F").location_arg(map);
    }
    command.runs_in = RunsIn::Here;
    command.failure = OnFailure::Warn;
    command.arg(release)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::OsRelease;

    #[test]
    fn a_kernel_is_named_by_a_plain_name() {
        let system = System::new("/", OsRelease::default());
        let depmod = |kernel: &str| command(&rerun(kernel), &system);
        assert!(depmod("6.1.0-56-amd64").is_ok());
        for bad in ["", "-b", "../x", "a/b", ".", "..", "a\nb"] {
            assert!(depmod(bad).unwrap_err().contains("is not a kernel release"), "{bad:?}");
        }
        let unknown = Rerun { name: "rm".into(), argument: "6.1".into() };
        assert!(command(&unknown, &system).unwrap_err().contains("is unknown"));
    }
}
