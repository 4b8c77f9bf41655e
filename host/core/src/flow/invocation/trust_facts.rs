//! What the firmware and the running kernel say about keys.

use std::collections::BTreeMap;
use std::path::Path;

use modsmith_facts::efi::{Firmware, Store};
use modsmith_facts::inside;
use modsmith_facts::keyrings::Keyrings;
use modsmith_verify::{Fact, FirmwareFacts, RunningFacts};

/// What the firmware of the machine says whose `/sys` is below a root.
pub(crate) fn firmware_facts(root: &Path) -> FirmwareFacts {
    let firmware = Firmware::of(root);
    let secure_boot = firmware.secure_boot().map(|state| (state.is_on, state.evidence));
    let store =
        |store| (store, fact(firmware.store(store).map(|contents| (contents.entries, contents.source.to_owned()))));
    FirmwareFacts {
        secure_boot: fact(secure_boot),
        is_owner_trusted: fact(firmware.is_owner_trusted().map(|trusted| (trusted, "MokListTrustedRT".to_owned()))),
        stores: Store::ALL.into_iter().map(store).collect(),
    }
}

fn fact<T>(read: Result<(T, String), String>) -> Fact<T> {
    match read {
        Ok((value, source)) => Fact::known(value, source),
        Err(why) => Fact::unknown(why),
    }
}

/// What the kernel that runs says of itself.
pub(crate) fn running_facts(keyrings: &Result<Keyrings, String>) -> RunningFacts {
    RunningFacts {
        rings: rings(keyrings),
        forbidden: keyrings.as_ref().map(|keyrings| keyrings.forbidden.clone()).unwrap_or_default(),
        enforced: word_of("/sys/module/module/parameters/sig_enforce", |text| Some(text.trim() == "Y")),
        lockdown: word_of("/sys/kernel/security/lockdown", |text| {
            Some(text.split_once('[')?.1.split_once(']')?.0.to_owned())
        }),
    }
}

fn rings(keyrings: &Result<Keyrings, String>) -> Fact<BTreeMap<String, std::collections::BTreeSet<String>>> {
    let rings = keyrings.as_ref().map_err(Clone::clone).and_then(|keyrings| {
        let ring = |(name, keys): (&String, &Result<Vec<_>, String>)| match keys {
            Ok(keys) => {
                Ok((name.clone(), keys.iter().map(|key: &modsmith_facts::keyrings::RingKey| key.id.clone()).collect()))
            }
            Err(why) => Err(format!("{name}: {why}")),
        };
        keyrings.rings.iter().map(ring).collect::<Result<BTreeMap<_, _>, _>>()
    });
    fact(rings.map(|rings| (rings, "/proc/keys".to_owned())))
}

/// A file of the running kernel's that says one thing.
fn word_of<T>(file: &str, read: impl FnOnce(&str) -> Option<T>) -> Fact<T> {
    match inside::read_configuration_text(Path::new(file)) {
        Err(error) => Fact::unknown(format!("{file} cannot be read: {error}")),
        Ok(text) => match read(&text) {
            Some(value) => Fact::known(value, file),
            None => Fact::unknown(format!("{file} does not say")),
        },
    }
}
