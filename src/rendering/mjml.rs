//! MJML to HTML that mail programs understand. Nothing is fetched: what a mail shows is in it, or a logo.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use mrml::prelude::parser::{Error, ParseOutput, ParserOptions, Span, WarningKind};
use mrml::prelude::render::RenderOptions;
use regex::Regex;

/// What is wrong with a document, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MarkupFault {
    /// Bytes of the document; none if that cannot be told.
    pub at: Option<Range<usize>>,
    pub message: String,
}

/// The HTML of a document.
pub(super) fn to_html(document: &str) -> Result<String, MarkupFault> {
    let ParseOutput { element, warnings } = mrml::parse_with_options(document, &ParserOptions::default())
        .map_err(|error| told(document, &error))?;
    // The parser takes HTML within text as it comes.
    if let Some(fault) = unclosed(document) {
        return Err(fault);
    }
    if let Some(warning) = warnings.first() {
        let message = match warning.kind {
            WarningKind::UnexpectedAttribute => "is no attribute of this element",
            WarningKind::InlineStyleUnsupported => "styles cannot be inlined: leave the attribute out",
        };
        return Err(MarkupFault { at: range(warning.span), message: message.to_owned() });
    }
    // Without fonts of its own choice: those would be loaded from elsewhere.
    let options = RenderOptions { disable_comments: true, social_icon_origin: None, fonts: HashMap::new() };
    let html =
        element.render(&options).map_err(|error| MarkupFault { at: None, message: error.to_string() })?;
    // An element that the parser does not know goes through as it is, and no mail program knows it either.
    match UNKNOWN.captures(&html).and_then(|tag| tag.get(1)) {
        None => Ok(html),
        Some(name) => {
            let at = document.find(&format!("<{}", name.as_str())).map(|at| at + 1);
            let message = format!("there is no element {}", name.as_str());
            Err(MarkupFault { at: at.map(|at| at..at + name.len()), message })
        }
    }
}

fn told(document: &str, error: &Error) -> MarkupFault {
    let fault = |at: Option<Range<usize>>, message: &str| MarkupFault { at, message: message.to_owned() };
    match error {
        Error::UnexpectedElement { .. } | Error::UnexpectedToken { .. } | Error::EndOfStream { .. } => {
            unclosed(document).unwrap_or_else(|| {
                let at = match error {
                    Error::UnexpectedElement { position, .. } | Error::UnexpectedToken { position, .. } => {
                        range(*position)
                    }
                    _ => Some(document.len()..document.len()),
                };
                fault(at, "this cannot stand here")
            })
        }
        Error::MissingAttribute { name, position, .. } => {
            fault(range(*position), &format!("this element needs the attribute {name}"))
        }
        Error::InvalidAttribute { position, .. } => fault(range(*position), "no attribute takes this value"),
        Error::InvalidFormat { position, .. } => fault(range(*position), "this is not well-formed"),
        Error::IncludeLoaderError { position, .. } => {
            fault(range(*position), "mj-include is not available: use {% include %}")
        }
        Error::ParserError { .. } if !document.trim_start().starts_with('<') => {
            fault(Some(0..0), "there is no element mjml")
        }
        Error::NoRootNode => fault(Some(0..0), "there is no element mjml"),
        Error::SizeLimit { .. } => fault(None, "the document is too large"),
        Error::ParserError { source, .. } => {
            let start =
                document.split_inclusive('\n').take(source.pos().row as usize - 1).map(str::len).sum();
            fault(Some(start..start), &format!("this is not well-formed: {source}"))
        }
    }
}

/// The element that the parser stumbled over later: opened and never closed, or closed and never opened.
fn unclosed(document: &str) -> Option<MarkupFault> {
    let fault = |at: Range<usize>, message: String| Some(MarkupFault { at: Some(at), message });
    let mut open: Vec<(&str, Range<usize>)> = vec![];
    for tag in TAG.captures_iter(document) {
        let (Some(whole), Some(name)) = (tag.get(0), tag.name("name")) else { continue };
        let is_empty =
            tag.name("empty").is_some_and(|empty| !empty.is_empty()) || VOID.contains(&name.as_str());
        if tag.name("close").is_none_or(|close| close.is_empty()) {
            if !is_empty {
                open.push((name.as_str(), whole.range()));
            }
            continue;
        }
        match open.pop() {
            Some((opened, _)) if opened == name.as_str() => {}
            Some((opened, at)) => {
                return fault(at, format!("<{opened}> is not closed before </{}>", name.as_str()));
            }
            None => return fault(whole.range(), format!("</{}> closes nothing", name.as_str())),
        }
    }
    open.pop().and_then(|(opened, at)| fault(at, format!("<{opened}> is not closed")))
}

