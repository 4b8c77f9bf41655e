//! The size of a type, from the kernel's BPF type format.
//!
//! Source: the kernel's `Documentation/bpf/btf.rst` and `include/uapi/linux/btf.h`.

const MAGIC: u16 = 0xeb9f;

/// Kinds of types, as far as they are told apart here.
const STRUCT: u32 = 4;

/// The size, in bytes, of the structure of a name in a little-endian `.BTF` section
/// that is complete in itself.
///
/// `None` where there is no such structure, several of different sizes, or where the
/// section is damaged.
pub fn struct_size(btf: &[u8], name: &str) -> Option<u64> {
    let word = |offset: usize| Some(u32::from_le_bytes(*btf.get(offset..)?.first_chunk()?));
    if btf.get(..2)? != MAGIC.to_le_bytes() {
        return None;
    }
    let [header, types, types_length, strings, strings_length] =
        [4, 8, 12, 16, 20].map(|offset| word(offset).map(|value| value as usize));
    let section = |offset: usize, length: usize| {
        let start = header?.checked_add(offset)?;
        btf.get(start..start.checked_add(length)?)
    };
    let types = section(types?, types_length?)?;
    let strings = section(strings?, strings_length?)?;
    let is_name = |offset: u32| {
        let rest = strings.get(offset as usize..).unwrap_or_default();
        rest.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    };
    let mut found = None;
    let mut at = 0_usize;
    while let Some(entry) = types.get(at..).and_then(|rest| rest.first_chunk::<12>()) {
        let field =
            |index: usize| u32::from_le_bytes([entry[index], entry[index + 1], entry[index + 2], entry[index + 3]]);
        let (name_offset, info, size) = (field(0), field(4), field(8));
        let (kind, members) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        if kind == STRUCT && is_name(name_offset) {
            let size = u64::from(size);
            if found.is_some_and(|known| known != size) {
                return None;
            }
            found = Some(size);
        }
        at += 12 + trailing(kind, members)?;
    }
    found
}

/// The bytes that follow a type's entry; `None` for a kind that is not known.
fn trailing(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        // Pointers, forward declarations, typedefs, qualifiers, functions, floats, type tags.
        2 | 7..=12 | 16 | 18 => 0,
        // Integers, variables, declaration tags.
        1 | 14 | 17 => 4,
        // Arrays.
        3 => 12,
        // Structures, unions, sections, enumerations of 64 bits.
        4 | 5 | 15 | 19 => members * 12,
        // Enumerations, prototypes.
        6 | 13 => members * 8,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn btf(types: &[u32]) -> Vec<u8> {
        let strings = b"\0module\0modules\0";
        let types: Vec<u8> = types.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut out = MAGIC.to_le_bytes().to_vec();
        out.extend([1, 0]);
        for word in [24, 0, types.len(), types.len(), strings.len()] {
            out.extend(u32::try_from(word).unwrap().to_le_bytes());
        }
        out.extend(types);
        out.extend(strings);
        out
    }

    #[test]
    fn a_structure_is_found_by_its_whole_name() {
        let int = [0, 1 << 24, 4, 32];
        let modules = [8, STRUCT << 24, 7];
        let module = [1, STRUCT << 24 | 1, 0x500, 0, 1, 0];
        let all: Vec<u32> = [&int[..], &modules, &module].concat();
        assert_eq!(struct_size(&btf(&all), "module"), Some(0x500));
        assert_eq!(struct_size(&btf(&all), "mod"), None);
        let twice: Vec<u32> = [&all[..], &[1, STRUCT << 24, 0x380]].concat();
        assert_eq!(struct_size(&btf(&twice), "module"), None, "two of different sizes");
        for length in 0..btf(&all).len() {
            // Cut short, it is read to its end or not at all.
            let _ = struct_size(&btf(&all)[..length], "module");
        }
    }
}
