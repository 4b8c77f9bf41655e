//! Makes boot images with mkimage.
//!
//! build/bindings/plugin.h declares and describes all functions; build.sh generates the file,
//! and translates it to build/bindings/plugin.zig.

const std = @import("std");
const api = @import("bindings");

/// A plugin that panics is a crash; the host reports it.
pub const panic = std.debug.no_panic;

const Request = api.exports_modsmith_plugin_initrd_borrow_image_request_t;
const Images = api.exports_modsmith_plugin_initrd_list_path_t;
const Plan = api.exports_modsmith_plugin_initrd_borrow_builder_t;
const Error = api.exports_modsmith_plugin_initrd_error_t;
const Text = api.plugin_string_t;

/// A text that the host or the bindings only read.
fn constant(comptime text: [:0]const u8) Text {
    var result: Text = undefined;
    api.plugin_string_set(&result, text);
    return result;
}

/// A text and another one after it.
fn join(first: []const u8, second: Text) Text {
    const parts = [_][]const u8{ first, second.ptr[0..second.len] };
    const joined = std.mem.concat(std.heap.c_allocator, u8, &parts) catch @trap();
    return .{ .ptr = joined.ptr, .len = joined.len };
}

/// Looks for a file in the boot directory; `null` for an error.
fn exists(name: *Text, failure: *Error) ?bool {
    var root = constant("boot");
    var boot: api.modsmith_plugin_system_own_dir_t = undefined;
    if (!api.modsmith_plugin_system_open_dir(&root, &boot, failure)) return null;
    defer api.modsmith_plugin_system_dir_drop_own(boot);
    var kind: api.modsmith_plugin_system_option_entry_kind_t = undefined;
    const borrowed = api.modsmith_plugin_system_borrow_dir(boot);
    if (!api.modsmith_plugin_system_method_dir_kind(borrowed, name, &kind, failure)) return null;
    return kind.is_some;
}

/// The release of the kernel that a request concerns.
fn releaseOf(request: Request) Text {
    const kernel = api.modsmith_plugin_requests_method_image_request_kernel(request);
    defer api.modsmith_plugin_context_kernel_drop_own(kernel);
    var release: Text = undefined;
    api.modsmith_plugin_context_method_kernel_release(api.modsmith_plugin_context_borrow_kernel(kernel), &release);
    return release;
}

export fn exports_modsmith_plugin_initrd_images(request: Request, images: *Images, _: *Error) bool {
    const list = std.heap.c_allocator.alloc(api.exports_modsmith_plugin_initrd_path_t, 1) catch
        @trap();
    // A copy, because the caller frees the text.
    api.plugin_string_dup(&list[0].root, "boot");
    list[0].relative = join("image-", releaseOf(request));
    images.* = .{ .ptr = list.ptr, .len = list.len };
    return true;
}

/// Images are made when the package requests one.
export fn exports_modsmith_plugin_initrd_when(_: Request, rule: *Text, _: *Error) bool {
    api.plugin_string_dup(rule, "when-asked");
    return true;
}

export fn exports_modsmith_plugin_initrd_refresh(request: Request, plan: Plan, failure: *Error) bool {
    const release = releaseOf(request);
    var image = join("image-", release);
    const found = exists(&image, failure) orelse return false;
    if (!found) {
        failure.* = .{
            .kind = api.MODSMITH_PLUGIN_TYPES_ERROR_KIND_UNSUPPORTED,
            .message = join("there is no boot/", image),
        };
        return false;
    }

    // mkimage -f boot/image-RELEASE RELEASE
    var program = constant("mkimage");
    const command = api.modsmith_plugin_plan_constructor_command(&program);
    var arguments = [_]api.modsmith_plugin_plan_argument_t{
        .{ .tag = api.MODSMITH_PLUGIN_TYPES_ARGUMENT_TEXT, .val = .{ .text = constant("-f") } },
        .{
            .tag = api.MODSMITH_PLUGIN_TYPES_ARGUMENT_LOCATION,
            .val = .{ .location = .{ .root = constant("boot"), .relative = image } },
        },
        .{ .tag = api.MODSMITH_PLUGIN_TYPES_ARGUMENT_TEXT, .val = .{ .text = release } },
    };
    for (&arguments) |*argument| {
        api.modsmith_plugin_plan_method_command_argument(api.modsmith_plugin_plan_borrow_command(command), argument);
    }
    return api.modsmith_plugin_plan_method_builder_run(plan, command, failure);
}
