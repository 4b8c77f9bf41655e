//! The kernels that the command line names.

use std::path::Path;

use super::arguments::Arguments;
use super::words::Action;
use modsmith_core::error::{Error, Kind, Result};
use modsmith_core::flow::{Env, Filter};
use modsmith_core::tree::{Target, check_kernel_name, check_kernel_pattern};
use modsmith_facts::kernel::{machine, running_release};
use modsmith_facts::{Root, System};

/// The kernels that the command line names.
#[derive(Debug)]
pub struct Targets {
    /// Kernels and, where given, their architectures.
    pub given: Vec<(String, Option<String>)>,
    default_arch: String,
}

impl Targets {
    /// Pairs kernels with architectures.
    pub fn of(arguments: &Arguments, system: &System) -> Result<Self> {
        if arguments.all && !arguments.kernels.is_empty() {
            return Err(
                Error::new(Kind::KernelWithAll, "-k and --all exclude each other.").hint("Leave one of them out.")
            );
        }
        if arguments.all && !arguments.archs.is_empty() {
            return Err(
                Error::new(Kind::ArchWithAll, "-a and --all exclude each other.").hint("Leave one of them out.")
            );
        }
        // `status` narrows a listing by patterns, and no kernel is the default.
        let only_lists = only_lists(arguments);
        let check = if only_lists { check_kernel_pattern } else { check_kernel_name };
        let check_value = |option, what, value: &str| check_value(option, what, value, check);
        let mut given: Vec<(String, Option<String>)> = Vec::new();
        for word in &arguments.kernels {
            let (kernel, arch) = match word.trim().split_once('/') {
                Some((kernel, arch)) => (kernel, Some(arch.to_owned())),
                None => (word.trim(), None),
            };
            check_value("-k", "kernel", kernel)?;
            arch.as_deref().map_or(Ok(()), |arch| check_value("-k", "architecture", arch))?;
            given.push((kernel.to_owned(), arch));
        }
        arguments.archs.iter().try_for_each(|arch| check_value("-a", "architecture", arch.trim()))?;
        if given.is_empty() && !arguments.archs.is_empty() && system.is_live() && !only_lists {
            given.push((running_release(), None));
        }
        match arguments.archs.as_slice() {
            [] => {}
            [one] => {
                given.iter_mut().filter(|(_, arch)| arch.is_none()).for_each(|(_, arch)| *arch = Some(one.clone()))
            }
            many if many.len() == given.len() => {
                given.iter_mut().zip(many).for_each(|((_, arch), given)| *arch = Some(given.clone()));
            }
            many => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("{} architectures are given for {} kernels.", many.len(), given.len()),
                )
                .hint("Give one -a for all kernels, or one for each -k."));
            }
        }
        Ok(Self { given, default_arch: machine() })
    }

    /// The kernels to work on: those named, else the running one; on another
    /// system the only one that it has.
    pub fn chosen(&self, env: &Env) -> Result<Vec<Target>> {
        if !self.given.is_empty() {
            let arch = |arch: &Option<String>| arch.clone().unwrap_or_else(|| self.default_arch.clone());
            return Ok(self.given.iter().map(|(k, a)| Target { kernel: k.clone(), arch: arch(a) }).collect());
        }
        let kernel = if env.system.is_live() { running_release() } else { only_kernel(&env.system)? };
        Ok(vec![Target { kernel, arch: self.default_arch.clone() }])
    }

    /// For actions on one kernel.
    pub fn one(&self, env: &Env) -> Result<Target> {
        match self.chosen(env)?.as_slice() {
            [one] => Ok(one.clone()),
            many => Err(Error::new(Kind::ActionConflict, format!("This action takes one kernel, not {}.", many.len()))
                .hint("Run it once for each kernel.")),
        }
    }

    /// For actions that must not fall back to the running kernel.
    pub fn explicit(&self) -> Result<Target> {
        match self.given.as_slice() {
            [(kernel, arch)] => {
                let arch = arch.clone().unwrap_or_else(|| self.default_arch.clone());
                Ok(Target { kernel: kernel.clone(), arch })
            }
            many => Err(Error::new(
                Kind::ActionConflict,
                format!("This action needs exactly one kernel, not {}.", many.len()),
            )
            .hint("Name it with -k.")),
        }
    }

    /// The kernel that a dkms.conf is evaluated for where none is needed.
    pub fn first(&self, env: &Env) -> Result<Target> {
        let chosen = self.chosen(env).unwrap_or_default();
        Ok(chosen
            .into_iter()
            .next()
            .unwrap_or_else(|| Target { kernel: running_release(), arch: self.default_arch.clone() }))
    }
}

