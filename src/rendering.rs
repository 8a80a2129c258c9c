//! Template and data to mail, and context to page.
//!
//! Values are hostile: a name may try to smuggle a link, markup, a line into a subject, or a placeholder that
//! the provider would expand. Templates are ours and embedded, and their words come from the texts of the
//! reader's language. A rendering that misses a value or a text fails; it never sends a mail with a hole in
//! it.

mod assets;
mod defuse;
mod fault;
mod files;
mod format;
mod functions;
mod language;
mod message_syntax;
mod texts;

use std::collections::BTreeMap;
use std::sync::Arc;

use fluent_bundle::FluentArgs;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

pub use assets::Asset;
pub use fault::{TemplateFault, TemplateFaults};
pub use language::Language;
pub use texts::Text;

use texts::Texts;

/// Steps of a template at most; ours need some hundreds.
const FUEL: u64 = 50_000;

/// The server cannot start with these templates or settings.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A template or a text has a fault; all of them are told.
    #[error(transparent)]
    Faulty(#[from] TemplateFaults),
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
    /// The link leads to no page that takes tokens.
    #[error("the link leads to no page that takes tokens")]
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

/// All templates, compiled, in every language.
#[derive(Clone)]
pub struct Renderer {
    texts: Arc<Texts>,
    templates: Arc<BTreeMap<Language, Environment<'static>>>,
    assets: Arc<BTreeMap<&'static str, Asset>>,
    /// Where links with tokens may lead.
    link_pages: [String; 2],
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
        // Places of faults; a rendering's own errors are never shown.
        templates.set_debug(true);
        templates.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "html")) => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        templates.add_global("brand", defuse::line(brand));
        // Where our paths begin, behind whatever proxy.
        templates.add_global("root", format::href(public_url.path()));
        let public_url = public_url.as_str().trim_end_matches('/');
        templates.add_global("public_url", public_url);

        let assets = assets::all();
        let names = assets.iter().map(|(name, asset)| (*name, asset.name.clone()));
        templates.add_global("assets", names.collect::<BTreeMap<_, _>>());
        let texts = Texts::read(files::embedded_texts()).map_err(TemplateFaults)?;
        let mut faults = vec![];
        for (name, source) in files::embedded_templates() {
            faults.extend(functions::unknown_texts(&name, &source, &texts));
            if let Err(error) = templates.add_template_owned(name.clone(), source.clone()) {
                faults.push(fault_of(&name, &source, &error));
            }
        }
        if !faults.is_empty() {
            return Err(TemplateFaults(faults).into());
        }
        let texts = Arc::new(texts);
        let speaking =
            |language: &Language| functions::speaking(&templates, &texts, language, &defuse::line(brand));
        let templates = texts.languages().iter().map(|language| (language.clone(), speaking(language)));
        Ok(Self {
            templates: Arc::new(templates.collect()),
            texts,
            assets: Arc::new(assets),
            link_pages: [reset_page.as_str().to_owned(), format!("{public_url}/verify-email?")],
        })
    }

    /// The languages that there are texts in.
    pub fn languages(&self) -> impl Iterator<Item = &Language> {
        self.texts.languages().iter()
    }

    /// The same, each with what it calls itself.
    pub fn language_names(&self) -> impl Iterator<Item = (&Language, String)> {
        self.languages().map(|language| {
            let name = self.texts.say(language, "language-name", &FluentArgs::new());
            (language, name.unwrap_or_else(|_| language.to_string()))
        })
    }

    /// Texts that a language lacks, by their names; they are said in English.
    pub fn missing_texts(&self) -> impl Iterator<Item = (&Language, &str)> {
        self.texts.missing()
    }

    /// The best language for the `Accept-Language` header of a request; English if nothing fits.
    pub fn negotiate(&self, accept_language: Option<&str>) -> Language {
        self.texts.languages().negotiate(accept_language.unwrap_or_default())
    }

    /// The best language for a language tag (BCP 47), such as `de-AT`; English if nothing fits.
    pub fn language(&self, locale: Option<&str>) -> Language {
        self.texts.languages().of_tag(locale.unwrap_or_default())
    }

    /// Makes the mail of this name: subject, text and HTML from the same values.
    pub fn mail(
        &self,
        template: &str,
        locale: Option<&str>,
        data: Map<String, Value>,
    ) -> Result<Mail, RenderError> {
        let link = data.get("link").and_then(Value::as_str);
        let leads_to_us = |link: &str| self.link_pages.iter().any(|page| link.starts_with(page));
        if link.is_some_and(|link| !leads_to_us(link) || link.contains('%')) {
            return Err(RenderError::ForeignLink);
        }
        let data = defuse::values(data);
        let language = self.language(locale);
        let part = |part| self.render(&language, &format!("mail/{template}/{part}"), &data);
        Ok(Mail {
            subject: defuse::line(&part("subject.txt")?),
            text: part("body.txt")?,
            html: part("body.html")?,
        })
    }

    /// Makes a page in this language.
    pub fn page(
        &self,
        name: &str,
        language: &Language,
        context: impl Serialize,
    ) -> Result<String, RenderError> {
        self.render(language, &format!("pages/{name}.html"), context)
    }

    /// The names of the mails that there are templates for.
    pub fn mail_names(&self) -> impl Iterator<Item = String> {
        let templates = self.templates.values().next().into_iter().flat_map(Environment::templates);
        let names = templates.filter_map(|(name, _)| name.strip_prefix("mail/"));
        names.filter_map(|name| name.strip_suffix("/subject.txt")).map(str::to_owned)
    }

    /// What the pages load, each under a name of its own.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.values()
    }

    fn render(
        &self,
        language: &Language,
        name: &str,
        context: impl Serialize,
    ) -> Result<String, RenderError> {
        let template = self
            .templates
            .get(language)
            .and_then(|templates| templates.get_template(name).ok())
            .ok_or_else(|| RenderError::UnknownTemplate(name.to_owned()))?;
        // minijinja's own message may quote a value; the kind and the place are enough.
        template.render(minijinja::value::Serde(context)).map_err(|error| RenderError::Failed {
            name: name.to_owned(),
            line: error.line().unwrap_or(0),
            kind: error.kind(),
        })
    }
}

/// What minijinja found wrong with a template.
fn fault_of(name: &str, source: &str, error: &minijinja::Error) -> TemplateFault {
    let line = error.line().unwrap_or(1);
    let line_start = source.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let offset = error.range().map_or(line_start, |range| range.start);
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    TemplateFault::at(&format!("templates/{name}"), source, offset, message)
}

#[cfg(test)]
mod tests;
