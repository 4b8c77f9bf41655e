// Where this distribution has the modules of packages.
//
// build/bindings/plugin.h declares and describes all functions; build.sh generates the file.

#include "plugin.h"

bool exports_modsmith_plugin_install_policy_destination(
    exports_modsmith_plugin_install_policy_borrow_install_request_t request, plugin_string_t *directory,
    exports_modsmith_plugin_install_policy_error_t *error) {
    (void)request;
    (void)error;
    // A copy, because the caller frees the text.
    plugin_string_dup(directory, "updates/dkms");
    return true;
}

// Modules are not compressed.
bool exports_modsmith_plugin_install_policy_compression(
    exports_modsmith_plugin_install_policy_borrow_install_request_t request, plugin_option_string_t *compression,
    exports_modsmith_plugin_install_policy_error_t *error) {
    (void)request;
    (void)error;
    compression->is_some = false;
    return true;
}

// Directories that an uninstall emptied are always removed.
bool exports_modsmith_plugin_install_policy_prune(
    exports_modsmith_plugin_install_policy_borrow_removal_request_t request, plugin_string_t *rule,
    exports_modsmith_plugin_install_policy_error_t *error) {
    (void)request;
    (void)error;
    plugin_string_dup(rule, "always");
    return true;
}

// Asked only where the rule is `unless-owned`.
bool exports_modsmith_plugin_install_policy_owner_query(
    exports_modsmith_plugin_install_policy_borrow_removal_request_t request, plugin_list_string_t *query,
    exports_modsmith_plugin_install_policy_error_t *error) {
    (void)request;
    (void)error;
    query->ptr = NULL;
    query->len = 0;
    return true;
}