/// The filter for a package, a kernel and an architecture of a command that only reads:
/// `m`, `m/v`; `K`, `K/A`.
pub fn filter_of(package: Option<&str>, kernel: Option<&str>, arch: Option<&str>) -> Result<Filter> {
    let (module, version) = match package.map(|word| word.split_once('/').ok_or(word)) {
        None => (None, None),
        Some(Ok((module, version))) => (Some(module.to_owned()), Some(version.to_owned())),
        Some(Err(module)) => (Some(module.to_owned()), None),
    };
    let (kernel, arch) = match kernel.and_then(|kernel| kernel.split_once('/')) {
        Some((kernel, arch)) => (Some(kernel), Some(arch)),
        None => (kernel, arch),
    };
    kernel.map_or(Ok(()), |kernel| check_kernel_pattern("kernel", kernel))?;
    arch.map_or(Ok(()), |arch| check_kernel_pattern("architecture", arch))?;
    Ok(Filter { module, version, kernel: kernel.map(str::to_owned), arch: arch.map(str::to_owned) })
}

/// Refuses what cannot be a kernel or an architecture; an empty value with an exit
/// code of its own, since a script's variable that is not set makes it.
fn check_value(option: &str, what: &str, value: &str, check: fn(&str, &str) -> Result<()>) -> Result<()> {
    if value.is_empty() {
        return Err(Error::new(Kind::KernelOrArchEmpty, format!("The {what} of {option} is empty."))
            .hint(format!("Write the {what} after {option}, or leave the option out.")));
    }
    check(what, value)
}

/// Whether `status` is the only action of the command line.
fn only_lists(arguments: &Arguments) -> bool {
    let mut actions = arguments.words.iter().filter_map(|word| Action::of(word)).peekable();
    actions.peek().is_some() && actions.all(|action| action == Action::Status)
}

fn only_kernel(system: &System) -> Result<String> {
    let directory = system.roots.get(Root::InstallTree).unwrap_or(Path::new("/lib/modules"));
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    match names.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::new(Kind::NoKernelDirectory, format!("There is no kernel in {}.", directory.display()))
            .hint("Install one there, or name it with -k.")),
        many => Err(Error::new(Kind::Usage, format!("There are several kernels in {}.", directory.display()))
            .hint(format!("Name one with -k: {}.", many.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modsmith_facts::OsRelease;

    fn targets(words: &[&str], kernels: &[&str], archs: &[&str]) -> Result<Targets> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (words, kernels, archs) = (texts(words), texts(kernels), texts(archs));
        let arguments = Arguments { words, kernels, archs, ..Arguments::default() };
        Targets::of(&arguments, &System::new("/", OsRelease::default()))
    }

    #[test]
    fn an_architecture_alone_is_of_every_kernel_for_status_and_of_the_running_one_for_the_rest() {
        for arch in ["x86_64", "*"] {
            assert_eq!(targets(&["status", "hello"], &[], &[arch]).unwrap().given, []);
        }
        let given = targets(&["build", "hello/1.0"], &[], &["x86_64"]).unwrap().given;
        assert_eq!(given, [(running_release(), Some("x86_64".to_owned()))]);
        let given = targets(&["status"], &["6.1"], &["x86_64"]).unwrap().given;
        assert_eq!(given, [("6.1".to_owned(), Some("x86_64".to_owned()))]);
    }

    #[test]
    fn patterns_are_for_listings_only() {
        assert!(targets(&["status"], &["6.1*/x86_*"], &[]).is_ok());
        for bad in ["6.1*", "x;id", "a b", "6.1.0#", "6.1'x"] {
            assert_eq!(targets(&["build", "hello/1.0"], &[bad], &[]).unwrap_err().kind, Kind::Usage, "{bad}");
        }
    }
}
