//! `backstamp templates`: what mails there are, how they look, and whether own ones are sound. Sends nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use super::PreviewTemplate;
use super::output::say;
use crate::rendering::{DataKind, MailTemplate, Renderer};

/// Every mail, what it is for, and what it takes.
pub fn list(renderer: &Renderer) -> anyhow::Result<()> {
    for template in renderer.templates() {
        let by = if template.is_sendable() { "" } else { " (sent by the program alone)" };
        say(format_args!("{}{by}\n  {}", template.name, template.description))?;
        let data = keys(template);
        if !data.is_empty() {
            say(format_args!("  data: {data}"))?;
        }
    }
    Ok(())
}

/// The keys that somebody would have to give, in order; optional ones end with a question mark.
fn keys(template: &MailTemplate) -> String {
    let keys = template.data.iter().filter(|(_, key)| key.kind != DataKind::Link);
    let keys = keys.map(|(name, key)| format!("{name}{}", if key.optional { "?" } else { "" }));
    keys.collect::<Vec<_>>().join(", ")
}

/// A mail with its samples, to standard output or into a file.
pub fn preview(renderer: &Renderer, preview: &PreviewTemplate) -> anyhow::Result<()> {
    let PreviewTemplate { name, locale, part, out } = preview;
    if renderer.template(name).is_none() {
        let names = renderer.templates().map(|template| template.name.as_str()).collect::<Vec<_>>();
        bail!("there is no template {name}; there are {}", names.join(", "));
    }
    let mail = renderer.preview(name, locale.as_deref())?;
    let shown = match part {
        Some(part) => mail.part(*part).to_owned(),
        None => format!("{}\n\n{}", mail.subject, mail.text),
    };
    match out {
        Some(file) => fs::write(file, shown).with_context(|| format!("cannot write {}", file.display())),
        None => {
            say(shown.trim_end())?;
            Ok(())
        }
    }
}

/// What is odd about templates that have no fault; with one there would be no renderer.
pub fn check(renderer: &Renderer, folder: Option<&Path>) -> anyhow::Result<()> {
    for stranger in renderer.strangers() {
        say(stranger)?;
    }
    for (language, id) in renderer.missing_texts() {
        say(format_args!("{language} has no text {id}: it is said in English"))?;
    }
    let languages: Vec<_> = renderer.languages().map(|language| language.tag()).collect();
    let of = folder.map_or("built in".to_owned(), |folder| format!("with {}", folder.display()));
    say(format_args!("{} mails in {} ({of}): no fault", renderer.templates().count(), languages.join(", ")))?;
    Ok(())
}
