//! Files that have other programs say whether a restart is safe. All but two only tell; which of them
//! are there at all, the settings say.
//!
//! Sources: kernel-install(8), apt.conf(5), alpm-hooks(5), libdnf5-actions(8), update-motd(5),
//! systemd.special(7).

use modsmith_plugin::prelude::*;

struct ReadyHooks;

/// The program that the other files start.
const REPORT: &str = "@LIBDIR@/modsmith/ready-report";

impl KernelHooks for ReadyHooks {
    fn hook_files() -> Result<Vec<HookFile>> {
        let mut files = telling()?;
        let metrics = setting_or("metrics", "")?;
        if !metrics.is_empty() || !files.is_empty() {
            files.push(report(&metrics)?);
        }
        if let Some(file) = kernel_install(&setting_or("kernel-install", "off")?)? {
            files.push(file);
        }
        if setting_bool("boot-check")? {
            let unit = include_bytes!("../hooks/modsmith-boot-check.service");
            files.push(HookFile::data("@LIBDIR@/systemd/system/modsmith-boot-check.service", unit));
        }
        Ok(files)
    }
}

/// The files that start the report, and the one that shows what it kept.
fn telling() -> Result<Vec<HookFile>> {
    let mut files = Vec::new();
    if setting_bool("apt")? {
        let file = include_bytes!("../hooks/90modsmith-ready");
        files.push(HookFile::data("/etc/apt/apt.conf.d/90modsmith-ready", file));
    }
    if setting_bool("dnf5")? {
        let file = include_bytes!("../hooks/modsmith-ready.actions");
        files.push(HookFile::data("/etc/dnf/libdnf5-plugins/actions.d/modsmith-ready.actions", file));
    }
    if setting_bool("pacman")? {
        let file = include_bytes!("../hooks/95-modsmith-ready.hook");
        files.push(HookFile::data("/usr/share/libalpm/hooks/95-modsmith-ready.hook", file));
    }
    if setting_bool("motd")? {
        let file = include_bytes!("../hooks/motd");
        files.push(HookFile::program("/etc/update-motd.d/95-modsmith-ready", file));
    }
    Ok(files)
}

/// The program that asks, tells and keeps. `metrics` is a directory, or empty.
fn report(metrics: &str) -> Result<HookFile> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let is_path = metrics.starts_with('/') && metrics.chars().all(is_plain);
    if !metrics.is_empty() && !is_path {
        return Err(invalid(format!("metrics is `{metrics}`: name an absolute directory without blanks and signs")));
    }
    let text = include_str!("../hooks/ready-report").replace("@METRICS@", metrics);
    Ok(HookFile::program(REPORT, text))
}

/// After the boot image was made, and before the boot entry is.
fn kernel_install(mode: &str) -> Result<Option<HookFile>> {
    match mode {
        "off" => Ok(None),
        "tell" | "no-entry" | "fail" => {
            let text = include_str!("../hooks/89-modsmith-ready.install").replace("@MODE@", mode);
            Ok(Some(HookFile::program("/usr/lib/kernel/install.d/89-modsmith-ready.install", text)))
        }
        other => Err(invalid(format!("kernel-install is `{other}`: write off, tell, no-entry or fail"))),
    }
}

export!(ReadyHooks: KernelHooks);
