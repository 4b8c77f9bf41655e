//! Notices about a package's dkms.conf, each printed once.

use crate::conf::PackageConf;
use crate::flow::Invocation;

/// Says what was noticed while a dkms.conf was validated.
pub(crate) fn notices(run: &Invocation<'_>, conf: &PackageConf) {
    conf.notices.iter().for_each(|text| run.facts.notice_once(&conf.evaluated, text, &run.runner.reporter));
}
