//! Debian and everything that names it in ID_LIKE. Modules are stored as the
//! kernel's own are, and emptied directories always go.
//!
//! Debian GNU/kFreeBSD has the same ID and a kernel of another kind: modules lie
//! in the top of its directory. (dkms served it until 2.8.7.)

use modsmith_plugin::prelude::*;

struct Debian;

impl InstallPolicy for Debian {
    fn destination(_: &InstallRequest) -> Result<String> {
        Ok(if kfreebsd() { "" } else { "updates/dkms" }.into())
    }
}

impl KernelLayout for Debian {
    fn header_directories(request: &HeadersRequest) -> Result<Vec<String>> {
        let (release, below) = (request.kernel().release(), if kfreebsd() { "/sys" } else { "" });
        Ok(vec![format!("/usr/src/{}-headers-{release}{below}", kernel_name())])
    }

    fn header_package(request: &HeadersRequest) -> Result<String> {
        Ok(format!("{}-headers-{}", kernel_name(), request.kernel().release()))
    }

    /// The packages of headers have a part of a makefile that sets CC.
    fn compiler(_: &HeadersRequest) -> Result<String> {
        // A kernel may have no headers at all.
        let makefile = Path::headers(".kernelvariables").read_text().ok().flatten().unwrap_or_default();
        compiler_of(&makefile).ok_or_else(|| unsupported("the headers name no compiler"))
    }
}

/// The last CC of a makefile, but for its references: a cache and a prefix for
/// cross compilers, which are not set here.
fn compiler_of(makefile: &str) -> Option<String> {
    let mut assignments = makefile.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let name = name.trim_end_matches([':', '?']).trim();
        (name == "CC" || name == "override CC").then_some(value)
    });
    let compiler = without_references(assignments.next_back()?);
    let compiler = compiler.trim();
    (!compiler.is_empty() && !compiler.contains(char::is_whitespace)).then(|| compiler.to_owned())
}

/// A value without what stands in `$(...)`, also within one another.
fn without_references(value: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for part in value.split_inclusive(['(', ')']) {
        match part.chars().last() {
            Some('(') if depth == 0 => kept.push_str(part.trim_end_matches("$(")),
            Some(')') if depth > 0 => {}
            _ if depth == 0 => kept.push_str(part),
            _ => {}
        }
        match part.chars().last() {
            Some('(') => depth += 1,
            Some(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    kept
}

fn kfreebsd() -> bool {
    os_release("NAME").is_some_and(|name| name.contains("kFreeBSD"))
}

fn kernel_name() -> &'static str {
    if kfreebsd() { "kfreebsd" } else { "linux" }
}

export!(Debian: InstallPolicy, KernelLayout);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_what_is_left_of_cc_without_references() {
        for (makefile, compiler) in [
            ("override ARCH = x86\nCC = $(if $(CACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12\nX = y\n", Some("gcc-12")),
            ("CC := gcc-13\n", Some("gcc-13")),
            ("CC = one\nCC = two\n", Some("two")),
            ("CC = $(COMPILER)\n", None),
            ("CC = gcc -m32\n", None),
            ("HOSTCC = gcc\n", None),
            ("", None),
        ] {
            assert_eq!(compiler_of(makefile).as_deref(), compiler, "{makefile}");
        }
    }
}
