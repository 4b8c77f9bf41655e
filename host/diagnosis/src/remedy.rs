//! Remedies for failed builds.

use super::{Class, Mention, Refusal};

/// The facts for a remedy, beside the class: with more of them, the remedy is more specific.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The package, as `module/version`.
    pub package: &'a str,
    /// The kernel that was built for.
    pub kernel: &'a str,
    /// The package that would bring the kernel's headers.
    pub header_package: Option<String>,
    /// The compiler that the kernel was built with, as its configuration says.
    pub compiler: Option<&'a str>,
    /// The program that is missing.
    pub program: Option<&'a str>,
    /// The operation that the walls around the build refused.
    pub refusal: Option<&'a Refusal>,
    /// The file in which the administrator gives packages further rights.
    pub confinement_file: &'a str,
    /// Whether the log has an error.
    pub has_error: bool,
    /// Whether PRE_BUILD wrote the error, and succeeded in spite of it.
    pub of_pre_build: bool,
    /// The kernel that was built for instead.
    pub other_kernel: Option<&'a str>,
    /// The place at which the source asks which kernel is running.
    pub asks_running: Option<Mention>,
    /// Versions of the module in the tree beside this one.
    pub other_versions: Vec<String>,
    /// Kernels that this version is built for.
    pub built_for: Vec<String>,
    /// The directory of the source.
    pub source: String,
    /// The file system that the build works on.
    pub tree: String,
}

/// The remedy for a class of failures, in one sentence.
pub fn remedy(class: Class, facts: &Facts<'_>) -> String {
    let Facts { package: id, kernel, source, .. } = facts;
    let module = id.split('/').next().unwrap_or(id);
    let again = format!("`dkms build {id} -k {kernel}`");
    if facts.of_pre_build && matches!(class, Class::ScriptFailed | Class::ProductMissing | Class::SourceIncomplete) {
        return format!(
            "Do what the output of PRE_BUILD asks for (PRE_BUILD reported success in spite of it), then run {again} again."
        );
    }
    match class {
        Class::OtherKernel => other_kernel(facts),
        Class::ApiChanged | Class::SymbolMissing => other_version(class, module, facts),
        Class::HeadersMissing | Class::ToolMissing | Class::DependencyMissing => missing_package(class, facts, &again),
        Class::CompilerMissing | Class::CompilerMismatch => compiler(class, facts, &again),
        Class::SourceIncomplete => format!("Put the complete source of {id} into {source}, then run {again} again."),
        Class::NoSpace => {
            format!("Free space on the file systems of {} and of temporary files, then run {again} again.", facts.tree)
        }
        Class::OutOfMemory => {
            format!("Use less memory with one job: `dkms build {id} -k {kernel} -j 1`, or add swap space.")
        }
        Class::ScriptFailed => format!("Do what the script's output asks for, then run {again} again."),
        Class::PatchRejected | Class::ProductMissing | Class::ConfInvalid => correction(class, facts),
        Class::Confined => confined(module, facts, &again),
        Class::Unknown => format!("Read the whole log: `modsmith log {id} -k {kernel}`."),
    }
}

/// The remedy where the system lacks headers, a program or a package.
fn missing_package(class: Class, facts: &Facts<'_>, again: &str) -> String {
    let kernel = facts.kernel;
    match (class, &facts.header_package, facts.program) {
        (Class::HeadersMissing, Some(package), _) => format!("Install the package {package}, then run {again} again."),
        (Class::HeadersMissing, None, _) => {
            format!("Install the complete headers of kernel {kernel}, then run {again} again.")
        }
        (Class::DependencyMissing, ..) => {
            format!("Install the packages of its BUILD_DEPENDS for kernel {kernel} first, then run {again} again.")
        }
        (_, _, Some(program)) => {
            format!("Install the program {program}, which the build runs, then run {again} again.")
        }
        (_, _, None) => format!("Install what the line asks for, then run {again} again."),
    }
}

/// The remedy where the compiler of the kernel is missing, or another one was used.
fn compiler(class: Class, facts: &Facts<'_>, again: &str) -> String {
    let kernel = facts.kernel;
    let version = facts.compiler.map(|text| format!(", which was built with {text}")).unwrap_or_default();
    match class {
        Class::CompilerMissing => {
            let program = facts.program.unwrap_or("the compiler");
            format!("Install {program} for kernel {kernel}{version}, then run {again} again.")
        }
        _ => format!(
            "Build with the compiler of kernel {kernel}{version}: install that version, then run {again} again."
        ),
    }
}

