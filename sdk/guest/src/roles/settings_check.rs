use crate::bindings::settings_check::exports::modsmith::plugin::settings_check as wit;

/// Refuses a bad settings table when the plugin is loaded.
pub trait SettingsCheck {
    /// One sentence per problem.
    fn validate() -> Result<(), Vec<String>>;
}

impl<P: SettingsCheck> wit::Guest for P {
    fn validate() -> Result<(), Vec<String>> {
        crate::panic::enter();
        P::validate()
    }
}
