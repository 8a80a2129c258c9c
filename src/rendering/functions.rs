//! What templates can call: `text(…)`, and the filters for times, spans and URLs. One set for each language.

use std::sync::{Arc, LazyLock};

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, Value};
use regex::Regex;

use super::fault::TemplateFault;
use super::files::File;
use super::format;
use super::language::Language;
use super::texts::Texts;

/// Stand-ins for values that are HTML already, while the text around them is escaped. Unicode never assigns
/// them (§23.7), and they are taken out of everything else.
const FIRST_STAND_IN: u32 = 0xfdd0;
const STAND_INS: u32 = 32;

/// A call of `text` with a literal name.
static CALL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\btext\(\s*["']([^"']*)["']"#).expect("the expression is well-formed"));

/// The same templates, speaking this language.
pub(super) fn speaking(
    templates: &Environment<'static>,
    texts: &Arc<Texts>,
    language: &Language,
    brand: &str,
) -> Environment<'static> {
    let mut templates = templates.clone();
    let speaker = || (Arc::clone(texts), language.clone());
    let ((all, spoken), brand) = (speaker(), brand.to_owned());
    templates.add_function("text", move |state: &State, message: &Value, values: Kwargs| {
        text(&all, &spoken, &brand, state, message, &values)
    });
    let (all, spoken) = speaker();
    templates.add_filter("moment", move |at: &str| format::moment(&all, &spoken, at));
    let (all, spoken) = speaker();
    templates.add_filter("duration", move |minutes: u64| format::duration(&all, &spoken, minutes));
    let (all, spoken) = speaker();
    templates.add_filter("browser", move |words: &str| format::browser(&all, &spoken, words));
    templates.add_filter("href", format::href);
    templates.add_global("language", language.tag());
    templates.add_global("direction", language.direction());
    templates
}

/// Texts that a template asks for by a name that nobody has.
pub(super) fn unknown_texts(file: &File, texts: &Texts) -> Vec<TemplateFault> {
    let calls = CALL.captures_iter(&file.source).filter_map(|call| call.get(1));
    let unknown = calls.filter(|id| !texts.has(id.as_str()));
    unknown
        .map(|id| {
            let guess = texts.nearest(id.as_str()).map(|guess| format!(": did you mean {guess}?"));
            let message = format!("there is no text {}{}", id.as_str(), guess.unwrap_or_default());
            TemplateFault::at(&file.path, &file.source, id.start(), message)
        })
        .collect()
}

/// `text("name", value=…)`, or `text(message)` with a [`Text`](super::Text) out of the context. Where the
/// template is HTML so is the result: everything in it is escaped, except values that are HTML themselves,
/// as what `{% set x %}…{% endset %}` captures.
fn text(
    texts: &Texts,
    language: &Language,
    brand: &str,
    state: &State,
    message: &Value,
    values: &Kwargs,
) -> Result<Value, Error> {
    let is_html = matches!(state.auto_escape(), AutoEscape::Html);
    let mut said = Said { is_html, args: FluentArgs::new(), html: vec![] };
    said.set("brand", &Value::from(brand))?;
    let id = match message.as_str() {
        Some(id) => id.into(),
        None => {
            let values = message.get_attr("values")?;
            for name in values.try_iter()? {
                said.set(&name.to_string(), &values.get_item(&name)?)?;
            }
            message.get_attr("id")?.to_str().ok_or_else(|| wrong("this is neither a text nor its name"))?
        }
    };
    for name in values.args() {
        said.set(name, &values.get::<Value>(name)?)?;
    }
    let plain = texts.say(language, &id, &said.args).map_err(|error| format::unsaid(&error))?;
    Ok(said.finish(&plain))
}

/// The values of one text.
struct Said {
    is_html: bool,
    args: FluentArgs<'static>,
    html: Vec<String>,
}

impl Said {
    fn set(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        let value: FluentValue<'static> = match value.kind() {
            ValueKind::Number => match value.as_i64() {
                Some(number) => number.into(),
                None => f64::try_from(value.clone())?.into(),
            },
            ValueKind::String if self.is_html && value.is_safe() => self.stand_in(value)?.to_string().into(),
            ValueKind::String | ValueKind::Bool => without_stand_ins(&value.to_string()).into(),
            _ => return Err(wrong(format!("the value {name} is missing, or neither text nor number"))),
        };
        self.args.set(name.to_owned(), value);
        Ok(())
    }

    fn stand_in(&mut self, html: &Value) -> Result<char, Error> {
        let index = u32::try_from(self.html.len()).unwrap_or(STAND_INS);
        let stand_in = char::from_u32(FIRST_STAND_IN + index).filter(|_| index < STAND_INS);
        self.html.push(html.to_string());
        stand_in.ok_or_else(|| wrong("a text takes 32 values of HTML at most"))
    }

    fn finish(&self, plain: &str) -> Value {
        if !self.is_html {
            return plain.into();
        }
        let mut html = String::with_capacity(plain.len());
        let mut rest = plain;
        while let Some(at) = rest.find(is_stand_in) {
            let stand_in = rest[at..].chars().next().unwrap_or_default();
            html.push_str(&format::escaped(&rest[..at]));
            let index = usize::try_from(u32::from(stand_in) - FIRST_STAND_IN).unwrap_or(usize::MAX);
            html.push_str(self.html.get(index).map_or("", String::as_str));
            rest = &rest[at + stand_in.len_utf8()..];
        }
        html.push_str(&format::escaped(rest));
        Value::from_safe_string(html)
    }
}

fn is_stand_in(c: char) -> bool {
    (FIRST_STAND_IN..FIRST_STAND_IN + STAND_INS).contains(&u32::from(c))
}

fn without_stand_ins(text: &str) -> String {
    text.chars().filter(|c| !is_stand_in(*c)).collect()
}

fn wrong(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}