/// The remedy where this version of the module does not fit the kernel.
fn other_version(class: Class, module: &str, facts: &Facts<'_>) -> String {
    let kernel = facts.kernel;
    if class == Class::SymbolMissing {
        return format!(
            "Install the module that exports the symbol for kernel {kernel} first, or get a version of {module} that \
             does without it: this kernel does not offer it."
        );
    }
    let mut text = format!("Get a version of {module} that supports kernel {kernel}");
    if !facts.other_versions.is_empty() {
        text += &format!(" (in the tree: {})", facts.other_versions.join(", "));
    }
    match facts.built_for.is_empty() {
        true => text + ".",
        false => format!("{text}, or stay with a kernel that it is built for: {}.", facts.built_for.join(", ")),
    }
}

/// The remedy where dkms.conf, or a command that it names, is wrong.
fn correction(class: Class, facts: &Facts<'_>) -> String {
    let Facts { package: id, kernel, source, .. } = facts;
    match class {
        Class::PatchRejected => format!(
            "Correct PATCH and PATCH_MATCH in {source}/dkms.conf: the patch is not for this source or kernel {kernel}."
        ),
        Class::ProductMissing if facts.has_error => format!(
            "Correct the error in that line: the MAKE command of {source}/dkms.conf reported success in spite of it."
        ),
        Class::ProductMissing => {
            format!("Compare BUILT_MODULE_NAME and BUILT_MODULE_LOCATION in {source}/dkms.conf with what make writes.")
        }
        _ => format!("Correct {source}/dkms.conf; `modsmith conf {id} -k {kernel}` shows its values."),
    }
}

/// The remedy where the walls around the build refused an action: a right for that action alone.
fn confined(module: &str, facts: &Facts<'_>, again: &str) -> String {
    let Facts { confinement_file: file, .. } = facts;
    let (refused, line) = match facts.refusal {
        Some(Refusal::Write(path)) => {
            let directory =
                path.rsplit_once('/').map_or("/", |(directory, _)| if directory.is_empty() { path } else { directory });
            (format!("write to {path}"), format!("write = [{directory:?}]"))
        }
        Some(Refusal::Network(host)) => {
            let whom = host.as_ref().map(|host| format!(" to {host}")).unwrap_or_default();
            (format!("use the network{whom}"), "network = true".to_owned())
        }
        Some(Refusal::Read(path)) => (format!("read {path}"), "user = \"root\"".to_owned()),
        Some(Refusal::Privilege(program)) => {
            return format!(
                "Change the package: its recipe runs {program}, which needs privileges that no build gets; what changes the system belongs into POST_INSTALL."
            );
        }
        None => ("do that".to_owned(), "user = \"root\"".to_owned()),
    };
    format!(
        "The recipe may not {refused}. If you trust {module} with that, write `{line}` below `[package.{module}]` in {file}, then run {again} again."
    )
}

/// The remedy where the recipe builds for the running kernel: the variable that names the requested one.
fn other_kernel(facts: &Facts<'_>) -> String {
    let Facts { kernel, source, .. } = facts;
    let instead = facts.other_kernel.map(|other| format!(" instead of {other}")).unwrap_or_default();
    let aim = format!("Change the build to use kernel {kernel}{instead}");
    let conf = format!("{source}/dkms.conf");
    match &facts.asks_running {
        Some(asks) if asks.is_in_conf() => {
            format!("{aim}: write ${{kernelver}} instead of `uname -r` in {conf}, line {}.", asks.line)
        }
        Some(Mention { file, line, variable: Some((name, value)) }) => format!(
            "{aim}: {source}/{file} runs `uname -r` in line {line}; give {name}={value} to the make of MAKE[0] in {conf}."
        ),
        Some(Mention { file, line, variable: None }) => format!(
            "{aim}: {source}/{file} runs `uname -r` in line {line}; let it use a variable there, and give that variable ${{kernelver}} in MAKE[0] of {conf}."
        ),
        None => format!("{aim}: give ${{kernelver}} or ${{kernel_source_dir}} to the make of MAKE[0] in {conf}."),
    }
}
