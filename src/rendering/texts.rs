//! Texts in every language, from the files that translators edit.
//!
//! A text that a language lacks is said in English. A text that nobody has, or a value that a text needs and
//! was not given, is an error: nothing is ever sent or shown with a hole or a name of ours in it.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use super::fault::TemplateFault;
use super::language::{FALLBACK, Language, Languages};
use super::message_syntax::{self, Variables};

/// A text cannot be said. Names the text, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// No language has it.
    #[error("there is no text {0}")]
    Unknown(String),
    /// A value that it needs was not given, or what it refers to does not exist.
    #[error("the text {id} in {language} cannot be said: {reason}")]
    Incomplete { id: String, language: Language, reason: String },
}

/// One file of texts.
#[derive(Debug, Clone)]
pub(super) struct TextFile {
    /// Where it lies, for faults.
    pub path: String,
    /// The language tag that the file is named after.
    pub tag: String,
    pub source: String,
}

impl TextFile {
    fn parse(&self) -> Result<(Language, FluentResource), Vec<TemplateFault>> {
        let fault = |offset, message: String| TemplateFault::at(&self.path, &self.source, offset, message);
        let identifier = self.tag.parse::<unic_langid::LanguageIdentifier>().map_err(|_| {
            vec![fault(0, "is not named after a language, such as de.ftl or pt-BR.ftl".to_owned())]
        })?;
        let resource = FluentResource::try_new(self.source.clone()).map_err(|(_, errors)| {
            errors.into_iter().map(|error| fault(error.pos.start, error.kind.to_string())).collect::<Vec<_>>()
        })?;
        Ok((Language::new(&identifier.to_string()), resource))
    }
}

/// Every text in every language.
#[derive(Default)]
pub(super) struct Texts {
    languages: Languages,
    bundles: BTreeMap<Language, FluentBundle<FluentResource>>,
    /// The names of the texts that each language has of its own.
    names: BTreeMap<Language, BTreeSet<String>>,
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Texts").field(&self.languages).finish()
    }
}

impl Texts {
    /// Reads the files; a later one of a language goes before an earlier one, text by text. English comes
    /// first: what it does not have, nobody asks for, and what it does not use, nobody gives.
    pub(super) fn read(mut files: Vec<TextFile>) -> Result<Self, (Self, Vec<TemplateFault>)> {
        files.sort_by_key(|file| file.tag != FALLBACK);
        let (mut bundles, mut names) = (BTreeMap::new(), BTreeMap::<Language, BTreeSet<String>>::new());
        let mut known = Variables::new();
        let mut faults = vec![];
        for file in files {
            let (language, resource) = match file.parse() {
                Ok(parsed) => parsed,
                Err(found) => {
                    faults.extend(found);
                    continue;
                }
            };
            faults.extend(message_syntax::duplicates(&file.path, &resource));
            let variables = message_syntax::variables(&resource);
            names.entry(language.clone()).or_default().extend(variables.keys().cloned());
            if language.tag() == FALLBACK {
                variables.clone().into_iter().for_each(|(name, used)| {
                    known.entry(name).or_insert(used);
                });
            }
            faults.extend(message_syntax::strangers(&file.path, resource.source(), &variables, &known));
            bundles.entry(language).or_insert_with_key(bundle).add_resource_overriding(resource);
        }
        let languages = Languages::new(bundles.keys().cloned().collect());
        let texts = Self { languages, bundles, names };
        if faults.is_empty() { Ok(texts) } else { Err((texts, faults)) }
    }

    /// Texts that English has and another language has not.
    pub(super) fn missing(&self) -> impl Iterator<Item = (&Language, &str)> {
        let all = self.names.get(&Language::new(FALLBACK)).into_iter().flatten();
        all.flat_map(|name| {
            let lacking = self.names.iter().filter(move |(_, names)| !names.contains(name));
            lacking.map(move |(language, _)| (language, name.as_str()))
        })
    }

    /// The languages that there are files of.
    pub(super) fn languages(&self) -> &Languages {
        &self.languages
    }

    /// The name of a text that was probably meant.
    pub(super) fn nearest(&self, id: &str) -> Option<&String> {
        message_syntax::nearest(id, self.names.values().flatten())
    }

    /// Whether any text has this name.
    pub(super) fn has(&self, id: &str) -> bool {
        self.fallback().any(|(_, bundle)| bundle.has_message(id))
    }

    /// The text with its values, as plain text.
    pub(super) fn say(
        &self,
        language: &Language,
        id: &str,
        values: &FluentArgs<'_>,
    ) -> Result<String, TextError> {
        let found = self
            .chain(language)
            .find_map(|(language, bundle)| Some((language, bundle, bundle.get_message(id)?.value()?)));
        let (language, bundle, pattern) = found.ok_or_else(|| TextError::Unknown(id.to_owned()))?;
        let mut errors = vec![];
        let text = bundle.format_pattern(pattern, Some(values), &mut errors);
        match errors.first() {
            None => Ok(text.into_owned()),
            Some(error) => Err(TextError::Incomplete {
                id: id.to_owned(),
                language: language.clone(),
                reason: error.to_string(),
            }),
        }
    }

