//! What a mail template needs: its `template.toml`, checked before anything is rendered.
//!
//! Tells keys and kinds, never a value.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::defuse;
use super::fault::TemplateFault;

/// The file's name, beside the parts of the template.
pub(super) const MANIFEST: &str = "template.toml";
/// Characters of a value at most; what is longer was not meant for a mail.
const LONGEST: usize = 4_000;

/// A mail that can be made: what it is for, and what it needs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailTemplate {
    /// Such as `password-reset`: the name of its folder.
    #[serde(skip)]
    pub name: String,
    /// What it is for, in one sentence.
    pub description: String,
    /// The values that it takes, by their keys.
    #[serde(default)]
    pub data: BTreeMap<String, DataKey>,
}

/// A value that a template takes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataKey {
    /// What it is.
    pub about: String,
    /// Of what kind.
    #[serde(default)]
    pub kind: DataKind,
    /// Whether the mail can be made without it.
    #[serde(default)]
    pub optional: bool,
    /// An example, for previews and for the checks at the start.
    pub sample: Value,
}

/// What a value is, and so how it is made harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// One line of text.
    #[default]
    Text,
    /// A person's name. Whatever could become a link, markup or a placeholder is taken out of it; if nothing is
    /// left, there is no name.
    Name,
    /// A URL: https, or http on this machine.
    Url,
    /// A link with a token to a page of ours. The program makes it; nobody can give one.
    Link,
    /// An instant, RFC 3339.
    Moment,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// Several values, or objects of values. Every text in them becomes one line.
    List,
}

/// Why a mail cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No template has this name.
    #[error("there is no template {name}")]
    UnknownTemplate {
        /// As asked for.
        name: String,
        /// The template that was probably meant.
        guess: Option<String>,
    },
    /// It carries a link that only the program can make.
    #[error("the template {name} carries a link that only the program can make")]
    NotSendable {
        /// As asked for.
        name: String,
    },
    /// Its data do not fit.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Data(Vec<DataFault>),
}

/// What is wrong with one key of a template's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {message}")]
pub struct DataFault {
    /// The key.
    pub key: String,
    /// `missing`, `unknown` or `invalid`.
    pub code: &'static str,
    /// The same for people.
    pub message: String,
}

impl MailTemplate {
    /// Reads a `template.toml`.
    pub(super) fn parse(name: &str, path: &str, source: &str) -> Result<Self, Vec<TemplateFault>> {
        let template: Self = toml::from_str(source).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            vec![TemplateFault::at(path, source, at, error.message())]
        })?;
        let wrong = template.data.iter().filter_map(|(key, data)| {
            let message = format!("the sample of {key} {}", data.kind.complaint(&data.sample)?);
            let at = source.find(&format!("data.{key}")).unwrap_or(0);
            Some(TemplateFault::at(path, source, at, message))
        });
        let faults: Vec<_> = wrong.collect();
        if faults.is_empty() { Ok(Self { name: name.to_owned(), ..template }) } else { Err(faults) }
    }

    /// Whether it can be asked for: its values can all be given.
    pub fn is_sendable(&self) -> bool {
        self.data.values().all(|key| key.kind != DataKind::Link)
    }

    /// The samples; `complete` with those that are optional.
    pub fn samples(&self, complete: bool) -> Map<String, Value> {
        let keys = self.data.iter().filter(|(_, key)| complete || !key.optional);
        keys.map(|(name, key)| (name.clone(), key.sample.clone())).collect()
    }

    /// What is missing, of the wrong kind, or not known here.
    pub(super) fn check(&self, data: &Map<String, Value>) -> Vec<DataFault> {
        let fault = |key: &str, code, message: String| DataFault { key: key.to_owned(), code, message };
        let mut faults = self.incomplete(data);
        faults.extend(data.keys().filter(|key| !self.data.contains_key(*key)).map(|key| {
            let known: Vec<_> = self.data.keys().map(String::as_str).collect();
            fault(key, "unknown", format!("is not used by this template; it takes {}", known.join(", ")))
        }));
        faults
    }

    /// What is missing or of the wrong kind.
    pub(super) fn incomplete(&self, data: &Map<String, Value>) -> Vec<DataFault> {
        let fault = |key: &str, code, message: &str| DataFault {
            key: key.to_owned(),
            code,
            message: message.to_owned(),
        };
        let faults = self.data.iter().filter_map(|(name, key)| match data.get(name) {
            None | Some(Value::Null) if key.optional => None,
            None | Some(Value::Null) => Some(fault(name, "missing", "is missing")),
            Some(value) => Some(fault(name, "invalid", key.kind.complaint(value)?)),
        });
        faults.collect()
    }

    /// The data made harmless, with nothing in place of what is optional and absent. What the template does not
    /// know is left out.
    pub(super) fn defused(&self, mut data: Map<String, Value>) -> Map<String, Value> {
        let defused = self.data.iter().map(|(name, key)| {
            let value = data.remove(name).unwrap_or_default();
            (name.clone(), key.kind.defused(value))
        });
        defused.collect()
    }
}

