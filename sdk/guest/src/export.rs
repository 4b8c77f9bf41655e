//! Makes a type the plugin.

/// Exports a type's roles: `export!(Dracut: Initrd);`, or several as
/// `export!(Debian: InstallPolicy, KernelLayout);`. Each role is the name of a
/// trait that the type implements, and must be in the manifest's `[roles]`.
#[macro_export]
macro_rules! export {
    ($plugin:ident: $($role:ident),+ $(,)?) => {
        $( $crate::__export_role!($role $plugin); )+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    (Distro $plugin:ident) => {
        $crate::bindings::distro::__export_distro!($plugin);
    };
    (InstallPolicy $plugin:ident) => {
        $crate::bindings::install_policy::__export_install_policy!($plugin);
    };
    (KernelLayout $plugin:ident) => {
        $crate::bindings::kernel_layout::__export_kernel_layout!($plugin);
    };
    (KernelPrepare $plugin:ident) => {
        $crate::bindings::kernel_prepare::__export_kernel_prepare!($plugin);
    };
    (Initrd $plugin:ident) => {
        $crate::bindings::initrd::__export_initrd!($plugin);
    };
    (Signer $plugin:ident) => {
        $crate::bindings::signer::__export_signer!($plugin);
    };
    (ModprobeConfig $plugin:ident) => {
        $crate::bindings::modprobe_config::__export_modprobe_config!($plugin);
    };
    (WeakModules $plugin:ident) => {
        $crate::bindings::weak_modules::__export_weak_modules!($plugin);
    };
    (Packager $plugin:ident) => {
        $crate::bindings::packager::__export_packager!($plugin);
    };
    (KernelHooks $plugin:ident) => {
        $crate::bindings::kernel_hooks::__export_kernel_hooks!($plugin);
    };
    (BootLoader $plugin:ident) => {
        $crate::bindings::boot_loader::__export_boot_loader!($plugin);
    };
    (Checks $plugin:ident) => {
        $crate::bindings::checks::__export_checks!($plugin);
    };
    (Store $plugin:ident) => {
        $crate::bindings::store::__export_store!($plugin);
    };
    (FileOwner $plugin:ident) => {
        $crate::bindings::file_owner::__export_file_owner!($plugin);
    };
    (SettingsCheck $plugin:ident) => {
        $crate::bindings::settings_check::__export_settings_check!($plugin);
    };
    ($role:ident $plugin:ident) => {
        ::core::compile_error!(concat!(
            "`",
            stringify!($role),
            "` is not a role; roles are Distro, InstallPolicy, KernelLayout, KernelPrepare, ",
            "Initrd, Signer, ModprobeConfig, WeakModules, Packager, KernelHooks, BootLoader, Checks, Store, ",
            "FileOwner and SettingsCheck"
        ));
    };
}
