//! `Module.symvers`: the symbols that a kernel, or a package, exports.
//!
//! Source: the kernel's `Documentation/kbuild/modules.rst`. Lines have the
//! version, the name, the exporting module and more, separated by tabs.

use modsmith_plugin::prelude::*;

/// One exported symbol.
pub struct Symbol<'t> {
    pub version: u32,
    pub name: &'t str,
    /// Path of the module that exports it, without suffix; `vmlinux`.
    pub module: &'t str,
}

pub fn parse(text: &str) -> impl Iterator<Item = Symbol<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let version = fields.next()?.strip_prefix("0x")?;
        let (name, module) = (fields.next()?, fields.next()?);
        Some(Symbol { version: u32::from_str_radix(version, 16).ok()?, name, module })
    })
}

/// The exports of a kernel, as text, from the first place that has them: its build directory, the
/// boot directory, its module directory.
pub fn of_kernel(kernel: &str) -> Result<Option<String>> {
    let mut places = vec![Path::install_tree(kernel).join("build/Module.symvers")];
    for suffix in [".gz", ".xz", ".zst", ""] {
        places.push(Path::boot(format!("symvers-{kernel}{suffix}")));
        places.push(Path::install_tree(kernel).join(&format!("symvers{suffix}")));
    }
    for place in places {
        if let Some(bytes) = place.read_unpacked()? {
            let text = String::from_utf8(bytes);
            return text.map(Some).map_err(|_| invalid(format!("{place} is no list of symbols: it is not text")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_and_without_a_namespace_are_read_and_others_passed_over() {
        let text =
            "0x9060323f\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n0x1\ta\tdrivers/a\tEXPORT_SYMBOL_GPL\nrubbish\n";
        let symbols: Vec<_> = parse(text).map(|s| (s.version, s.name, s.module)).collect();
        assert_eq!(symbols, [(0x9060_323f, "module_layout", "vmlinux"), (1, "a", "drivers/a")]);
    }
}
