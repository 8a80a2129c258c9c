//! The one JSON payload of every request with a body.
//!
//! Stricter than poem-openapi's own: exact media type, bounded size and time, no duplicate members, no deep
//! nesting (400), and every wrong type, missing or unknown member named by its JSON pointer (422). It never
//! echoes a value.

use std::fmt;
use std::time::Duration;

use poem::{Request, RequestBody, Result};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::problem::{Code, FieldError, Problem};

/// Bytes of a body on routes that anyone may call.
pub const MAX_BODY: usize = 16 * 1024;
/// How long a client may take to send a body.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// Arrays and objects within each other at most.
const MAX_DEPTH: usize = 16;

/// A JSON body of at most `MAX` bytes that has exactly the shape of `T`.
pub struct Strict<T, const MAX: usize = MAX_BODY>(pub T);

impl<'a, T: Type + DeserializeOwned, const MAX: usize> ApiExtractor<'a> for Strict<T, MAX> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        if !is_json(request.content_type()) {
            return Err(Problem::new(Code::UnsupportedMediaType).detail("Send application/json.").into());
        }
        let bytes = read(body, MAX).await?;
        Ok(Self(parse(&bytes)?))
    }
}

/// `application/json`, in UTF-8 where a charset is named at all.
pub fn is_json(content_type: Option<&str>) -> bool {
    media_type_is(content_type, "application/json")
}

/// Whether the header names this media type, in UTF-8 where a charset is named at all.
pub fn media_type_is(content_type: Option<&str>, expected: &str) -> bool {
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(expected))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

/// Reads a body of at most `limit` bytes, with a bound on its time too.
pub async fn read(body: &mut RequestBody, limit: usize) -> Result<bytes::Bytes> {
    match tokio::time::timeout(BODY_PATIENCE, body.take()?.into_bytes_limit(limit)).await {
        Ok(bytes) => Ok(bytes?),
        Err(_) => Err(Problem::new(Code::RequestTimeout).into()),
    }
}

/// Well-formedness first (400), then the shape (422).
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = WellFormed { depth: 0 }
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value))
        .map_err(|error| Problem::new(Code::MalformedJson).detail(describe_malformed(&error)))?;
    // serde would fill a struct from an array, member by member.
    if !value.is_object() {
        return Err(Problem::invalid(vec![FieldError::new("", "wrong_type", "must be an object")]));
    }
    serde_path_to_error::deserialize(value).map_err(|error| Problem::invalid(vec![describe_shape(&error)]))
}

/// serde_json's messages may quote the input, so only ours and the place go out.
fn describe_malformed(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let reason = [DUPLICATE, TOO_DEEP].into_iter().find(|known| message.starts_with(known));
    let place = format!("line {}, column {}", error.line(), error.column());
    format!("{} (at {place}).", reason.unwrap_or("It cannot be parsed"))
}

fn describe_shape(error: &serde_path_to_error::Error<serde_json::Error>) -> FieldError {
    let message = error.inner().to_string();
    let mut pointer = pointer(error.path());
    if let Some(field) = quoted_after(&message, "missing field ") {
        pointer = format!("{pointer}/{}", escape(field));
        return FieldError::new(pointer, "required", "is required");
    }
    if let Some(field) = quoted_after(&message, "unknown field ") {
        let member = format!("/{}", escape(field));
        let stem = pointer.strip_suffix(&member).unwrap_or(&pointer).to_owned();
        // Only what could be a member's name is echoed; anything else could be a person's address.
        pointer = if is_name(field) { stem + &member } else { stem };
        return FieldError::new(pointer, "unknown_field", "is not known here");
    }
    let expected = message.rsplit_once("expected ").map_or("another value", |(_, expected)| expected);
    FieldError::new(pointer, "wrong_type", format!("must be {expected}"))
}

/// Whether it looks like the name of a member or a parameter.
pub fn is_name(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn quoted_after<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.split_once('`').map(|(name, _)| name)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escape(key)),
            Segment::Enum { variant } => format!("/{}", escape(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

const DUPLICATE: &str = "A member occurs twice";
const TOO_DEEP: &str = "It is nested too deeply";

/// Any JSON value without duplicate members and not nested too deeply.
#[derive(Clone, Copy)]
struct WellFormed {
    depth: usize,
}

impl WellFormed {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(TOO_DEEP));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for WellFormed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for WellFormed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        email: String,
        #[serde(default)]
        lines: Vec<Line>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        count: u32,
    }

    fn refusal(body: &str) -> (Code, Vec<(String, String)>) {
        let problem = parse::<Order>(body.as_bytes()).expect_err(body);
        let errors = problem.errors().iter().map(|e| (e.pointer.clone(), e.code.clone())).collect();
        (problem.code(), errors)
    }

    fn fault(pointer: &str, code: &str) -> (Code, Vec<(String, String)>) {
        (Code::InvalidRequest, vec![(pointer.to_owned(), code.to_owned())])
    }

    #[test]
    fn a_body_of_the_right_shape_is_taken() {
        let order = parse::<Order>(br#" {"email":"a","lines":[{"count":2}]} "#).unwrap();

        assert_eq!(order, Order { email: "a".into(), lines: vec![Line { count: 2 }] });
    }

    #[test]
    fn what_is_not_well_formed_is_malformed() {
        let deep = format!(r#"{{"email":{}{}}}"#, "[".repeat(16), "]".repeat(16));
        let bodies = ["", "{", "nul", r#"{"email":"a"} x"#, r#"{"email":"a","email":"b"}"#, &deep];

        for body in bodies.into_iter().chain([r#"{"email":"a","x":{"y":1,"y":1}}"#, r#"{"email":"\ud800"}"#])
        {
            assert_eq!(refusal(body), (Code::MalformedJson, vec![]), "{body}");
        }
        assert!(parse::<Order>(b"{\"email\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_wrong_shape_is_named_by_its_pointer() {
        assert_eq!(refusal(r#"["a",[]]"#), fault("", "wrong_type"));
        assert_eq!(refusal("{}"), fault("/email", "required"));
        assert_eq!(refusal("3"), fault("", "wrong_type"));
        assert_eq!(refusal(r#"{"email":["a"]}"#), fault("/email", "wrong_type"));
        assert_eq!(refusal(r#"{"email":"a","x/~y":1}"#), fault("", "unknown_field"));
        assert_eq!(refusal(r#"{"email":"a","redirect":1}"#), fault("/redirect", "unknown_field"));
        assert_eq!(refusal(r#"{"email":"a","ada@example.test":1}"#), fault("", "unknown_field"));
        assert_eq!(
            refusal(r#"{"email":"a","lines":[{"count":1},{"count":"1"}]}"#),
            fault("/lines/1/count", "wrong_type")
        );
        assert_eq!(refusal(r#"{"email":"a","lines":[{}]}"#), fault("/lines/0/count", "required"));
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        assert!(is_json(Some("application/json")));
        assert!(is_json(Some("Application/JSON; charset=\"UTF-8\"")));
        for other in
            [None, Some("text/plain"), Some("application/jsonx"), Some("application/json; charset=latin1")]
        {
            assert!(!is_json(other), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics_and_no_value_is_echoed(noise in ".{0,40}") {
            let body = serde_json::json!({ "email": { "secret-value": noise } }).to_string();

            let problem = parse::<Order>(body.as_bytes()).expect_err("an object is no string");

            prop_assert!(problem.errors().iter().all(|error| !error.message.contains("secret-value")));
            let _ = parse::<Order>(noise.as_bytes());
        }
    }
}
