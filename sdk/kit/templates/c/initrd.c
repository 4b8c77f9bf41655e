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

// The release of the kernel that a request concerns.
static plugin_string_t release_of(exports_modsmith_plugin_initrd_borrow_image_request_t request) {
    modsmith_plugin_context_own_kernel_t kernel = modsmith_plugin_requests_method_image_request_kernel(request);
    plugin_string_t release;
    modsmith_plugin_context_method_kernel_release(modsmith_plugin_context_borrow_kernel(kernel), &release);
    modsmith_plugin_context_kernel_drop_own(kernel);
    return release;
}

bool exports_modsmith_plugin_initrd_images(
    exports_modsmith_plugin_initrd_borrow_image_request_t request, exports_modsmith_plugin_initrd_list_path_t *images,
    exports_modsmith_plugin_initrd_error_t *error) {
    (void)error;
    images->len = 1;
    images->ptr = calloc(1, sizeof *images->ptr);
    if (images->ptr == NULL) {
        abort();
    }
    plugin_string_dup(&images->ptr[0].root, "boot");
    images->ptr[0].relative = join("image-", release_of(request));
    return true;
}

// Images are made when the package requests one.
bool exports_modsmith_plugin_initrd_when(
    exports_modsmith_plugin_initrd_borrow_image_request_t request, plugin_string_t *rule,
    exports_modsmith_plugin_initrd_error_t *error) {
    (void)request;
    (void)error;
    plugin_string_dup(rule, "when-asked");
    return true;
}

bool exports_modsmith_plugin_initrd_refresh(
    exports_modsmith_plugin_initrd_borrow_image_request_t request,
    exports_modsmith_plugin_initrd_borrow_builder_t plan, exports_modsmith_plugin_initrd_error_t *error) {
    plugin_string_t release = release_of(request);
    plugin_string_t image = join("image-", release);

    bool found;
    if (!exists(&image, &found, error)) {
        return false;
    }
    if (!found) {
        memset(error, 0, sizeof *error);
        error->kind = MODSMITH_PLUGIN_TYPES_ERROR_KIND_UNSUPPORTED;
        error->message = join("there is no boot/", image);
        return false;
    }

    // mkimage -f boot/image-RELEASE RELEASE
    plugin_string_t program;
    plugin_string_set(&program, "mkimage");
    modsmith_plugin_plan_own_command_t command = modsmith_plugin_plan_constructor_command(&program);
    modsmith_plugin_plan_argument_t arguments[3] = {0};
    arguments[0].tag = MODSMITH_PLUGIN_TYPES_ARGUMENT_TEXT;
    plugin_string_set(&arguments[0].val.text, "-f");
    arguments[1].tag = MODSMITH_PLUGIN_TYPES_ARGUMENT_LOCATION;
    plugin_string_set(&arguments[1].val.location.root, "boot");
    arguments[1].val.location.relative = image;
    arguments[2].tag = MODSMITH_PLUGIN_TYPES_ARGUMENT_TEXT;
    arguments[2].val.text = release;
    for (int i = 0; i < 3; i++) {
        modsmith_plugin_plan_method_command_argument(modsmith_plugin_plan_borrow_command(command), &arguments[i]);
    }
    return modsmith_plugin_plan_method_builder_run(plan, command, error);
}
