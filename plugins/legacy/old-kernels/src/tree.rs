//! The changes of a source tree, and their undo.

use modsmith_plugin::prelude::*;

/// Behind the names of files that are put aside.
const SAVED: &str = ".before-dkms";

/// A release's first three numbers: `2.4.21-4.EL` is 2.4.21.
pub fn version(release: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// Whether a kernel's modules are built against its whole source tree.
pub fn is_old(version: (u32, u32, u32)) -> bool {
    version < (2, 6, 5)
}

pub fn config() -> Path {
    Path::headers(".config")
}

fn kernel_header() -> Path {
    Path::boot("kernel.h")
}

fn beside(path: &Path) -> Path {
    Path::new(path.root.clone(), format!("{}{SAVED}", path.relative))
}

/// There has to be a source tree; without headers there is not even a place for
/// one.
pub fn check(release: &str) -> Result<()> {
    match Path::headers("Makefile").exists() {
        Ok(true) => Ok(()),
        _ => Err(unsupported(format!("there is no source tree of kernel {release}"))),
    }
}

/// Stands for a configuration where the tree had none.
fn none_before() -> Path {
    Path::headers(format!(".config.none{SAVED}"))
}

/// Puts aside the files that the preparation replaces. Files that an earlier preparation put aside,
/// and that were not put back, stay: they are the originals.
pub fn save(plan: &mut Plan) -> Result<()> {
    if kernel_header().exists()? && !beside(&kernel_header()).exists()? {
        plan.back_up(kernel_header(), SAVED)?;
    }
    if beside(&config()).exists()? || none_before().exists()? {
        return Ok(());
    }
    if config().exists()? { plan.back_up(config(), SAVED) } else { plan.write_file(none_before(), b"", 0o644) }
}

/// The configuration from before the preparation, where it will be once it is put
/// aside.
pub fn own_config() -> Result<Option<Path>> {
    let saved = beside(&config());
    let there = saved.exists()? || (config().exists()? && !none_before().exists()?);
    Ok(there.then_some(saved))
}

/// The last step ends it: what is killed before is done again, and what is done
/// is not done twice.
pub fn restore(plan: &mut Plan) -> Result<()> {
    let configured = beside(&config()).exists()?;
    if !configured && !none_before().exists()? {
        return Err(unsupported("nothing was put aside"));
    }
    make("mrproper", plan)?;
    if beside(&kernel_header()).exists()? {
        plan.rename(beside(&kernel_header()), kernel_header())?;
    }
    if configured { plan.rename(beside(&config()), config()) } else { plan.remove(none_before()) }
}

pub fn make(target: &str, plan: &mut Plan) -> Result<()> {
    plan.run(cmd!("make", target).in_directory(Path::headers("")))
}

/// Red Hat's initscripts wrote the configuration of the running kernel into
/// `/boot/kernel.h`, which its kernel headers include.
pub fn make_kernel_header(plan: &mut Plan) -> Result<()> {
    if has_program("mkkerneldoth")? { plan.run_or_warn(cmd!("mkkerneldoth")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_before_2_6_5_are_old() {
        for (release, old) in [
            ("2.4.21-4.ELsmp", true),
            ("2.6.4-52-default", true),
            ("2.6.5-7.97-smp", false),
            ("2.6.18-8.el5", false),
            ("6.1.0-56-amd64", false),
        ] {
            assert_eq!(version(release).map(is_old), Some(old), "{release}");
        }
        for release in ["", "mainline", "6", "6.1", "2.4.x", "99999999999.1.1"] {
            assert_eq!(version(release), None, "{release}");
        }
    }
}
