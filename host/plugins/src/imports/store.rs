//! Questions to plugins about builds elsewhere, and their answers.

use wasmtime::component::Resource;

use super::CallState;
use super::kept::completes;
use crate::bindings::modsmith::plugin::answers::HostStorePlace;
use crate::bindings::modsmith::plugin::requests::HostStoreRequest;

type Done = wasmtime::Result<()>;
type Text = wasmtime::Result<String>;

/// A build that is due, or is there.
#[derive(Debug, Clone)]
pub struct StoreRequest {
    pub purpose: String,
    pub module: String,
    pub version: String,
    pub kernel: String,
    pub arch: String,
    pub identity: String,
}

/// The answer `store-place`, as the plugin gave it.
#[derive(Debug, Clone, Default)]
pub struct StorePlaceAnswer {
    pub kind: String,
    pub address: String,
    pub keys: Vec<String>,
}

impl HostStoreRequest for CallState {
    fn purpose(&mut self, this: Resource<StoreRequest>) -> Text {
        Ok(self.table.get(&this)?.purpose.clone())
    }

    fn module(&mut self, this: Resource<StoreRequest>) -> Text {
        Ok(self.table.get(&this)?.module.clone())
    }

    fn version(&mut self, this: Resource<StoreRequest>) -> Text {
        Ok(self.table.get(&this)?.version.clone())
    }

    fn kernel(&mut self, this: Resource<StoreRequest>) -> Text {
        Ok(self.table.get(&this)?.kernel.clone())
    }

    fn arch(&mut self, this: Resource<StoreRequest>) -> Text {
        Ok(self.table.get(&this)?.arch.clone())
    }

    fn identity(&mut self, this: Resource<StoreRequest>) -> Text {
        Ok(self.table.get(&this)?.identity.clone())
    }

    fn drop(&mut self, this: Resource<StoreRequest>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}

impl HostStorePlace for CallState {
    fn new(&mut self, kind: String, address: String) -> wasmtime::Result<Resource<StorePlaceAnswer>> {
        self.keep(&[&kind, &address])?;
        self.push(StorePlaceAnswer { kind, address, keys: Vec::new() })
    }

    completes!(add_key(StorePlaceAnswer, name: String) |answer| answer.keys.push(name));

    fn drop(&mut self, this: Resource<StorePlaceAnswer>) -> Done {
        self.table.delete(this)?;
        Ok(())
    }
}
