//! Questions to plugins about the next start, and their answers.

use wasmtime::component::Resource;

use super::CallState;
use super::kept::completes;
use crate::bindings::modsmith::plugin::answers::{HostBootEntry, HostBootMenu};
use crate::bindings::modsmith::plugin::requests::HostBootRequest;
use crate::bindings::modsmith::plugin::types::{Error, Path};
use crate::imports::observed::Observation;
use modsmith_facts::machine::Machine;

type Done = wasmtime::Result<()>;

/// Variables that plugins may read: the begin of their names, and their vendor.
///
/// Source: the Boot Loader Interface; the UEFI specification, 3.3.
const VARIABLES: [(&str, &str); 2] =
    [("Loader", "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"), ("Boot", "8be4df61-93ca-11d2-aa0d-00e098032b8c")];

/// Attributes that variables about the next start have: kept, and there before and after the
/// system has started.
const ATTRIBUTES: u32 = 7;

/// The machine that starts.
pub struct BootRequest {
    pub machine: Machine,
}

/// The answer `boot-entry`, as the plugin gave it.
#[derive(Debug, Clone, Default)]
pub struct BootEntryAnswer {
    pub id: String,
    pub title: String,
    pub image: Option<Path>,
    pub release: Option<String>,
    pub initrds: Vec<Path>,
    pub command_line: Option<String>,
}

/// The entry that starts next, by its id.
#[derive(Debug, Clone)]
pub struct NextAnswer {
    pub id: String,
    pub rule: String,
    pub evidence: String,
}

/// The answer `boot-menu`, as the plugin gave it.
#[derive(Debug, Clone, Default)]
pub struct BootMenuAnswer {
    pub loader: String,
    pub entries: Vec<BootEntryAnswer>,
    pub next: Option<NextAnswer>,
    pub unknown: Option<String>,
    pub in_use: Option<String>,
}

impl HostBootRequest for CallState {
    fn firmware_variable(
        &mut self,
        this: Resource<BootRequest>,
        name: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let is_allowed = |(begin, vendor): &(&str, &str)| {
            name.strip_suffix(vendor).is_some_and(|name| name.starts_with(begin) && name.ends_with('-'))
        };
        if !VARIABLES.iter().any(is_allowed) {
            let message = format!("plugin `{}` named a variable of the firmware that plugins do not read", self.plugin);
            return Ok(Err(Error::denied(message)));
        }
        let value = self.table.get(&this)?.machine.firmware_variable(&name);
        if let Some(value) = &value {
            // The file of the kernel: four bytes of attributes, then the value.
            let file = self.system.root.join("sys/firmware/efi/efivars").join(name);
            let bytes = [&ATTRIBUTES.to_le_bytes()[..], value].concat();
            self.observe(|| Observation::Contents { file, bytes });
        }
        Ok(Ok(value))
    }

    fn drop(&mut self, this: Resource<BootRequest>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostBootEntry for CallState {
    fn new(&mut self, id: String, title: String) -> wasmtime::Result<Resource<BootEntryAnswer>> {
        self.keep(&[&id, &title])?;
        self.push(BootEntryAnswer { id, title, ..BootEntryAnswer::default() })
    }

    completes!(set_image(BootEntryAnswer, at: Path) |answer| answer.image = Some(at));
    completes!(set_release(BootEntryAnswer, release: String) |answer| answer.release = Some(release));
    completes!(add_initrd(BootEntryAnswer, at: Path) |answer| answer.initrds.push(at));
    completes!(set_command_line(BootEntryAnswer, text: String) |answer| answer.command_line = Some(text));

    fn drop(&mut self, this: Resource<BootEntryAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostBootMenu for CallState {
    fn new(&mut self, loader: String) -> wasmtime::Result<Resource<BootMenuAnswer>> {
        self.keep(&[&loader])?;
        self.push(BootMenuAnswer { loader, ..BootMenuAnswer::default() })
    }

    fn add(&mut self, this: Resource<BootMenuAnswer>, entry: Resource<BootEntryAnswer>) -> Done {
        let entry = self.table.delete(entry)?;
        self.table.get_mut(&this)?.entries.push(entry);
        Ok(())
    }

    completes!(set_next(BootMenuAnswer, id: String, rule: String, evidence: String) |answer| answer.next = Some(NextAnswer { id, rule, evidence }));
    completes!(set_unknown(BootMenuAnswer, why: String) |answer| answer.unknown = Some(why));
    completes!(set_in_use(BootMenuAnswer, evidence: String) |answer| answer.in_use = Some(evidence));

    fn drop(&mut self, this: Resource<BootMenuAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}
