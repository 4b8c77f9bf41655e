//! The configurations that kernel source packages ship, one for each flavour of
//! the kernel.

use modsmith_plugin::prelude::*;

/// How Red Hat's releases end: `2.4.21-4.ELsmp`.
const RED_HAT_FLAVOURS: [&str; 8] = ["BOOT", "smp", "enterprise", "bigmem", "hugemem", "summit", "debug", "jensen"];

/// `configs/kernel-2.4.21-i686-smp.config`, or without a flavour; the machine's
/// own name first.
pub fn red_hat(release: &str, machine: &str) -> Vec<Path> {
    let version = release.split('-').next().unwrap_or(release);
    let flavour = RED_HAT_FLAVOURS.iter().find(|flavour| release.ends_with(*flavour));
    let suffix = flavour.map(|flavour| format!("-{flavour}")).unwrap_or_default();
    let file = |machine: &str| Path::headers(format!("configs/kernel-{version}-{machine}{suffix}.config"));
    machines(machine).iter().map(|machine| file(machine)).collect()
}

/// `arch/i386/defconfig.smp`: the flavour is behind the last dash of a release.
pub fn suse(release: &str, machine: &str) -> Vec<Path> {
    let last = release.rsplit('-').next().unwrap_or_default();
    let flavour = ["smp", "bigsmp"].into_iter().find(|flavour| *flavour == last).unwrap_or("default");
    let arch = if is_ia32(machine) { "i386" } else { machine };
    vec![Path::headers(format!("arch/{arch}/defconfig.{flavour}"))]
}

fn machines(machine: &str) -> Vec<&str> {
    let mut out = vec![machine];
    if is_ia32(machine) {
        out.extend(["i686", "i586", "i386"].into_iter().filter(|other| *other != machine));
    }
    out
}

fn is_ia32(machine: &str) -> bool {
    machine.len() == 4 && machine.starts_with('i') && machine.ends_with("86") || machine == "athlon"
}

pub fn first_existing(places: Vec<Path>) -> Result<Option<Path>> {
    for place in places {
        if place.exists()? {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Red Hat shipped lists of dependencies that name the directory in which the
/// package had been made. They are turned to the tree itself.
pub fn mend_dependencies(plan: &mut Plan) -> Result<()> {
    let file = Path::headers("tmp_include_depends");
    let Some(text) = file.read()? else { return Ok(()) };
    let text = String::from_utf8_lossy(&text);
    let mended: Vec<String> = text.lines().map(mend).collect();
    if mended.iter().zip(text.lines()).all(|(new, old)| new == old) {
        return Ok(());
    }
    plan.write_file(file, mended.join("\n") + "\n", 0o644)
}

/// A line's words that are absolute names of headers, below `$(TOPDIR)`.
fn mend(line: &str) -> String {
    let word = |word: &str| match word.split_once("/include/") {
        Some((before, below)) if before.starts_with('/') => format!("$(TOPDIR)/include/{below}"),
        _ => word.to_owned(),
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_hats_configurations_are_named_by_version_machine_and_flavour() {
        let names = |release: &str| red_hat(release, "i686").first().map(ToString::to_string).unwrap_or_default();
        assert_eq!(names("2.4.21-4.ELsmp"), "headers/configs/kernel-2.4.21-i686-smp.config");
        assert_eq!(names("2.4.20-8"), "headers/configs/kernel-2.4.20-i686.config");
        let athlon = red_hat("2.4.20-8bigmem", "athlon");
        assert_eq!(athlon[1].relative, "configs/kernel-2.4.20-i686-bigmem.config");
    }

    #[test]
    fn suses_flavour_is_behind_the_last_dash() {
        let name = |release: &str, machine: &str| suse(release, machine)[0].relative.clone();
        assert_eq!(name("2.4.21-99-smp", "i686"), "arch/i386/defconfig.smp");
        assert_eq!(name("2.4.21-99-default", "x86_64"), "arch/x86_64/defconfig.default");
        assert_eq!(name("2.4.21-99-athlon", "i586"), "arch/i386/defconfig.default");
    }

    #[test]
    fn names_from_the_builders_machine_are_turned_to_the_tree() {
        let line = "/usr/src/build/1/linux-2.4.21/include/linux/a.h: \\ include/b.h $(TOPDIR)/include/c.h";
        assert_eq!(mend(line), "$(TOPDIR)/include/linux/a.h: \\ include/b.h $(TOPDIR)/include/c.h");
    }
}
