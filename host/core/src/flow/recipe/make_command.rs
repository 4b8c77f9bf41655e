//! The make command as it is run.

use std::path::Path;

use crate::build::Toolchain;
use crate::conf::framework::DKMS_TREE;
use crate::conf::{PackageConf, default_make_command, make_command};
use crate::flow::Invocation;
use crate::tree::Package;
use modsmith_facts::kernel::Kernel;

/// A build's command line.
pub struct MakeCommand {
    /// The command that logs show, with the number of jobs.
    pub shown: String,
    /// The text that is run: the shell variables that the command may use, then the command. With a
    /// jobserver it has no number of jobs, because a make that is given `-jN` leaves the common budget.
    pub script: String,
    /// What make finds in its environment, beside what scripts do.
    pub environment: Vec<(String, String)>,
}

/// The command that builds a package for a kernel. It is shell text, evaluated
/// in the build directory with the variables of dkms.conf visible.
pub fn build_commands(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    conf: &PackageConf,
    toolchain: &Toolchain,
    one_job: bool,
) -> MakeCommand {
    let jobs = run.runner.jobs();
    let recipe = Recipe::new(run, package, kernel);
    let command = |jobs| make_command(conf, &recipe.default, jobs, kernel.release(), toolchain.llvm);
    let shown = command(Some(if one_job { 1 } else { jobs.limit() }));
    let script = if jobs.is_shared() && !one_job { command(None) } else { shown.clone() };
    let mut environment = steering(run, package, conf, kernel);
    let questions_come_again = run.scope.multi_package || runs_make_again(&shown);
    environment.extend(
        run.runner
            .shims()
            .map(|shims| shims.environment(questions_come_again, &run.env.environment))
            .unwrap_or_default(),
    );
    MakeCommand { script: format!("{}{script}", recipe.assignments), shown, environment }
}

/// The make command without the number of jobs and the shims, which change no result.
pub(crate) fn declared_command(
    run: &Invocation<'_>,
    package: &Package,
    kernel: &Kernel,
    conf: &PackageConf,
    toolchain: &Toolchain,
) -> MakeCommand {
    let recipe = Recipe::new(run, package, kernel);
    let shown = make_command(conf, &recipe.default, None, kernel.release(), toolchain.llvm);
    let script = format!("{}{shown}", recipe.assignments);
    MakeCommand { script, shown, environment: steering(run, package, conf, kernel) }
}

/// What make finds in its environment so that the result is as it has to be.
fn steering(run: &Invocation<'_>, package: &Package, conf: &PackageConf, kernel: &Kernel) -> Vec<(String, String)> {
    let callers = |name: &str| run.env.environment.text(name).map(str::to_owned);
    let build_dir = run.env.seen_by_build(&run.env.tree.real(&package.id.build_dir()));
    let usual = Path::new(DKMS_TREE).join(package.id.build_dir().relative());
    let mut flags = Vec::new();
    if !needs_debug_information(conf, kernel) {
        flags.push(WITHOUT_DEBUG_INFORMATION.to_owned());
    }
    if knows_prefix_map(kernel) {
        flags.extend(prefix_map(&build_dir, &usual.to_string_lossy()));
    }
    let mut environment = with_flags(&flags, callers);
    environment.extend(untranslated_messages(callers));
    environment
}

/// The shell text around a package's MAKE.
struct Recipe {
    /// The variables of dkms.conf that it may use.
    assignments: String,
    /// The command of a package without MAKE.
    default: String,
}

impl Recipe {
    fn new(run: &Invocation<'_>, package: &Package, kernel: &Kernel) -> Self {
        let build_dir = run.env.seen_by_build(&run.env.tree.real(&package.id.build_dir()));
        let base_dir = run.env.seen_by_build(&run.env.tree.real(&package.id.version_dir()));
        let variables = run.env.variables(package, kernel);
        let assignments = [
            ("kernel_source_dir", variables.kernel_source_dir.as_str()),
            ("kernel_config", &variables.kernel_config),
            ("dkms_tree", &variables.dkms_tree),
            ("source_tree", &variables.source_tree),
            ("install_tree", &variables.install_tree),
            ("build_dir", &build_dir),
            ("base_dir", &base_dir),
        ];
        let assignments = assignments.iter().map(|(name, value)| format!("{name}={}\n", quote(value))).collect();
        Self { assignments, default: default_make_command(&variables.kernel_source_dir, &build_dir) }
    }
}

/// Whether a recipe names make more than once.
fn runs_make_again(recipe: &str) -> bool {
    recipe.split(|c: char| !c.is_alphanumeric()).filter(|word| *word == "make").count() > 1
}

