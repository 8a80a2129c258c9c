//! Which languages there are, and which of them somebody reads.

use std::fmt;
use std::sync::Arc;

use fluent_langneg::{
    LanguageIdentifier, NegotiationStrategy, convert_vec_str_to_langids_lossy, negotiate_languages,
};
use unic_langid::CharacterDirection;

/// Everything is said in it, so every other language falls back to it.
pub(super) const FALLBACK: &str = "en";
/// Languages that one header is asked for at most; browsers send a handful.
const MOST_WISHES: usize = 32;

/// A language that there are texts in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(Arc<str>);

impl Language {
    pub(super) fn new(tag: &str) -> Self {
        Self(tag.into())
    }

    /// Its tag (BCP 47), such as `de`: what `<html lang>` takes.
    pub fn tag(&self) -> &str {
        &self.0
    }

    /// What `<html dir>` takes: `ltr` or `rtl`.
    pub fn direction(&self) -> &'static str {
        match self.identifier().character_direction() {
            CharacterDirection::RTL => "rtl",
            _ => "ltr",
        }
    }

    pub(super) fn identifier(&self) -> unic_langid::LanguageIdentifier {
        self.0.parse().unwrap_or_default()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({self})")
    }
}

/// The languages that there are texts in.
#[derive(Debug, Clone, Default)]
pub(super) struct Languages {
    languages: Vec<Language>,
    identifiers: Vec<LanguageIdentifier>,
}

impl Languages {
    /// Of these tags, which are well-formed.
    pub(super) fn new(languages: Vec<Language>) -> Self {
        let identifiers = convert_vec_str_to_langids_lossy(languages.iter().map(Language::tag));
        Self { languages, identifiers }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Language> {
        self.languages.iter()
    }

    /// The best for an `Accept-Language` header (RFC 9110 §12.5.4).
    pub(super) fn negotiate(&self, accept_language: &str) -> Language {
        let mut wishes: Vec<(&str, f32)> = accept_language.split(',').take(MOST_WISHES).map(wish).collect();
        wishes.retain(|(_, weight)| *weight > 0.0);
        wishes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        self.best(wishes.into_iter().map(|(tag, _)| tag))
    }

    /// The best for one language tag.
    pub(super) fn of_tag(&self, tag: &str) -> Language {
        self.best(std::iter::once(tag))
    }

    fn best<'a>(&self, tags: impl Iterator<Item = &'a str>) -> Language {
        let requested = convert_vec_str_to_langids_lossy(tags);
        let best =
            negotiate_languages(&requested, &self.identifiers, None, NegotiationStrategy::Lookup).pop();
        let place = best.and_then(|best| self.identifiers.iter().position(|known| known == best));
        place.and_then(|place| self.languages.get(place)).cloned().unwrap_or_else(|| Language::new(FALLBACK))
    }
}

/// A tag and its weight; without one, or with one that cannot be read, 1.
fn wish(item: &str) -> (&str, f32) {
    let (tag, parameters) = item.split_once(';').unwrap_or((item, ""));
    let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse().ok());
    (tag.trim(), weight.filter(|weight: &f32| weight.is_finite()).unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn languages() -> Languages {
        Languages::new(["de", "en", "pt-BR"].map(Language::new).to_vec())
    }

    #[test]
    fn the_header_decides_by_weight_and_then_by_order() {
        for (header, expected) in [
            ("de", "de"),
            ("DE-at, en;q=0.5", "de"),
            ("en;q=0.5, de;q=0.9", "de"),
            ("fr, de;q=0.3, en;q=0.2", "de"),
            ("en-GB, de", "en"),
            ("pt, en;q=0.1", "pt-BR"),
            ("de;q=0, en", "en"),
            ("de;q=0", "en"),
            ("fr, *;q=0.5", "en"),
            ("", "en"),
        ] {
            assert_eq!(languages().negotiate(header).tag(), expected, "{header}");
        }
    }

    #[test]
    fn a_tag_that_nobody_knows_gets_english() {
        for (tag, expected) in
            [("de-CH", "de"), ("pt-BR", "pt-BR"), ("ja", "en"), ("", "en"), ("../de", "en")]
        {
            assert_eq!(languages().of_tag(tag).tag(), expected, "{tag}");
        }
    }

    #[test]
    fn the_direction_is_that_of_the_script() {
        assert_eq!(
            ["en", "de", "ar", "he"].map(|tag| Language::new(tag).direction()),
            ["ltr", "ltr", "rtl", "rtl"]
        );
    }

    proptest! {
        #[test]
        fn any_header_gets_a_language_that_there_is(header in "\\PC{0,60}|([a-zA-Z]{1,9}(-[a-zA-Z0-9]{1,9})?(;q=[0-9.a-z-]{0,4})?,?){0,8}") {
            prop_assert!(languages().iter().any(|known| *known == languages().negotiate(&header)));
        }
    }
}
