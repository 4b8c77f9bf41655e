// The folder `wit` of the package is the interface's text: in modsmith's source, a link to the
// track that plugins are written for.

/// The host's side: facts, settings, log, plan.
pub mod imports {
    wit_bindgen::generate!({
        path: "wit",
        world: "imports",
        generate_all,
        additional_derives: [PartialEq, Eq],
    });
}

/// One module per role, all on the types of [`imports`].
macro_rules! role {
    ($module:ident, $world:literal, $export:literal, $bindings:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "wit",
                world: $world,
                pub_export_macro: true,
                export_macro_name: $export,
                default_bindings_module: $bindings,
                additional_derives: [PartialEq, Eq],
                with: {
                    "modsmith:plugin/types@1.0.0": crate::bindings::imports::modsmith::plugin::types,
                    "modsmith:plugin/log@1.0.0": crate::bindings::imports::modsmith::plugin::log,
                    "modsmith:plugin/settings@1.0.0": crate::bindings::imports::modsmith::plugin::settings,
                    "modsmith:plugin/system@1.0.0": crate::bindings::imports::modsmith::plugin::system,
                    "modsmith:plugin/context@1.0.0": crate::bindings::imports::modsmith::plugin::context,
                    "modsmith:plugin/answers@1.0.0": crate::bindings::imports::modsmith::plugin::answers,
                    "modsmith:plugin/requests@1.0.0": crate::bindings::imports::modsmith::plugin::requests,
                    "modsmith:plugin/plan@1.0.0": crate::bindings::imports::modsmith::plugin::plan,
                },
            });
        }
    };
}

role!(distro, "distro-plugin", "__export_distro", "modsmith_plugin::bindings::distro");
role!(install_policy, "install-policy-plugin", "__export_install_policy", "modsmith_plugin::bindings::install_policy");
role!(kernel_layout, "kernel-layout-plugin", "__export_kernel_layout", "modsmith_plugin::bindings::kernel_layout");
role!(kernel_prepare, "kernel-prepare-plugin", "__export_kernel_prepare", "modsmith_plugin::bindings::kernel_prepare");
role!(initrd, "initrd-plugin", "__export_initrd", "modsmith_plugin::bindings::initrd");
role!(signer, "signer-plugin", "__export_signer", "modsmith_plugin::bindings::signer");
role!(
    modprobe_config,
    "modprobe-config-plugin",
    "__export_modprobe_config",
    "modsmith_plugin::bindings::modprobe_config"
);
role!(weak_modules, "weak-modules-plugin", "__export_weak_modules", "modsmith_plugin::bindings::weak_modules");
role!(packager, "packager-plugin", "__export_packager", "modsmith_plugin::bindings::packager");
role!(kernel_hooks, "kernel-hooks-plugin", "__export_kernel_hooks", "modsmith_plugin::bindings::kernel_hooks");
role!(boot_loader, "boot-loader-plugin", "__export_boot_loader", "modsmith_plugin::bindings::boot_loader");
role!(checks, "checks-plugin", "__export_checks", "modsmith_plugin::bindings::checks");
role!(store, "store-plugin", "__export_store", "modsmith_plugin::bindings::store");
role!(file_owner, "file-owner-plugin", "__export_file_owner", "modsmith_plugin::bindings::file_owner");
role!(settings_check, "settings-check-plugin", "__export_settings_check", "modsmith_plugin::bindings::settings_check");
