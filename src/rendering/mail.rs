//! One mail: the same values as subject, text and HTML.

use minijinja::value::Serde;
use serde_json::{Map, Value};

use super::defuse;
use super::language::Language;
use super::manifest::{CheckError, DataKind, MailTemplate};
use super::mjml::{self, MarkupFault};
use super::reflow::reflow;
use super::{RenderError, Renderer};

/// One mail, ready for any provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// One of the three parts of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Subject,
    Text,
    Html,
}

impl Part {
    /// All, with their names.
    pub const ALL: [(&str, Self); 3] =
        [("subject", Self::Subject), ("text", Self::Text), ("html", Self::Html)];
}

impl Mail {
    /// One part of it.
    pub fn part(&self, part: Part) -> &str {
        match part {
            Part::Subject => &self.subject,
            Part::Text => &self.text,
            Part::Html => &self.html,
        }
    }
}

/// A mail may hold a token.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why a part cannot be made, with what only its author may see.
pub(super) enum PartError {
    Unknown(String),
    Template { name: String, error: minijinja::Error },
    Markup { document: String, fault: MarkupFault },
}

impl Renderer {
    /// Every mail that can be made, by name.
    pub fn templates(&self) -> impl Iterator<Item = &MailTemplate> {
        self.mails.values()
    }

    /// What this template is for and what it needs.
    pub fn template(&self, name: &str) -> Option<&MailTemplate> {
        self.mails.get(name)
    }

    /// Whether this mail can be asked for from outside: there is such a template, and the data are what it
    /// needs. Makes nothing.
    pub fn check(&self, template: &str, data: &Map<String, Value>) -> Result<(), CheckError> {
        let name = || template.to_owned();
        let known = self.mails.get(template).ok_or_else(|| {
            let guess = super::message_syntax::nearest(template, self.mails.keys()).cloned();
            CheckError::UnknownTemplate { name: name(), guess }
        })?;
        if !known.is_sendable() {
            return Err(CheckError::NotSendable { name: name() });
        }
        let faults = known.check(data);
        if faults.is_empty() { Ok(()) } else { Err(CheckError::Data(faults)) }
    }

    /// Makes the mail of this name: subject, text and HTML from the same values.
    pub fn mail(
        &self,
        template: &str,
        locale: Option<&str>,
        data: Map<String, Value>,
    ) -> Result<Mail, RenderError> {
        let known =
            self.mails.get(template).ok_or_else(|| RenderError::UnknownTemplate(template.to_owned()))?;
        let faults = known.incomplete(&data);
        if !faults.is_empty() {
            let keys = faults.into_iter().map(|fault| fault.key).collect::<Vec<_>>().join(", ");
            return Err(RenderError::Incomplete { name: template.to_owned(), keys });
        }
        let mut links = known.data.iter().filter(|(_, key)| key.kind == DataKind::Link);
        if !links.all(|(key, _)| data.get(key).and_then(Value::as_str).is_none_or(|link| self.is_ours(link)))
        {
            return Err(RenderError::ForeignLink);
        }
        self.parts(known, &self.language(locale), data).map_err(|error| error.without_values(template))
    }

    /// The mail with the template's own samples.
    pub fn preview(&self, template: &str, locale: Option<&str>) -> Result<Mail, RenderError> {
        let known =
            self.mails.get(template).ok_or_else(|| RenderError::UnknownTemplate(template.to_owned()))?;
        self.mail(template, locale, self.samples(known, true))
    }

    /// The samples of a template; those of links lead to us.
    pub(super) fn samples(&self, template: &MailTemplate, complete: bool) -> Map<String, Value> {
        let mut samples = template.samples(complete);
        for (name, _) in template.data.iter().filter(|(_, key)| key.kind == DataKind::Link) {
            let path = samples.get(name).and_then(Value::as_str).unwrap_or_default();
            let link = format!("{}/{path}", self.public_url);
            samples.insert(name.clone(), link.into());
        }
        samples
    }

    pub(super) fn parts(
        &self,
        template: &MailTemplate,
        language: &Language,
        data: Map<String, Value>,
    ) -> Result<Mail, PartError> {
        let data = template.defused(data);
        let part = |part: &str| self.part(language, &format!("mail/{}/{part}", template.name), &data);
        let document = part("body.mjml")?;
        let html = mjml::to_html(&document);
        Ok(Mail {
            subject: defuse::line(&part("subject.txt")?),
            text: reflow(&part("body.txt")?),
            html: html.map_err(|fault| PartError::Markup { document, fault })?,
        })
    }

    pub(super) fn part(
        &self,
        language: &Language,
        name: &str,
        data: &Map<String, Value>,
    ) -> Result<String, PartError> {
        let template = self.templates.get(language).and_then(|templates| templates.get_template(name).ok());
        let template = template.ok_or_else(|| PartError::Unknown(name.to_owned()))?;
        template.render(Serde(data)).map_err(|error| PartError::Template { name: name.to_owned(), error })
    }

    /// Whether a link leads to the page of resets, or below the public URL, and carries no placeholder.
    fn is_ours(&self, link: &str) -> bool {
        let below = link.strip_prefix(&self.public_url).is_some_and(|rest| rest.starts_with('/'));
        (below || link.starts_with(&self.reset_page)) && !link.contains('%')
    }
}

impl PartError {
    fn without_values(self, template: &str) -> RenderError {
        match self {
            Self::Unknown(name) => RenderError::UnknownTemplate(name),
            Self::Template { name, error } => RenderError::of(&name, &error),
            Self::Markup { .. } => RenderError::Markup { name: template.to_owned() },
        }
    }
}
