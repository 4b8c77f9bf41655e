//! Host side of the plugin interface, generated from its WIT.

wasmtime::component::bindgen!({
    path: "../wit/v0.1",
    world: "all-roles",
    imports: { default: trappable },
    with: {
        "modsmith:plugin/system.dir": super::imports::Dir,
        "modsmith:plugin/context.kernel": super::imports::KernelFacts,
        "modsmith:plugin/context.module-package": super::imports::ModulePackage,
        "modsmith:plugin/plan.builder": super::imports::Draft,
    },
});
