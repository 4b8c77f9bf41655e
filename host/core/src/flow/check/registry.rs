//! Every check, by the number of its state.

use super::problem::Check;
use super::{
    boot, builds, duplicates, findings, index, installed, kernels, links, loadable, originals, products, signatures,
    sources,
};

/// The checks.
pub static CHECKS: &[&Check] = &[
    &sources::SOURCE_LOST,
    &products::INCOMPLETE,
    &builds::LEFTOVER_BUILD,
    &installed::DIFFERS,
    &installed::MISSING,
    &loadable::OTHER_BUILD,
    &loadable::OTHER_KERNEL,
    &kernels::ORPHANED,
    &originals::NOT_RESTORED,
    &duplicates::DUPLICATE,
    &loadable::UNREADABLE,
    &links::WEAK,
    &duplicates::SEVERAL_VERSIONS,
    &kernels::NOT_INSTALLED,
    &signatures::SIGNATURE,
    &loadable::DRIFTED,
    &boot::IMAGE_OLDER,
    &index::NOT_INDEXED,
    &boot::UNFINISHED,
    &sources::EMPTY,
    &builds::FAILED_UNRECORDED,
    &sources::NAME_DIFFERS,
    &links::ACTIVE,
    &loadable::REFUSED,
    &installed::WRITABLE,
    &sources::WRITABLE,
    &findings::PLUGIN_FINDING,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CHECKS;

    #[test]
    fn each_check_has_a_name_of_its_own_and_each_state_a_check() {
        let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(names.len(), CHECKS.len());
        let states: BTreeSet<u8> = CHECKS.iter().map(|check| check.state).collect();
        assert_eq!(states, (1..=25).collect());
        assert!(CHECKS.iter().all(|check| !check.title.is_empty()));
    }
}
