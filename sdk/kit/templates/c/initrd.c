// Makes boot images with mkimage.
//
// build/bindings/plugin.h declares and describes all functions; build.sh generates the file.

#include <stdlib.h>
#include <string.h>

#include "plugin.h"

// A text and another one after it.
static plugin_string_t join(const char *first, plugin_string_t second) {
    plugin_string_t text;
    text.len = strlen(first) + second.len;
    text.ptr = malloc(text.len);
    if (text.ptr == NULL) {
        abort();
    }
    memcpy(text.ptr, first, strlen(first));
    memcpy(text.ptr + strlen(first), second.ptr, second.len);
    return text;
}

// Looks for a file in the boot directory; returns false for an error.
static bool exists(plugin_string_t *name, bool *found, exports_modsmith_plugin_initrd_error_t *error) {
    plugin_string_t root;
    plugin_string_set(&root, "boot");
    modsmith_plugin_system_own_dir_t boot;
    if (!modsmith_plugin_system_open_dir(&root, &boot, error)) {
        return false;
    }
    modsmith_plugin_system_option_entry_kind_t kind;
    bool answered =
        modsmith_plugin_system_method_dir_kind(modsmith_plugin_system_borrow_dir(boot), name, &kind, error);
    modsmith_plugin_system_dir_drop_own(boot);
    *found = answered && kind.is_some;
    return answered;
}

// Images are made when the package requests one.
exports_modsmith_plugin_initrd_regeneration_t exports_modsmith_plugin_initrd_when(void) {
    return EXPORTS_MODSMITH_PLUGIN_INITRD_REGENERATION_WHEN_ASKED;
}

bool exports_modsmith_plugin_initrd_refresh(
    exports_modsmith_plugin_initrd_borrow_kernel_t kernel, exports_modsmith_plugin_initrd_occasion_t occasion,
    exports_modsmith_plugin_initrd_borrow_builder_t plan, exports_modsmith_plugin_initrd_error_t *error) {
    (void)occasion;
    plugin_string_t release;
    modsmith_plugin_context_method_kernel_release(kernel, &release);
    plugin_string_t image = join("image-", release);

    bool found;
    if (!exists(&image, &found, error)) {
        return false;
    }
    if (!found) {
        error->tag = MODSMITH_PLUGIN_TYPES_ERROR_UNSUPPORTED;
        error->val.unsupported = join("there is no boot/", image);
        return false;
    }

    // mkimage -f boot/image-RELEASE RELEASE
    modsmith_plugin_plan_argument_t arguments[3] = {0};
    arguments[0].tag = MODSMITH_PLUGIN_TYPES_ARGUMENT_TEXT;
    plugin_string_set(&arguments[0].val.text, "-f");
    arguments[1].tag = MODSMITH_PLUGIN_TYPES_ARGUMENT_LOCATION;
    plugin_string_set(&arguments[1].val.location.root, "boot");
    arguments[1].val.location.relative = image;
    arguments[2].tag = MODSMITH_PLUGIN_TYPES_ARGUMENT_TEXT;
    arguments[2].val.text = release;
    modsmith_plugin_plan_command_t command = {0};
    plugin_string_set(&command.program, "mkimage");
    command.arguments.ptr = arguments;
    command.arguments.len = 3;
    return modsmith_plugin_plan_method_builder_run(plan, &command, MODSMITH_PLUGIN_PLAN_ON_FAILURE_ABORT, error);
}
