use crate::bindings::imports::modsmith::plugin::answers;
use crate::bindings::imports::modsmith::plugin::plan::Builder;
use crate::bindings::signer::exports::modsmith::plugin::signer as wit;
use crate::{Argument, KeyRequest, Plan, Result, SignRequest};

/// The program and the key of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// The program that signs, or the plugin's name where modsmith signs for it.
    pub program: Argument,
    /// `None` where the program alone knows it.
    pub key: Option<Argument>,
    /// `None` where the program alone knows it.
    pub certificate: Option<Argument>,
    /// The digest, as the kernel's configuration names it: `sha256`. `None` if only the program
    /// knows it. `None` together with a key means that the configuration names no digest: the pair
    /// is prepared, and nothing is signed for that kernel.
    pub digest: Option<String>,
}

/// Whether this machine's kernel would load a module with the signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnrolmentStatus {
    /// Whether the kernel would load the module. `None`: that is unknown.
    pub accepted: Option<bool>,
    /// Sentences for the administrator: the reason, then what to do.
    pub advice: Vec<String>,
}

/// Signs module files.
pub trait Signer {
    /// Chooses program and keys, and adds the steps that make a key pair where
    /// there is none. Never overwrites a half that exists. `unsupported` asks the
    /// next signer; its reason, unless it is empty, is shown to the user when no
    /// other signs.
    fn prepare(request: &KeyRequest, plan: &mut Plan) -> Result<Signing>;

    /// Adds the step that signs one file in place. Runs after `prepare`, perhaps
    /// before its steps: a pair that it plans to make does not exist yet.
    fn sign(request: &SignRequest, plan: &mut Plan) -> Result<()>;

    /// Returns whether this machine's kernel would load a module with the signature, and what an
    /// administrator has to do if it would not. `unsupported` where `prepare` is.
    fn status(request: &KeyRequest) -> Result<EnrolmentStatus>;
}

impl<P: Signer> wit::Guest for P {
    fn prepare(request: &KeyRequest, plan: &Builder) -> Result<answers::Signing> {
        crate::panic::enter();
        let Signing { program, key, certificate, digest } = P::prepare(request, &mut Plan::new(plan))?;
        let answer = answers::Signing::new(&program);
        key.iter().for_each(|key| answer.set_key(key));
        certificate.iter().for_each(|certificate| answer.set_certificate(certificate));
        digest.iter().for_each(|digest| answer.set_digest(digest));
        Ok(answer)
    }

    fn sign(request: &SignRequest, plan: &Builder) -> Result<()> {
        crate::panic::enter();
        P::sign(request, &mut Plan::new(plan))
    }

    fn status(request: &KeyRequest) -> Result<answers::Enrolment> {
        crate::panic::enter();
        let EnrolmentStatus { accepted, advice } = P::status(request)?;
        let answer = answers::Enrolment::new();
        accepted.iter().for_each(|accepted| answer.set_accepted(*accepted));
        advice.iter().for_each(|sentence| answer.advise(sentence));
        Ok(answer)
    }
}
