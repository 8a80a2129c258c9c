//! JSON that means one thing only: duplicate keys are refused, and equal content has equal bytes.
//!
//! serde_json lets the last of duplicate keys win; somebody else's parser may take the first. Depth is
//! limited by serde_json itself (128).

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses a body in which no object names a member twice, at any depth.
pub(super) fn parse(body: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Strict>(body).map(|strict| strict.0)
}

/// Writes an object without white space and with sorted keys, leaving out the named members at the top.
pub(super) fn canonical(object: &Map<String, Value>, without: &[&str]) -> String {
    let mut out = String::new();
    write_object(object.iter().filter(|(key, _)| !without.contains(&key.as_str())), &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => write_object(object.iter(), out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_object<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>, out: &mut String) {
    // Sorted here and not by the map: a feature of serde_json, switched on by any crate, keeps insertion order.
    let mut members: Vec<_> = members.collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (index, (key, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(key.as_str()).to_string());
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate keys")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = access.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(de::Error::custom("duplicate key"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        assert!(parse(br#"{"a":1,"a":1}"#).is_err());
        assert!(parse(br#"{"a":[{"b":null,"\u0062":2}]}"#).is_err());
        assert!(parse(br#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#).is_ok());
    }

    #[test]
    fn nesting_is_limited() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));

        assert!(parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn order_and_white_space_do_not_change_the_canonical_form() {
        let canonical = |text: &str| {
            let value = parse(text.as_bytes()).unwrap();
            canonical(value.as_object().unwrap(), &["signature"])
        };

        let expected = r#"{"a":[1,2.5,{"x":null,"y":"\n\"é"}],"b":true}"#;

        assert_eq!(canonical(r#"{"b":true,"signature":{},"a":[1,2.5,{"y":"\n\"é","x":null}]}"#), expected);
        assert_eq!(
            canonical("{ \"a\" : [1, 2.50, {\"x\":null,\n\"y\":\"\\n\\\"\\u00e9\"}], \"b\":true }"),
            expected
        );
    }
}