/// An element of MJML that was left in HTML.
static UNKNOWN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<(mj-[\w-]+)").expect("the expression is well-formed"));

/// Elements of HTML that have no end.
const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];

/// A comment, or a tag with its attributes.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    let tag = r#"<!--[\s\S]*?-->|<(?<close>/?)(?<name>[a-zA-Z][\w-]*)(?:[^>"'/]|"[^"]*"|'[^']*'|/[^>])*?(?<empty>/?)>"#;
    Regex::new(tag).expect("the expression is well-formed")
});

fn range(span: Span) -> Option<Range<usize>> {
    Some(span.start..span.end)
}

/// Where a place of a document stands in one of these sources, which it was made from: the whole line if it
/// was written as it stands, else what the place itself holds.
pub(super) fn place_in<'a>(
    document: &str,
    at: &Range<usize>,
    sources: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<(&'a str, usize)> {
    let start = document.floor_char_boundary(at.start);
    let line_start = document[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = document[line_start..].lines().next().unwrap_or_default();
    let held = document.get(at.clone()).unwrap_or_default();
    let needles = [
        (line.trim(), start - line_start - (line.len() - line.trim_start().len()).min(start - line_start)),
        (held, 0),
    ];
    needles.into_iter().filter(|(needle, _)| needle.len() > 2).find_map(|(needle, offset)| {
        sources.clone().into_iter().find_map(|(name, source)| Some((name, source.find(needle)? + offset)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(inner: &str) -> String {
        format!(
            "<mjml><mj-body>\n<mj-section><mj-column>\n{inner}\n</mj-column></mj-section>\n</mj-body></mjml>"
        )
    }

    fn fault(document: &str) -> (String, String) {
        let fault = to_html(document).unwrap_err();
        (document.get(fault.at.unwrap_or_default()).unwrap_or_default().to_owned(), fault.message)
    }

    #[test]
    fn a_document_becomes_html_that_loads_nothing() {
        let html =
            to_html(&body("<mj-text font-family=\"Roboto\">Hello &lt;b&gt; &amp; so on</mj-text>")).unwrap();

        assert!(html.contains("Hello &lt;b&gt; &amp; so on"));
        assert!(!html.contains("fonts.googleapis.com") && !html.contains("<link"));
    }

    #[test]
    fn faults_are_told_with_what_they_are_about() {
        assert_eq!(
            fault(&body("<mj-txt>x</mj-txt>")),
            ("mj-txt".into(), "there is no element mj-txt".into())
        );
        assert_eq!(
            fault(&body("<mj-text>x")),
            ("<mj-text>".into(), "<mj-text> is not closed before </mj-column>".into())
        );
        assert_eq!(fault("<mjml><mj-body>").1, "<mj-body> is not closed");
        assert_eq!(fault("Hello").1, "there is no element mjml");
    }

    #[test]
    fn a_place_is_found_in_the_source_that_it_comes_from() {
        let document = "<mjml>\n  <mj-body>Ada</mj-body>\n  <mj-txt>";
        let sources = [
            ("layout", "<mjml>\n  {% x %}\n"),
            ("body", "{{ y }}\n<mj-body>{{ name }}</mj-body>\n  <mj-txt>"),
        ];
        let at = |needle: &str| {
            let start = document.find(needle).unwrap();
            place_in(document, &(start..start + needle.len()), sources)
        };

        assert_eq!(at("<mj-txt>"), Some(("body", sources[1].1.find("<mj-txt>").unwrap())));
        assert_eq!(at("mj-body"), Some(("body", sources[1].1.find("mj-body").unwrap())));
        assert_eq!(at("Ada<"), None);
    }
}
