use crate::bindings::imports::modsmith::plugin::answers;
use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::kernel_hooks::exports::modsmith::plugin::kernel_hooks as wit;
use crate::{EventRequest, Plan, Result, unsupported};

/// A file in the distribution's package of modsmith that starts the program for an
/// event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFile {
    /// The path of the file, absolute on the target. `@SBINDIR@` and `@LIBDIR@` stand for the directories of
    /// the program and of its files, also in the contents.
    pub path: String,
    /// The contents of the file.
    pub contents: Vec<u8>,
    /// The mode, as in chmod(2).
    pub mode: u32,
}

/// Says what happens when kernels come and go.
pub trait KernelHooks {
    /// Adds the steps that belong to the event, beyond building and removing
    /// modules, which modsmith does itself. Returns the releases of the kernels whose
    /// module directories the steps change.
    fn on_event(request: &EventRequest, plan: &mut Plan) -> Result<Vec<String>> {
        let _ = (request, plan);
        Err(unsupported("it only has hook files"))
    }

    /// Returns the files that the distribution's package ships so that events arrive.
    fn hook_files() -> Result<Vec<HookFile>> {
        Ok(Vec::new())
    }
}

impl HookFile {
    /// Returns a file that is executed.
    pub fn program(path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), contents: contents.into(), mode: 0o755 }
    }

    /// Returns a file that is read.
    pub fn data(path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), contents: contents.into(), mode: 0o644 }
    }
}

impl<P: KernelHooks> wit::Guest for P {
    fn on_event(request: &EventRequest, plan: &Builder) -> Result<Vec<String>> {
        crate::panic::enter();
        P::on_event(request, &mut Plan::new(plan))
    }

    fn hook_files() -> Result<Vec<answers::HookFile>> {
        crate::panic::enter();
        let files = P::hook_files()?;
        Ok(files.iter().map(|file| answers::HookFile::new(&file.path, &file.contents, file.mode)).collect())
    }
}
