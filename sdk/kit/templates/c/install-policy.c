// Where this distribution has the modules of packages.
//
// build/bindings/plugin.h declares and describes all functions; build.sh generates the file.

#include "plugin.h"

bool exports_modsmith_plugin_install_policy_destination(
    exports_modsmith_plugin_install_policy_borrow_kernel_t kernel, plugin_string_t *requested,
    plugin_string_t *directory, exports_modsmith_plugin_install_policy_error_t *error) {
    (void)kernel;
    (void)error;
    plugin_string_free(requested);
    // A copy, because the caller frees the text.
    plugin_string_dup(directory, "updates/dkms");
    return true;
}

// Modules are not compressed.
bool exports_modsmith_plugin_install_policy_compress_with(
    exports_modsmith_plugin_install_policy_borrow_kernel_t kernel,
    exports_modsmith_plugin_install_policy_option_compression_t *compression,
    exports_modsmith_plugin_install_policy_error_t *error) {
    (void)kernel;
    (void)error;
    compression->is_some = false;
    return true;
}

// Directories that an uninstall emptied are always removed.
void exports_modsmith_plugin_install_policy_prune_emptied(exports_modsmith_plugin_install_policy_prune_t *prune) {
    prune->tag = EXPORTS_MODSMITH_PLUGIN_INSTALL_POLICY_PRUNE_ALWAYS;
}
