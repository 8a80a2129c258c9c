//! What identifies a person, or is secret, inside an event.
//!
//! The domain works with the value; the log seals it on the way in and opens it on the way out, under a
//! data key of its own. When that key has been erased the value is `Erased`, and the stream still loads.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The member name by which the log finds what it must seal. Reserved: no event may use it otherwise.
pub const SEAL_MEMBER: &str = "$seal";

/// A value that is stored sealed, or that can no longer be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed<T> {
    /// The value, readable because its data key still exists.
    Known(T),
    /// The data key was erased; the value is gone for good.
    Erased,
}

impl<T> Sealed<T> {
    /// The value, if it was not erased.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }
}

impl<T> From<T> for Sealed<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

#[derive(Serialize)]
struct Marked<'a, T> {
    #[serde(rename = "$seal")]
    value: Option<&'a T>,
}

#[derive(Deserialize)]
struct MarkedOwned<T> {
    #[serde(rename = "$seal")]
    value: Option<T>,
}

impl<T: Serialize> Serialize for Sealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Marked { value: self.known() }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let marked = MarkedOwned::deserialize(deserializer)
            .map_err(|error| de::Error::custom(format!("sealed value: {error}")))?;
        Ok(marked.value.map_or(Self::Erased, Self::Known))
    }
}
