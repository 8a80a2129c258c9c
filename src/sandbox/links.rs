//! The links in a mail: found in its text and its HTML, and led through the mailbox when it is shown.

use std::sync::LazyLock;

use regex::{Captures, Regex};

static IN_TEXT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s<>"]+"#).expect("a valid pattern"));
static IN_HTML: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i)\bhref\s*=\s*("[^"]*"|'[^']*')"#).expect("a valid pattern"));

/// Every http link once, those of the text first.
pub(super) fn of(text: &str, html: &str) -> Vec<String> {
    let in_text = IN_TEXT.find_iter(text).map(|link| {
        // A full stop after a link ends the sentence.
        link.as_str().trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']).to_owned()
    });
    let in_html = IN_HTML.captures_iter(html).map(|attribute| target(&attribute));
    let mut links: Vec<String> = Vec::new();
    for link in in_text.chain(in_html).filter(|link| is_followable(link)) {
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

/// The HTML with every link led through `redirect(index)` into a new tab, and every other quoted target removed.
pub(super) fn led_through(html: &str, links: &[String], redirect: impl Fn(usize) -> String) -> String {
    let lead = |attribute: &Captures<'_>| match links.iter().position(|link| *link == target(attribute)) {
        Some(index) => format!(r#"href="{}" target="_blank" rel="noopener""#, redirect(index)),
        None => String::new(),
    };
    IN_HTML.replace_all(html, lead).into_owned()
}

/// Only these are ever redirected to.
pub(super) fn is_followable(link: &str) -> bool {
    url::Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn target(attribute: &Captures<'_>) -> String {
    let quoted = &attribute[1];
    quoted[1..quoted.len() - 1]
        .trim()
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&#x3D;", "=")
        .replace("&#x3d;", "=")
        .replace("&#61;", "=")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_text_and_html_is_one_link() {
        let text = "Open https://app.test/reset?token=a_b-c&x=1.\nOr (https://app.test/help).";
        let html = r#"<a class="b" HREF = 'https://app.test/reset?token=a_b-c&amp;x=1'>x</a>
            <a href="mailto:a@b.test">y</a><a href="https://app.test/&#x2f;z">z</a>"#;

        let links = of(text, html);

        assert_eq!(
            links,
            ["https://app.test/reset?token=a_b-c&x=1", "https://app.test/help", "https://app.test//z"]
        );
    }

    #[test]
    fn a_shown_mail_leads_nowhere_but_through_the_mailbox() {
        let html = r#"<a href="https://app.test/">x</a><a href="javascript:alert(1)">y</a>"#;

        let shown = led_through(html, &of("", html), |index| format!("/links/{index}"));

        assert_eq!(shown, r#"<a href="/links/0" target="_blank" rel="noopener">x</a><a >y</a>"#);
    }
}
