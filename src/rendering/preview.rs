//! A mail as it was sent, for somebody who must not be able to use it: links lead nowhere, and whatever names a person
//! is masked.

use serde_json::{Map, Value};

use super::manifest::{DataKind, MailTemplate};
use super::{Mail, RenderError, Renderer};
use crate::domain::bounce::mask;

/// What stands in a link where its token was.
const HIDDEN: &str = "?token=hidden";

impl Renderer {
    /// The mail of this name with these data, masked. What the program adds while a mail is made, such as its link, is
    /// made up.
    pub fn masked(
        &self,
        template: &str,
        locale: Option<&str>,
        data: &Map<String, Value>,
    ) -> Result<Mail, RenderError> {
        let known =
            self.template(template).ok_or_else(|| RenderError::UnknownTemplate(template.to_owned()))?;
        self.mail(template, locale, self.without_persons(known, data))
    }

    fn without_persons(&self, template: &MailTemplate, data: &Map<String, Value>) -> Map<String, Value> {
        let samples = self.samples(template, false);
        let values = template.data.iter().filter_map(|(name, key)| {
            let given = data.get(name).filter(|value| !value.is_null());
            let value = match (key.kind, given) {
                (DataKind::Link, _) => hidden(samples.get(name)?).into(),
                (DataKind::Name, Some(Value::String(text))) => initial(text).into(),
                (_, Some(value)) => masked(value),
                (_, None) => samples.get(name)?.clone(),
            };
            Some((name.clone(), value))
        });
        values.collect()
    }
}

/// The page that a link leads to, without its token.
fn hidden(sample: &Value) -> String {
    let link = sample.as_str().unwrap_or_default();
    let page = link.split_once('?').map_or(link, |(page, _)| page);
    format!("{page}{HIDDEN}")
}

fn initial(name: &str) -> String {
    name.chars().next().map(|first| format!("{first}.")).unwrap_or_default()
}

fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains(['@', '\u{ff20}']) => mask(text).into(),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(members) => {
            let masked = members.iter().map(|(name, value)| (name.clone(), masked(value)));
            Value::Object(masked.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::super::RenderSettings;
    use super::*;

    fn masked(template: &str, data: Value) -> Mail {
        let url = Url::parse("https://id.example.test").unwrap();
        let renderer = Renderer::new(&RenderSettings::new(url)).unwrap();
        renderer.masked(template, None, data.as_object().unwrap()).unwrap()
    }

    #[test]
    fn a_link_leads_nowhere_and_a_name_is_an_initial() {
        let data = json!({
            "name": "Ada Lovelace", "requested_at": "2026-11-20T12:27:00Z", "expires_at": "2026-11-20T13:27:00Z",
            "link": "https://id.example.test/reset-password?token=LIVE",
        });

        let mail = masked("password-reset", data);

        for part in [&mail.text, &mail.html] {
            assert!(part.contains("https://id.example.test/reset-password?token=hidden"), "{part}");
            assert!(!part.contains("LIVE") && !part.contains("Lovelace") && part.contains("A."), "{part}");
        }
    }

    #[test]
    fn every_mail_can_be_shown_with_what_is_known_of_it() {
        let url = Url::parse("https://id.example.test").unwrap();
        let renderer = Renderer::new(&RenderSettings::new(url)).unwrap();

        for name in renderer.mail_names() {
            let mail = renderer.masked(&name, Some("de"), &Map::new()).unwrap();
            assert!(!mail.html.contains("token=AAEC"), "{name}");
        }
    }

    #[test]
    fn addresses_are_masked_however_deep_they_lie() {
        let value = super::masked(&json!({ "to": ["ada@example.test"], "n": 1 }));

        assert!(!value.to_string().contains("ada@"), "{value}");
        assert_eq!(value["n"], 1);
    }
}
