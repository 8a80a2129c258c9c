//! Template and data to mail, and context to page.
//!
//! Values are hostile: a name may try to smuggle a link, markup, a line into a subject, or a placeholder that
//! the provider would expand. Templates are ours and embedded, and their words come from the texts of the
//! reader's language. A rendering that misses a value or a text fails; it never sends a mail with a hole in
//! it.

mod assets;
mod brand;
mod check;
mod defuse;
mod fault;
mod files;
mod format;
mod functions;
mod language;
mod mail;
mod manifest;
mod message_syntax;
mod mjml;
mod page_samples;
mod preview;
mod reflow;
mod texts;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use fluent_bundle::FluentArgs;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use url::Url;

use crate::config::BrandConfig;
use brand::Brand;
use files::Files;
use texts::Texts;

pub use assets::Asset;
pub use fault::{TemplateFault, TemplateFaults};
pub use format::escaped;
pub use language::Language;
pub use mail::{Mail, Part};
pub use manifest::{CheckError, DataFault, DataKey, DataKind, MailTemplate};
pub use texts::Text;

/// Steps of a template at most; ours need some hundreds, long tables of the dashboard some ten thousand.
const FUEL: u64 = 1_000_000;

/// The server cannot start with these templates or settings.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A template or a text has a fault; all of them are told.
    #[error(transparent)]
    Faulty(#[from] TemplateFaults),
    /// The provider might take what stands between two of them for a placeholder.
    #[error("neither the public URL nor that of the reset page may contain a percent sign")]
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
    /// Values that the mail needs were not given, or are of the wrong kind. Names keys, never values.
    #[error("the mail {name} needs {keys}")]
    Incomplete { name: String, keys: String },
    /// A template failed. Says where, never what.
    #[error("template {name}, line {line}: {kind:?}")]
    Failed { name: String, line: usize, kind: minijinja::ErrorKind },
    /// The values made MJML that cannot be read.
    #[error("the mail {name} is not well-formed")]
    Markup { name: String },
}

impl RenderError {
    /// minijinja's own message may quote a value; the kind and the place are enough.
    fn of(name: &str, error: &minijinja::Error) -> Self {
        Self::Failed { name: name.to_owned(), line: error.line().unwrap_or(0), kind: error.kind() }
    }
}

/// What mails and pages depend on.
#[derive(Debug, Clone)]
pub struct RenderSettings {
    /// Base of every link but those to the reset page.
    pub public_url: Url,
    /// Where links in reset mails lead.
    pub reset_page: Url,
    /// Who they speak for.
    pub brand: BrandConfig,
    /// A folder whose files take the place of the built-in ones, or add to them.
    pub folder: Option<PathBuf>,
}

impl RenderSettings {
    /// Everything under this URL, and no brand but the default.
    pub fn new(public_url: Url) -> Self {
        let reset_page = public_url.join("reset-password").unwrap_or_else(|_| public_url.clone());
        Self { public_url, reset_page, brand: BrandConfig::default(), folder: None }
    }
}

/// All templates, compiled, in every language.
#[derive(Clone)]
pub struct Renderer {
    texts: Arc<Texts>,
    templates: Arc<BTreeMap<Language, Environment<'static>>>,
    mails: Arc<BTreeMap<String, MailTemplate>>,
    assets: Arc<BTreeMap<&'static str, Asset>>,
    strangers: Arc<Vec<String>>,
    /// Without a slash at its end.
    public_url: String,
    reset_page: String,
}

impl Renderer {
    /// Reads and compiles every template and text, and makes every mail once with its samples: with a fault
    /// anywhere there is no renderer.
    pub fn new(settings: &RenderSettings) -> Result<Self, TemplateError> {
        let RenderSettings { public_url, reset_page, brand, folder } = settings;
        if [public_url, reset_page].iter().any(|url| url.as_str().contains('%')) {
            return Err(TemplateError::PercentInUrl);
        }
        let files = Files::read(folder.as_deref()).map_err(TemplateFaults)?;
        let mut faults = vec![];
        let mails = check::manifests(&files, &mut faults);
        // With a fault in a text too, so that all that is wrong with templates is told beside it.
        let texts = Texts::read(files.texts()).unwrap_or_else(|(texts, found)| {
            faults.extend(found);
            texts
        });
        let texts = Arc::new(texts);
        let (brand, logo) = Brand::new(brand, public_url);
        let assets = assets::all(&files, &brand, logo);
        let root = public_url.path();
        let public_url = public_url.as_str().trim_end_matches('/').to_owned();

        let mut templates = environment();
        templates.add_global("brand", minijinja::value::Serde(&brand));
        // Where our paths begin, behind whatever proxy.
        templates.add_global("root", format::href(root));
        templates.add_global("public_url", public_url.clone());
        let names = assets.iter().map(|(name, asset)| (*name, asset.name.clone()));
        templates.add_global("assets", names.collect::<BTreeMap<_, _>>());
        for (name, file) in files.templates() {
            faults.extend(functions::unknown_texts(file, &texts));
            if let Err(error) = templates.add_template_owned(name.clone(), file.source.clone()) {
                faults.push(check::of_template(&files, name, &error));
            }
        }
        if !faults.is_empty() {
            return Err(TemplateFaults(faults).into());
        }
        let speaking = |language: &Language| functions::speaking(&templates, &texts, language, &brand.name);
        let spoken = texts.languages().iter().map(|language| (language.clone(), speaking(language)));
        let renderer = Self {
            templates: Arc::new(spoken.collect()),
            texts: Arc::clone(&texts),
            mails: Arc::new(mails),
            assets: Arc::new(assets),
            strangers: Arc::new(files.strangers.clone()),
            public_url,
            reset_page: reset_page.as_str().to_owned(),
        };
        match check::rendered(&renderer, &files) {
            faults if faults.is_empty() => Ok(renderer),
            faults => Err(TemplateFaults(faults).into()),
        }
    }

    /// Files of the folder that nobody asks for, each with a guess what was meant.
    pub fn strangers(&self) -> &[String] {
        &self.strangers
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

    /// Makes a page in this language.
    pub fn page(
        &self,
        name: &str,
        language: &Language,
        context: impl Serialize,
    ) -> Result<String, RenderError> {
        self.render(language, &format!("pages/{name}.html"), context)
    }

    /// Makes a page of the dashboard, which speaks English alone.
    pub fn dashboard(&self, name: &str, context: impl Serialize) -> Result<String, RenderError> {
        self.render(&self.language(None), &format!("{}/{name}.html", page_samples::DASHBOARD), context)
    }

    /// The names of the mails that there are templates for.
    pub fn mail_names(&self) -> impl Iterator<Item = String> {
        self.mails.keys().cloned()
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
        template.render(minijinja::value::Serde(context)).map_err(|error| RenderError::of(name, &error))
    }
}

fn environment() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_fuel(Some(FUEL));
    // Places of faults; what it tells of a rendering is never shown.
    templates.set_debug(true);
    templates.set_auto_escape_callback(|name| match name.rsplit_once('.') {
        Some((_, "html" | "mjml")) => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    templates
}

#[cfg(test)]
mod tests;