impl DataKind {
    /// What is wrong with a value of this kind.
    fn complaint(self, value: &Value) -> Option<&'static str> {
        let text = value.as_str();
        if text.is_some_and(|text| text.chars().count() > LONGEST) {
            return Some("is too long");
        }
        let fits = match self {
            Self::Text | Self::Name | Self::Link => text.is_some(),
            Self::Url => text.is_some_and(|text| web_url(text).is_some()),
            Self::Moment => text.is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok()),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::List => value.is_array(),
        };
        let complaint = match self {
            Self::Text | Self::Name | Self::Link => "must be a text",
            Self::Url => "must be an https URL",
            Self::Moment => "must be an instant such as 2026-11-20T12:27:00Z",
            Self::Number => "must be a number",
            Self::Flag => "must be true or false",
            Self::List => "must be a list",
        };
        (!fits).then_some(complaint)
    }

    fn defused(self, value: Value) -> Value {
        match (self, value) {
            (Self::Name, Value::String(text)) => defuse::name(&text).into(),
            (Self::Url, Value::String(text)) => web_url(&text).map_or(Value::Null, Value::String),
            (Self::Link, link) => link,
            (_, value) => defuse::lines(value),
        }
    }
}

/// The URL in its ASCII form. A percent sign stands before two digits only, so that no two of them make a
/// placeholder of the provider's.
fn web_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let is_bare = url.username().is_empty() && url.password().is_none();
    let is_plain = !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    let is_encoded = url
        .as_str()
        .split('%')
        .skip(1)
        .all(|rest| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2);
    let is_web = url.scheme() == "https" || (url.scheme() == "http" && is_local);
    (is_web && is_bare && is_plain && is_encoded).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SOURCE: &str = r#"
description = "An order was sent."

[data.name]
about = "Who ordered."
kind = "name"
optional = true
sample = "Ada"

[data.url]
about = "Where it is."
kind = "url"
sample = "https://shop.test/a%20b"

[data.items]
about = "What was ordered."
kind = "list"
sample = [{ title = "A lamp", count = 2 }]
"#;

    fn template() -> MailTemplate {
        MailTemplate::parse("order-sent", "template.toml", SOURCE).unwrap()
    }

    fn data(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn faults(value: Value) -> Vec<String> {
        template().check(&data(value)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn its_own_samples_fit() {
        assert!(template().check(&template().samples(true)).is_empty());
        assert!(template().check(&template().samples(false)).is_empty());
        assert!(template().is_sendable());
    }

    #[test]
    fn everything_that_does_not_fit_is_told_by_its_key_and_never_by_its_value() {
        let told = faults(json!({ "name": 7, "url": "javascript:secret", "itmes": ["secret"] }));

        assert_eq!(
            told,
            [
                "items is missing",
                "name must be a text",
                "url must be an https URL",
                "itmes is not used by this template; it takes items, name, url"
            ]
        );
    }

    #[test]
    fn nothing_in_place_of_a_required_value_is_a_missing_one() {
        assert_eq!(faults(json!({ "name": null, "url": null, "items": [] })), ["url is missing"]);
    }

    #[test]
    fn a_url_cannot_carry_a_placeholder_or_leave_its_kind() {
        for text in [
            "https://a.test/?x=%recipient%",
            "https://a.test/%2",
            "http://a.test/",
            "https://u:p@a.test/",
            "https://a.test/\nb",
        ] {
            assert_eq!(web_url(text), None, "{text}");
        }
        assert_eq!(web_url("https://bücher.test/ä").as_deref(), Some("https://xn--bcher-kva.test/%C3%A4"));
        assert!(web_url("http://localhost:3000/x").is_some());
    }

    #[test]
    fn values_are_made_harmless_by_their_kind_at_any_depth() {
        let hostile = json!({
            "name": "<b>www.evil.test</b>",
            "url": "https://a.test/%41",
            "items": [{ "title": "a\r\nBcc: %recipient%", "count": 2 }],
            "other": 1,
        });

        let defused = Value::Object(template().defused(data(hostile)));

        let expected = json!({
            "name": "bwww. evil. testb",
            "url": "https://a.test/%41",
            "items": [{ "title": "a Bcc: \u{ff05}recipient\u{ff05}", "count": 2 }],
        });
        assert_eq!(defused, expected);
    }

    #[test]
    fn a_faulty_manifest_is_told_with_its_place() {
        let faults = |source: &str| MailTemplate::parse("x", "t.toml", source).unwrap_err()[0].to_string();

        assert!(faults("description = 7\n").starts_with("t.toml:1:15: "), "{}", faults("description = 7\n"));
        let wrong = SOURCE.replace("\"url\"", "\"moment\"");
        assert_eq!(
            faults(&wrong),
            "t.toml:10:2: the sample of url must be an instant such as 2026-11-20T12:27:00Z"
        );
        assert!(faults(&SOURCE.replace("about = \"Where it is.\"\n", "")).contains("about"));
    }
}
