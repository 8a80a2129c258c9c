//! Every template compiled and rendered with its samples, in every language, before anybody asks for it.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::TemplateFault;
use super::files::{File, Files, PARTS};
use super::language::Language;
use super::mail::PartError;
use super::manifest::{MANIFEST, MailTemplate};
use super::{Renderer, mjml, page_samples};

/// Characters of a template's name at most: providers take it as a tag.
const LONGEST_NAME: usize = 64;

/// The manifests of all mails; whatever a mail lacks is a fault.
pub(super) fn manifests(files: &Files, faults: &mut Vec<TemplateFault>) -> BTreeMap<String, MailTemplate> {
    let mut mails = BTreeMap::new();
    for name in files.mails() {
        let parts = PARTS.map(|part| (part, files.get(&format!("mail/{name}/{part}"))));
        let folder = parts.iter().find_map(|(part, file)| file.as_ref()?.path.strip_suffix(part));
        let fault = |message: String| {
            TemplateFault::at(&format!("{}{MANIFEST}", folder.unwrap_or_default()), "", 0, message)
        };
        if !is_name(&name) {
            faults.push(fault(format!(
                "{name} is no name for a template: use lower case, digits and dashes, at most {LONGEST_NAME}"
            )));
        }
        let missing = parts.iter().filter(|(_, file)| file.is_none()).map(|(part, _)| *part);
        let missing = missing.collect::<Vec<_>>().join(", ");
        if !missing.is_empty() {
            faults.push(fault(format!("the mail {name} lacks {missing}")));
        }
        let Some(manifest) = files.get(&format!("mail/{name}/{MANIFEST}")) else { continue };
        match MailTemplate::parse(&name, &manifest.path, &manifest.source) {
            Ok(template) => {
                mails.insert(name, template);
            }
            Err(found) => faults.extend(found),
        }
    }
    mails
}

fn is_name(name: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    name.len() <= LONGEST_NAME && name.bytes().all(is_allowed) && !name.starts_with('-')
}

/// What goes wrong when everything is made once, with and without what is optional.
pub(super) fn rendered(renderer: &Renderer, files: &Files) -> Vec<TemplateFault> {
    let mut faults = BTreeSet::new();
    for template in renderer.templates() {
        for language in renderer.languages() {
            for complete in [true, false] {
                let data = renderer.samples(template, complete);
                faults.extend(mail(renderer, files, template, language, data).err());
            }
        }
    }
    let everybody: Vec<_> = renderer.languages().cloned().collect();
    let folders =
        [(page_samples::PAGES, everybody), (page_samples::DASHBOARD, vec![renderer.language(None)])];
    for (folder, languages) in folders {
        match page_samples::read(files, folder) {
            Err(fault) => faults.extend([fault]),
            Ok(samples) => {
                for (page, context) in &samples {
                    let name = format!("{folder}/{page}.html");
                    let made = languages.iter().map(|language| renderer.part(language, &name, context));
                    faults.extend(made.filter_map(|made| match made.err()? {
                        PartError::Template { name, error } => Some(of_template(files, &name, &error)),
                        _ => None,
                    }));
                }
            }
        }
    }
    faults.into_iter().collect()
}

fn mail(
    renderer: &Renderer,
    files: &Files,
    template: &MailTemplate,
    language: &Language,
    data: serde_json::Map<String, serde_json::Value>,
) -> Result<(), TemplateFault> {
    let of_part = |part: &str, message: &str| {
        let file = files.get(&format!("mail/{}/{part}", template.name));
        let (path, source) = file.map_or(("", ""), |file| (&file.path, &file.source));
        TemplateFault::at(path, source, 0, message)
    };
    let made = renderer.parts(template, language, data).map_err(|error| match error {
        PartError::Unknown(name) => of_part(MANIFEST, &format!("there is no template {name}")),
        PartError::Template { name, error } => of_template(files, &name, &error),
        PartError::Markup { document, fault } => {
            let own = format!("mail/{}/body.mjml", template.name);
            let sources = files.templates().filter(|(name, _)| name.ends_with(".mjml"));
            // The mail's own part first: what several have in common is mostly wrong there.
            let mut sources: Vec<_> =
                sources.map(|(name, file)| (name.as_str(), file.source.as_str())).collect();
            sources.sort_by_key(|(name, _)| (*name != own, name.matches('/').count()));
            let place = fault.at.as_ref().and_then(|at| mjml::place_in(&document, at, sources));
            match place.and_then(|(name, at)| Some((files.get(name)?, at))) {
                Some((File { path, source, .. }, at)) => TemplateFault::at(path, source, at, fault.message),
                None => of_part("body.mjml", &fault.message),
            }
        }
    })?;
    let is_blank = |text: &str| text.trim().is_empty();
    match (is_blank(&made.subject), is_blank(&made.text)) {
        (true, _) => Err(of_part("subject.txt", "the subject is empty")),
        (_, true) => Err(of_part("body.txt", "the text is empty")),
        _ => Ok(()),
    }
}

/// What minijinja found wrong, in the template that it names.
pub(super) fn of_template(files: &Files, name: &str, error: &minijinja::Error) -> TemplateFault {
    let name = error.name().filter(|name| files.get(name).is_some()).unwrap_or(name);
    let Some(File { path, source, .. }) = files.get(name) else {
        return TemplateFault::at(name, "", 0, error.to_string());
    };
    let line = error.line().unwrap_or(1);
    let line_start = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let at = error.range().map_or(line_start, |range| range.start);
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    TemplateFault::at(path, source, at, message)
}
