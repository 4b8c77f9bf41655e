//! The signature at the end of a module, as the kernel takes it apart.
//!
//! Source: the kernel's `include/linux/module_signature.h`, `kernel/module/signing.c`
//! and `kernel/module_signature.c` (`mod_check_sig`).

/// The end of a signed module.
const MARK: &[u8] = b"~Module signature appended~\n";

/// `struct module_signature`.
const DESCRIPTION: usize = 12;

/// `PKEY_ID_PKCS7`: the only kind of signature that kernels take since Linux 4.3.
const MESSAGE: u8 = 2;

/// A module with a signature of the right form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature<'m> {
    /// The bytes that were signed.
    pub content: &'m [u8],
    /// The signature itself: a CMS message in DER form.
    pub message: &'m [u8],
}

/// A signature whose description the kernel does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFault {
    /// The signature is no CMS message. The kernel takes the module for unsigned (ENOPKG).
    OtherKind(u8),
    /// Bytes that have to be zero are not, or the lengths are impossible (EBADMSG).
    Malformed,
}

/// The outermost signature of an uncompressed module; `None` for an unsigned one.
///
/// # Errors
/// A description that the kernel does not take.
pub fn signature(module: &[u8]) -> Result<Option<Signature<'_>>, SignatureFault> {
    let Some(rest) = module.strip_suffix(MARK) else { return Ok(None) };
    let malformed = SignatureFault::Malformed;
    let at = rest.len().checked_sub(DESCRIPTION).ok_or(malformed)?;
    let (rest, description) = rest.split_at(at);
    let [algorithm, hash, kind, signer, key, pad @ .., a, b, c, d] = description else { return Err(malformed) };
    let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
    // The kernel refuses a signature in front of which there is nothing.
    let Some(end) = rest.len().checked_sub(length).filter(|end| *end > 0) else { return Err(malformed) };
    if *kind != MESSAGE {
        return Err(SignatureFault::OtherKind(*kind));
    }
    if [algorithm, hash, signer, key].into_iter().chain(pad).any(|byte| *byte != 0) {
        return Err(malformed);
    }
    let (content, message) = rest.split_at(end);
    Ok(Some(Signature { content, message }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(description: [u8; 12]) -> Vec<u8> {
        [b"module".as_slice(), b"message", &description, MARK].concat()
    }

    #[test]
    fn a_signature_is_taken_apart_as_the_kernel_does() {
        let good = signed([0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(signature(&good), Ok(Some(Signature { content: b"module", message: b"message" })));
        assert_eq!(signature(b"module"), Ok(None));
        assert_eq!(signature(&[&good[..], b"\n"].concat()), Ok(None), "the mark has to be the end");
        assert_eq!(signature(&signed([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7])), Err(SignatureFault::OtherKind(1)));
        for bad in [[0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7], [0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 7]] {
            assert_eq!(signature(&signed(bad)), Err(SignatureFault::Malformed));
        }
        assert_eq!(signature(MARK), Err(SignatureFault::Malformed));
        let empty = [b"message".as_slice(), &[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7], MARK].concat();
        assert_eq!(signature(&empty), Err(SignatureFault::Malformed));
        let huge = signed([0, 0, 2, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(signature(&huge), Err(SignatureFault::Malformed));
    }
}
