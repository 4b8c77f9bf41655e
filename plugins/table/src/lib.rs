//! A distribution as a table. Every answer comes from the `[policy]` of the
//! table's policy.toml; what it leaves out has a neutral default, which is also
//! what a system gets that no plugin and no table knows.

use modsmith_plugin::prelude::*;

struct Table;

impl InstallPolicy for Table {
    fn destination(_: &Kernel, requested: String) -> Result<String> {
        Ok(match setting_or("policy.directory", "as-requested").as_str() {
            "as-requested" => requested,
            directory => directory.trim_matches('/').to_owned(),
        })
    }

    fn compress_with(kernel: &Kernel) -> Result<Option<Compression>> {
        match setting_or("policy.compression", "as-found").as_str() {
            "as-found" => Ok(kernel.found_compression()),
            "none" => Ok(None),
            "gzip" => Ok(Some(Compression::Gzip)),
            "xz" => Ok(Some(Compression::Xz)),
            "zstd" => Ok(Some(Compression::Zstd)),
            word => Err(invalid(format!(
                "`compression = \"{word}\"` in the policy table; it must be as-found, none, gzip, xz or zstd."
            ))),
        }
    }

    fn prune_emptied() -> Prune {
        match setting_or("policy.prune", "unless-owned").as_str() {
            "always" => Prune::Always,
            "unless-owned" => Prune::UnlessOwned(owner_query()),
            "never" => Prune::Never,
            word => {
                warn!(
                    "`prune = \"{word}\"` in the policy table is none of always, unless-owned and never: taken as never"
                );
                Prune::Never
            }
        }
    }
}

/// The question whether a package owns a directory; rpm's where the table names
/// none. Without that program on the system, nothing is owned.
fn owner_query() -> Vec<String> {
    let query = setting_list("policy.owner-query");
    if query.is_empty() { vec!["rpm".into(), "-qf".into()] } else { query }
}

impl KernelLayout for Table {
    fn kernel_arch(machine: String) -> String {
        setting(&format!("policy.arch.{machine}")).unwrap_or_else(|| kernel_arch(&machine).to_owned())
    }

    fn header_dirs(kernel: &Kernel) -> Vec<String> {
        setting_list("policy.header-dirs").iter().map(|dir| fill(dir, &kernel.release())).collect()
    }

    fn header_package(kernel: &Kernel) -> Option<String> {
        setting("policy.header-package").map(|name| fill(&name, &kernel.release()))
    }
}

impl Initrd for Table {
    fn refresh(kernel: &Kernel, occasion: Occasion, plan: &mut Plan) -> Result<()> {
        let release = kernel.release();
        let words = setting_list("policy.initrd.command");
        let (program, arguments) =
            words.split_first().ok_or_else(|| unsupported("the policy table has no initrd command"))?;
        if !has_program(program) {
            return Err(unsupported(format!("{program} is not installed")));
        }
        let name = setting("policy.initrd.image").ok_or_else(|| {
            invalid("The policy table has `initrd.command` without `initrd.image`; name the image below /boot.")
        })?;
        let image = Path::boot(fill(&name, &release));
        if !image.exists()? {
            return Err(unsupported(format!("there is no {image}")));
        }
        if occasion == Occasion::Installed {
            plan.back_up(&image, ".old-dkms")?;
        }
        let arguments = arguments.iter().map(|word| match word.as_str() {
            "{image}" => Argument::from(&image),
            word => Argument::from(fill(word, &release)),
        });
        plan.run(Command::new(program.as_str()).args(arguments))
    }
}

/// Replaces `{release}` and, for names that carry only the kernel's flavour,
/// `{flavour}`: what follows the last `-` of the release.
fn fill(text: &str, release: &str) -> String {
    let flavour = release.rsplit('-').next().unwrap_or(release);
    text.replace("{release}", release).replace("{flavour}", flavour)
}

export!(Table: InstallPolicy, KernelLayout, Initrd);

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn the_flavour_is_what_follows_the_last_dash() {
        assert_eq!(fill("initramfs-{flavour} {release}", "6.12.8-0-lts"), "initramfs-lts 6.12.8-0-lts");
    }
}
