//! Template and data to mail, and context to page.
//!
//! Values are hostile: a name may try to smuggle a link, markup, a line into a subject, or a placeholder that
//! the provider would expand. Templates are ours and embedded. A rendering that misses a value fails; it
//! never sends a mail with a hole in it.

mod defuse;
mod format;

use std::sync::Arc;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use rust_embed::RustEmbed;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

/// Steps of a template at most; ours need some hundreds.
const FUEL: u64 = 50_000;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// The server cannot start with these templates or settings.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// An embedded template has a fault.
    #[error("template {name}: {source}")]
    Malformed { name: String, source: minijinja::Error },
    /// The provider might take what stands between two of them for a placeholder.
    #[error("the URL of the reset page must not contain a percent sign")]
    PercentInUrl,
}

/// This mail or page cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// No template has this name.
    #[error("there is no template {0}")]
    UnknownTemplate(String),
    /// The link does not lead to the configured page.
    #[error("the link does not lead to the reset page")]
    ForeignLink,
    /// A value is missing or of the wrong kind. Says where, never what.
    #[error("template {name}, line {line}: {kind:?}")]
    Failed { name: String, line: usize, kind: minijinja::ErrorKind },
}

/// One mail, ready for any provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A mail may hold a token.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// The style sheet of the pages, under a name that changes with its content.
#[derive(Debug, Clone)]
pub struct Stylesheet {
    /// File name, such as `pages.0123456789abcdef.css`.
    pub name: String,
    pub content: String,
}

/// All templates, compiled.
#[derive(Clone)]
pub struct Renderer {
    templates: Arc<Environment<'static>>,
    stylesheet: Stylesheet,
    reset_page: String,
}

impl Renderer {
    /// Compiles every template. `brand` is the name that mails and pages speak under.
    pub fn new(public_url: &Url, reset_page: &Url, brand: &str) -> Result<Self, TemplateError> {
        if reset_page.as_str().contains('%') {
            return Err(TemplateError::PercentInUrl);
        }
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_fuel(Some(FUEL));
        templates.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "html")) => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        templates.add_filter("moment", format::moment);
        templates.add_filter("duration", format::duration);
        templates.add_filter("href", format::href);
        templates.add_global("brand", defuse::line(brand));
        let public_url = public_url.as_str().trim_end_matches('/');
        templates.add_global("public_url", public_url);

        let stylesheet = stylesheet();
        templates.add_global("stylesheet", stylesheet.name.clone());
        for name in Templates::iter().filter(|name| !name.ends_with(".css")) {
            let source = read(&name);
            templates
                .add_template_owned(name.to_string(), source)
                .map_err(|source| TemplateError::Malformed { name: name.to_string(), source })?;
        }
        Ok(Self { templates: Arc::new(templates), stylesheet, reset_page: reset_page.as_str().to_owned() })
    }

    /// Makes the mail of this name: subject, text and HTML from the same values.
    pub fn mail(
        &self,
        template: &str,
        locale: Option<&str>,
        data: Map<String, Value>,
    ) -> Result<Mail, RenderError> {
        let link = data.get("link").and_then(Value::as_str);
        if link.is_some_and(|link| !link.starts_with(&self.reset_page) || link.contains('%')) {
            return Err(RenderError::ForeignLink);
        }
        let data = defuse::values(data);
        let part = |part| self.render(&self.localised(template, part, locale), &data);
        Ok(Mail {
            subject: defuse::line(&part("subject.txt")?),
            text: part("body.txt")?,
            html: part("body.html")?,
        })
    }

    /// Makes a page.
    pub fn page(&self, name: &str, context: impl Serialize) -> Result<String, RenderError> {
        self.render(&format!("pages/{name}.html"), context)
    }

    /// What the pages are styled with.
    pub fn stylesheet(&self) -> &Stylesheet {
        &self.stylesheet
    }

    /// The template for the language tag, for its language, or the one for everyone.
    fn localised(&self, template: &str, part: &str, locale: Option<&str>) -> String {
        let tags =
            locale.into_iter().flat_map(|tag| [Some(tag), tag.split_once('-').map(|(first, _)| first)]);
        tags.flatten()
            .map(|tag| format!("mail/{template}/{}/{part}", tag.to_ascii_lowercase()))
            .find(|name| self.templates.get_template(name).is_ok())
            .unwrap_or_else(|| format!("mail/{template}/{part}"))
    }

    fn render(&self, name: &str, context: impl Serialize) -> Result<String, RenderError> {
        let template =
            self.templates.get_template(name).map_err(|_| RenderError::UnknownTemplate(name.to_owned()))?;
        // minijinja's own message may quote a value; the kind and the place are enough.
        template.render(minijinja::value::Serde(context)).map_err(|error| RenderError::Failed {
            name: name.to_owned(),
            line: error.line().unwrap_or(0),
            kind: error.kind(),
        })
    }
}

fn stylesheet() -> Stylesheet {
    let content = read("pages/style.css");
    let digest = hex::encode(&Sha256::digest(&content)[..8]);
    Stylesheet { name: format!("pages.{digest}.css"), content }
}

fn read(name: &str) -> String {
    Templates::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
