//! What a package's dkms.conf gives cause to say, each sentence once.

use std::sync::PoisonError;

use crate::conf::{Evaluated, PackageConf};
use crate::flow::Session;

impl Session<'_> {
    /// Says what was noticed while a dkms.conf was validated.
    pub(super) fn notices(&self, conf: &PackageConf) {
        conf.notices.iter().for_each(|text| self.notice_once(&conf.evaluated, text));
    }

    /// Says something about a package's dkms.conf. An invocation evaluates the file
    /// several times, first where the user named it and then where it is
    /// registered: a sentence that differs in nothing but that path is said the
    /// first time only.
    pub(super) fn notice_once(&self, of: &Evaluated, text: &str) {
        let word = |name: &str| of.get(name, 0).unwrap_or_default().to_owned();
        let without_path = text.replace(&of.file.display().to_string(), "dkms.conf");
        let key = vec![word("PACKAGE_NAME"), word("PACKAGE_VERSION"), without_path];
        let said = &self.shared.said_of_packages;
        if said.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            self.reporter.notice(text);
        }
    }
}