/// Whether anything is left of the debug information that the kernel's
/// configuration has modules compiled with: in a module that is not stripped, and
/// in the type information (BTF) that is made from it where the headers come with
/// the kernel's own.
fn needs_debug_information(conf: &PackageConf, kernel: &Kernel) -> bool {
    let stripped = conf.modules.iter().all(|module| module.strip);
    let typed = kernel.headers().is_some_and(|headers| headers.join("vmlinux").exists());
    !stripped || typed
}

/// Keeps the compiler from writing what `strip` takes out again: a seventh to a
/// fifth of the compiler's time, and most of the disk space. The modules are the same but for
/// their build id.
const WITHOUT_DEBUG_INFORMATION: &str = "-g0";

/// Has the compiler write the usual path of the build directory into modules of a tree elsewhere: they
/// are the same, byte for byte, wherever the tree is. A path that make or a shell would change gets none.
/// Source: gcc(1), `-ffile-prefix-map`.
fn prefix_map(build_dir: &str, usual: &str) -> Option<String> {
    let is_plain = |path: &str| path.chars().all(|c| c.is_ascii_alphanumeric() || "/._+~:@-".contains(c));
    (build_dir != usual && is_plain(build_dir) && is_plain(usual))
        .then(|| format!("-ffile-prefix-map={build_dir}={usual}"))
}

/// Whether the compiler that the kernel was built with knows `-ffile-prefix-map`: gcc since 8, clang since 10.
fn knows_prefix_map(kernel: &Kernel) -> bool {
    let at_least = |symbol: &str, version: u32| {
        kernel.config(symbol).and_then(|text| text.parse().ok()).is_some_and(|known: u32| known >= version)
    };
    at_least("GCC_VERSION", 80_000) || at_least("CLANG_VERSION", 100_000)
}

/// Flags for all that the kernel's makefiles compile, behind those of the caller. Source: the kernel's
/// Documentation/kbuild/kbuild.rst.
fn with_flags(flags: &[String], callers: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    if flags.is_empty() {
        return Vec::new();
    }
    let value = |name: &str| {
        let callers = callers(name).filter(|flags| !flags.is_empty());
        callers.iter().chain(flags).map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    ["KCFLAGS", "KAFLAGS"].map(|name| (name.to_owned(), value(name))).into()
}

/// Keeps the log in English, because later readers of the log and the crate
/// `build-diagnosis` understand English only. make, shells and compilers translate their
/// messages. Everything else of the user's locale stays.
fn untranslated_messages(callers: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let mut variables = vec![("LC_MESSAGES".to_owned(), "C".to_owned())];
    if let Some(all) = callers("LC_ALL").filter(|all| !all.is_empty()) {
        // LC_ALL would overrule LC_MESSAGES. An empty LC_ALL counts as not set.
        variables.extend([("LC_ALL".to_owned(), String::new()), ("LC_CTYPE".to_owned(), all)]);
    }
    variables
}

/// For a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_survive_quoting() {
        assert_eq!(quote("a'b c"), r"'a'\''b c'");
    }

    #[test]
    fn messages_are_not_translated_and_characters_are_the_users() {
        let variables = |all: &str| -> Vec<(String, String)> {
            untranslated_messages(|name| (name == "LC_ALL").then(|| all.to_owned()))
        };
        let expected = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(variables(""), expected(&[("LC_MESSAGES", "C")]));
        let german = expected(&[("LC_MESSAGES", "C"), ("LC_ALL", ""), ("LC_CTYPE", "de_DE.UTF-8")]);
        assert_eq!(variables("de_DE.UTF-8"), german);
    }

    #[test]
    fn a_recipe_with_several_makes_is_known() {
        assert!(runs_make_again("make -j2 -C /k M=/b/common modules && 'make' -C /k M=/b/nat64"));
        assert!(!runs_make_again("make -j2 -C /k M=/b/makefoo modules"));
    }

    #[test]
    fn the_callers_flags_stay_before_ours() {
        let callers = |name: &str| (name == "KCFLAGS").then(|| "-Wall".to_owned());
        let flags = with_flags(&["-g0".to_owned()], callers);
        let expected = [("KCFLAGS", "-Wall -g0"), ("KAFLAGS", "-g0")];
        assert_eq!(flags, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(with_flags(&[], callers), []);
    }

    #[test]
    fn a_build_elsewhere_is_told_the_usual_path_unless_a_shell_would_change_it() {
        let usual = "/var/lib/dkms/m/1.0/build";
        assert_eq!(prefix_map(usual, usual), None);
        assert_eq!(prefix_map("/t/m/1.0/build", usual).unwrap(), format!("-ffile-prefix-map=/t/m/1.0/build={usual}"));
        for path in ["/a b", "/a=b", "/$a", "/a'b", "/a#b"] {
            assert_eq!(prefix_map(path, usual), None, "{path}");
        }
    }
}