    /// The language itself, what it is a kind of, and English.
    fn chain(&self, language: &Language) -> impl Iterator<Item = (&Language, &FluentBundle<FluentResource>)> {
        let parent = language.tag().split_once('-').map(|(parent, _)| Language::new(parent));
        [Some(language.clone()), parent]
            .into_iter()
            .flatten()
            .filter_map(|language| self.bundles.get_key_value(&language))
            .chain(self.fallback())
    }

    fn fallback(&self) -> impl Iterator<Item = (&Language, &FluentBundle<FluentResource>)> {
        self.bundles.get_key_value(&Language::new(FALLBACK)).into_iter()
    }
}

fn bundle(language: &Language) -> FluentBundle<FluentResource> {
    let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
    // Where both directions mix, mixing is the rule; elsewhere the marks would only show up as boxes, or be
    // copied along.
    bundle.set_use_isolating(language.direction() == "rtl");
    bundle
}

/// What is shown in whatever language the reader has: the name of a text and its values. A template says it
/// with `text(…)`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Text {
    id: String,
    values: BTreeMap<&'static str, serde_json::Value>,
}

impl Text {
    /// The text with this name in `templates/texts`.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), values: BTreeMap::new() }
    }

    /// With one of the values that it needs.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.values.insert(name, value.into());
        self
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Files;
    use super::*;

    fn file(tag: &str, source: &str) -> TextFile {
        TextFile { path: format!("{tag}.ftl"), tag: tag.to_owned(), source: source.to_owned() }
    }

    fn faults(files: Vec<TextFile>) -> Vec<String> {
        let faults = Texts::read(files).err().map(|(_, faults)| faults).unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    fn say(texts: &Texts, language: &str, id: &str) -> Result<String, TextError> {
        let mut values = FluentArgs::new();
        values.set("who", "Ada");
        texts.say(&Language::new(language), id, &values)
    }

    #[test]
    fn every_language_has_every_text_with_the_same_variables() {
        let texts = Texts::read(Files::read(None).unwrap().texts()).unwrap();
        let variables: Vec<_> = Files::read(None)
            .unwrap()
            .texts()
            .iter()
            .map(|file| (file.tag.clone(), message_syntax::variables(&file.parse().unwrap().1)))
            .collect();

        assert_eq!(texts.missing().collect::<Vec<_>>(), []);
        assert!(variables.len() >= 2);
        for (tag, used) in &variables {
            assert_eq!(used, &variables[0].1, "{tag}");
        }
    }

    #[test]
    fn what_a_language_lacks_is_said_in_what_it_is_a_kind_of_and_then_in_english() {
        let files = vec![
            file("en", "a = en { $who }\nb = en\nc = en\n"),
            file("de", "a = de { $who }\nb = de\n"),
            file("de-CH", "a = ch { $who }\n"),
        ];

        let texts = Texts::read(files).unwrap();

        let said = |id| say(&texts, "de-CH", id).unwrap();
        assert_eq!([said("a"), said("b"), said("c")], ["ch Ada", "de", "en"]);
        assert!(matches!(say(&texts, "de-CH", "d"), Err(TextError::Unknown(_))));
        let missing: Vec<_> = texts.missing().map(|(language, id)| format!("{language} {id}")).collect();
        assert_eq!(missing, ["de-CH b", "de c", "de-CH c"]);
    }

    #[test]
    fn a_text_without_a_value_that_it_needs_is_not_said() {
        let texts = Texts::read(vec![file("en", "a = { $whom }\n")]).unwrap();

        assert!(matches!(say(&texts, "en", "a"), Err(TextError::Incomplete { .. })));
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let files = vec![
            file("en", "title = Hello { $who }\n"),
            file("de", "title = Hallo { $wem }\ntitel = Hallo\n"),
            file("fr", "title = Bonjour { $who\n"),
            file("not a language", ""),
        ];

        let found = faults(files);

        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[0], "de.ftl:1:1: title uses $wem, which it is not given; it is given $who");
        assert_eq!(found[1], "de.ftl:2:1: there is no text titel: did you mean title?");
        assert!(found[2].starts_with("fr.ftl:1:") || found[2].starts_with("fr.ftl:2:"), "{found:?}");
        assert!(found[3].starts_with("not a language.ftl:1:1: is not named after a language"), "{found:?}");
    }

    #[test]
    fn a_later_file_goes_before_an_earlier_one_text_by_text() {
        let texts =
            Texts::read(vec![file("en", "a = one\nb = two\n"), file("en", "a = mine\nown = own\n")]).unwrap();

        let said = |id| say(&texts, "en", id).unwrap();
        assert_eq!([said("a"), said("b"), said("own")], ["mine", "two", "own"]);
    }
}
