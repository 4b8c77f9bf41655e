//! Which options mean something to which actions, by their ids in
//! [`Arguments`](super::Arguments).

/// Options that mean the same to every command that takes them.
pub const GLOBAL: &[&str] = &[
    "dry_run",
    "json",
    "quiet",
    "verbose",
    "debug",
    "root",
    "os_release",
    "dkmstree",
    "sourcetree",
    "installtree",
    "dkmsframework",
    "color",
    "version",
];

/// Which package.
pub const PACKAGE: &[&str] = &["module", "module_version"];

/// Which kernels.
pub const KERNELS: &[&str] = &["kernels", "archs"];

/// All kernels of a package.
pub const ALL: &[&str] = &["all"];

/// How dkms.conf is read.
pub const CONF: &[&str] = &["conf", "directives"];

/// How modules are built.
pub const BUILD: &[&str] = &["config", "kernelsourcedir", "jobs", "force"];

/// The options about the steps after a change of a kernel's modules.
pub const AFTERWARDS: &[&str] = &["no_depmod", "no_initrd"];

/// How modules are installed.
pub const INSTALL: &[&str] = &["force_version_override", "modprobe_on_install", "symlink_modules"];

/// For the scriptlets of packages.
pub const SCRIPTLETS: &[&str] = &["rpm_safe_upgrade"];

/// How the output of an action looks.
pub const OUTPUT: &[&str] = &["view", "events"];

/// The options about the output of `status`.
pub const VIEW: &[&str] = &["view", "by", "failed", "since"];
