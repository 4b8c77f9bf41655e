//! A distribution, or a tool that makes boot images, as a table. Every answer comes from the `[policy]` of the
//! table's policy.toml; what it leaves out has a neutral default, which is also
//! what a system gets that no plugin and no table knows.

use modsmith_plugin::prelude::*;

struct Table;

impl InstallPolicy for Table {
    fn destination(request: &InstallRequest) -> Result<String> {
        Ok(match setting_or("policy.directory", "as-requested")?.as_str() {
            "as-requested" => request.directory(),
            directory => directory.trim_matches('/').to_owned(),
        })
    }

    fn compression(request: &InstallRequest) -> Result<Option<Compression>> {
        match setting_or("policy.compression", "as-found")?.as_str() {
            "as-found" => Ok(request.kernel().found_compression()),
            "none" => Ok(None),
            name => Compression::from_name(name).map(Some).ok_or_else(|| no_choice("compression", name)),
        }
    }

    fn prune(_: &RemovalRequest) -> Result<Prune> {
        match setting_or("policy.prune", "unless-owned")?.as_str() {
            "always" => Ok(Prune::Always),
            "unless-owned" => Ok(Prune::UnlessOwned(owner_query()?)),
            "never" => Ok(Prune::Never),
            word => Err(no_choice("prune", word)),
        }
    }
}

/// A value that no table can have: modsmith checks a table's values when the table is
/// loaded. An administrator's settings can still name one.
fn no_choice(key: &str, word: &str) -> Error {
    invalid(format!("`policy.{key}` is `{word}`, which is none of its choices")).hint("Correct the settings file.")
}

/// The question whether a package owns a directory; rpm's where the table names
/// none. Without that program on the system, nothing is owned.
fn owner_query() -> Result<Vec<String>> {
    let query = setting_list("policy.owner-query")?;
    Ok(if query.is_empty() { vec!["rpm".into(), "-qf".into()] } else { query })
}

impl KernelLayout for Table {
    fn kernel_arch(request: &MachineRequest) -> Result<String> {
        let machine = request.machine();
        Ok(setting(&format!("policy.arch.{machine}"))?.unwrap_or_else(|| kernel_arch(&machine).to_owned()))
    }

    fn header_directories(request: &HeadersRequest) -> Result<Vec<String>> {
        let directories = setting_list("policy.header-dirs")?;
        Ok(directories.iter().map(|directory| fill(directory, &request.kernel())).collect())
    }

    fn header_package(request: &HeadersRequest) -> Result<String> {
        let name = setting("policy.header-package")?;
        name.map(|name| fill(&name, &request.kernel())).ok_or_else(|| unsupported("the policy table names none"))
    }
}

impl Initrd for Table {
    /// As the administrator says, else as the table does.
    fn when(_: &ImageRequest) -> Result<Regeneration> {
        let word = setting("regenerate")?.map_or_else(|| setting("policy.initrd.regenerate"), |word| Ok(Some(word)))?;
        Ok(word.map_or(Regeneration::WhenAsked, |word| regeneration(&word)))
    }

    fn images(request: &ImageRequest) -> Result<Vec<Path>> {
        let names = setting_list("policy.initrd.images")?;
        if names.is_empty() {
            return Err(invalid("The policy table has `initrd.command` without `initrd.images`.")
                .hint("Name the images below /boot."));
        }
        Ok(names.iter().map(|name| Path::boot(fill(name, &request.kernel()))).collect())
    }

    fn refresh(request: &ImageRequest, plan: &mut Plan) -> Result<()> {
        let words = setting_list("policy.initrd.command")?;
        let (program, arguments) =
            words.split_first().ok_or_else(|| unsupported("the policy table has no initrd command"))?;
        if !has_program(program).unwrap_or(false) {
            return Err(unsupported(format!("{program} is not installed, or this table may not run it")));
        }
        let image = request.existing_image::<Self>()?;
        request.back_up(&image, plan)?;
        let kernel = request.kernel();
        let arguments = arguments.iter().map(|word| match word.as_str() {
            "{image}" => Argument::from(&image),
            word => Argument::from(fill(word, &kernel)),
        });
        plan.run(Command::new(program.as_str()).args(arguments))
    }
}

/// Replaces the names in braces by what the kernel has for them.
fn fill(text: &str, kernel: &Kernel) -> String {
    let text = fill_release(text, &kernel.release()).replace("{machine}", &kernel.machine());
    match text.contains("{pkgbase}") {
        true => text.replace("{pkgbase}", &Kernel::pkgbase().ok().flatten().unwrap_or_else(|| "linux".into())),
        false => text,
    }
}

/// The parts of a release such as `6.6.58-desktop-1.mga9`: `{version}` before
/// its first `-`, `{flavour}` after its last one, `{variant}` between the two,
/// and `{series}`, the first two numbers of the version.
fn fill_release(text: &str, release: &str) -> String {
    let (version, rest) = release.split_once('-').unwrap_or((release, ""));
    let (variant, flavour) = rest.rsplit_once('-').unwrap_or(("", rest));
    let series: Vec<&str> = version.split(|c: char| !c.is_ascii_digit()).take(2).collect();
    text.replace("{release}", release)
        .replace("{version}", version)
        .replace("{series}", &series.join("."))
        .replace("{variant}", variant)
        .replace("{flavour}", if rest.is_empty() { release } else { flavour })
}

export!(Table: InstallPolicy, KernelLayout, Initrd);

#[cfg(test)]
mod tests {
    use super::fill_release;

    #[test]
    fn a_release_is_taken_apart_at_its_dashes() {
        let parts = |release| fill_release("{version}|{series}|{variant}|{flavour}", release);
        assert_eq!(parts("6.12.8-0-lts"), "6.12.8|6.12|0|lts");
        assert_eq!(parts("6.4.0-150600.23-default"), "6.4.0|6.4|150600.23|default");
        assert_eq!(parts("6.1.79-std-def-alt1"), "6.1.79|6.1|std-def|alt1");
        assert_eq!(parts("6.12.8-gentoo"), "6.12.8|6.12||gentoo");
        assert_eq!(parts("6.12.8_1"), "6.12.8_1|6.12||6.12.8_1");
    }

    #[test]
    fn absurd_releases_leave_holes() {
        for (release, filled) in [("", "||"), ("-", "||-"), ("--", "||"), ("é", "|.|é")] {
            assert_eq!(fill_release("{variant}|{series}|{flavour}", release), filled);
        }
    }
}
