use crate::Result;
use crate::bindings::settings_check::exports::modsmith::plugin::settings_check as wit;

/// Refuses a bad settings table when the plugin is loaded.
pub trait SettingsCheck {
    /// `invalid`: the problems.
    fn validate() -> Result<()>;
}

impl<P: SettingsCheck> wit::Guest for P {
    fn validate() -> Result<()> {
        crate::panic::enter();
        P::validate()
    }
}
