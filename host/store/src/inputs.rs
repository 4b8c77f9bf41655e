//! The inputs of a product, as ordered trees of texts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use crate::digest::Identity;

/// A text, such as a digest, or several values by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Text(String),
    Tree(BTreeMap<String, Value>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(values: I) -> Self {
        Self::Tree(values.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// All that a product is made from, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inputs(BTreeMap<String, Value>);

/// An input that two products do not have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The names of the input, outermost first.
    pub input: Vec<String>,
    /// `None`: the first one does not have it.
    pub first: Option<String>,
    pub second: Option<String>,
}

impl Inputs {
    /// Adds an input; one of the same name is replaced.
    pub fn insert(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The inputs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// An input by its name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Canonical JSON: names in the order of their bytes, no blanks, all values objects or strings.
    ///
    /// Source: RFC 8785, of which this is what texts and objects need.
    pub fn canonical(&self) -> Vec<u8> {
        // A map of texts always has a form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The digest of the canonical form.
    pub fn identity(&self) -> Identity {
        Identity::of(&self.canonical())
    }

    /// The inputs that differ, in order; empty for the same identity.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        compare(&self.0, &other.0, &mut Vec::new(), &mut found);
        found
    }
}

type Tree = BTreeMap<String, Value>;

fn compare(first: &Tree, second: &Tree, above: &mut Vec<String>, found: &mut Vec<Difference>) {
    let mut all: BTreeMap<&String, (Option<&Value>, Option<&Value>)> =
        first.iter().map(|(name, value)| (name, (Some(value), None))).collect();
    for (name, value) in second {
        match all.entry(name) {
            Entry::Occupied(mut known) => known.get_mut().1 = Some(value),
            Entry::Vacant(new) => drop(new.insert((None, Some(value)))),
        }
    }
    for (name, (first, second)) in all.into_iter().filter(|(_, (first, second))| first != second) {
        above.push(name.clone());
        let text = |value: Option<&Value>| match value {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        if text(first).is_some() || text(second).is_some() {
            found.push(Difference { input: above.clone(), first: text(first), second: text(second) });
        }
        let none = Tree::new();
        let tree = |value: Option<&'_ Value>| match value {
            Some(Value::Tree(tree)) => tree.clone(),
            _ => none.clone(),
        };
        compare(&tree(first), &tree(second), above, found);
        above.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inputs(list: &[(&str, Value)]) -> Inputs {
        let mut inputs = Inputs::default();
        list.iter().for_each(|(name, value)| inputs.insert(name, value.clone()));
        inputs
    }

    #[test]
    fn the_canonical_form_does_not_depend_on_the_order_in_which_inputs_are_added() {
        let tree: Value = [("z", "1"), ("a", "\"\n")].into_iter().collect();
        let one = inputs(&[("b", "x".into()), ("a", tree.clone())]);
        let other = inputs(&[("a", tree), ("b", "x".into())]);
        assert_eq!(String::from_utf8(one.canonical()).unwrap(), r#"{"a":{"a":"\"\n","z":"1"},"b":"x"}"#);
        assert_eq!(one.identity(), other.identity());
    }

    #[test]
    fn differences_name_each_input_that_is_not_the_same() {
        let tree = |list: &[(&str, &str)]| -> Value { list.iter().copied().collect() };
        let first = inputs(&[("kernel", "6.1".into()), ("source", tree(&[("a.c", "1"), ("b.c", "2")]))]);
        let second =
            inputs(&[("source", tree(&[("a.c", "9"), ("c.c", "3")])), ("extra", "x".into()), ("kernel", "6.1".into())]);
        let shown: Vec<String> = first
            .differences(&second)
            .into_iter()
            .map(|d| format!("{} {:?} {:?}", d.input.join("/"), d.first, d.second))
            .collect();
        assert_eq!(
            shown,
            [
                "extra None Some(\"x\")",
                "source/a.c Some(\"1\") Some(\"9\")",
                "source/b.c Some(\"2\") None",
                "source/c.c None Some(\"3\")"
            ]
        );
        assert_eq!(first.differences(&first), []);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = any::<String>().prop_map(Value::Text);
        leaf.prop_recursive(3, 24, 4, |inner| {
            proptest::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::Tree)
        })
    }

    proptest! {
        /// Two lists of inputs have one identity only if they are the same, and what is read back is what was written.
        #[test]
        fn identities_tell_inputs_apart(one in proptest::collection::btree_map(any::<String>(), values(), 0..4),
                                        other in proptest::collection::btree_map(any::<String>(), values(), 0..4)) {
            let (one, other) = (Inputs(one), Inputs(other));
            prop_assert_eq!(one == other, one.identity() == other.identity());
            let back: Inputs = serde_json::from_slice(&one.canonical()).unwrap();
            prop_assert_eq!(&back, &one);
            prop_assert!(one.differences(&one).is_empty());
        }
    }
}
