mod mails;
mod overrides;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const LINK: &str = "https://id.example.test/reset-password?token=AAECAwQ-_w";

fn renderer() -> Renderer {
    static EXAMPLE: std::sync::LazyLock<Renderer> = std::sync::LazyLock::new(|| named("Example").unwrap());
    EXAMPLE.clone()
}

fn named(name: &str) -> Result<Renderer, TemplateError> {
    let brand = BrandConfig { name: name.to_owned(), ..BrandConfig::default() };
    let public_url = Url::parse("https://id.example.test").unwrap();
    Renderer::new(&RenderSettings { brand, ..RenderSettings::new(public_url) })
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn reset_for(name: &str) -> Mail {
    reset_in("pt-BR", name)
}

fn reset_in(locale: &str, name: &str) -> Mail {
    let data = json!({
        "name": name,
        "link": LINK,
        "requested_at": "2026-11-20T11:27:00Z",
        "browser": "Firefox on Windows",
        "expires_at": "2026-11-20T12:27:00Z",
        "expires_in_minutes": 60,
    });
    renderer().mail("password-reset", Some(locale), object(data)).unwrap()
}

/// Where a reader could be led: everything that is a link in the HTML.
fn links(html: &str) -> Vec<&str> {
    html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn a_reset_mail_carries_the_link_and_says_how_long_it_works() {
    let mail = reset_for("Ada");

    assert_eq!(mail.subject, "Reset your Example password");
    for body in [&mail.text, &mail.html] {
        assert!(
            body.contains("Ada") && body.contains("1 hour") && body.contains("20 November 2026, 12:27 UTC")
        );
    }
    assert!(mail.text.lines().any(|line| line == LINK), "{}", mail.text);
    assert_eq!(links(&mail.html), [LINK]);
}

#[test]
fn a_mail_without_a_name_greets_nobody_by_name() {
    let data = json!({
        "link": LINK,
        "requested_at": "2026-11-20T11:27:00Z",
        "expires_at": "2026-11-20T12:27:00Z",
        "expires_in_minutes": 60,
    });

    let mail = renderer().mail("password-reset", None, object(data)).unwrap();

    assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
}

#[test]
fn a_changed_password_is_told_without_a_token_and_with_a_way_out() {
    let data = json!({ "name": "Ada", "changed_at": "2026-11-20T12:00:00Z" });

    let mail = renderer().mail("password-changed", None, object(data)).unwrap();

    assert_eq!(mail.subject, "Your Example password was changed");
    assert!(mail.text.contains("https://id.example.test/forgot-password"));
    assert!(!mail.text.contains("token") && !mail.html.contains("token"));
}

#[test]
fn a_mail_with_a_hole_is_not_made() {
    let renderer = renderer();

    let error = renderer.mail("password-reset", None, Map::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the mail password-reset needs expires_at, expires_in_minutes, link, requested_at"
    );
    assert!(matches!(renderer.mail("nothing", None, Map::new()), Err(RenderError::UnknownTemplate(_))));
}

#[test]
fn a_link_to_anywhere_else_is_not_mailed() {
    for link in
        ["https://evil.test/reset-password?token=x", "https://id.example.test/reset-password?t=%recipient%"]
    {
        let data = json!({
            "link": link,
            "requested_at": "2026-11-20T11:27:00Z",
            "expires_at": "2026-11-20T12:27:00Z",
            "expires_in_minutes": 60,
        });
        let outcome = renderer().mail("password-reset", None, object(data));
        assert!(matches!(outcome, Err(RenderError::ForeignLink)), "{link}");
    }
    let page = Url::parse("https://id.example.test/a%20b").unwrap();
    assert!(matches!(Renderer::new(&RenderSettings::new(page)), Err(TemplateError::PercentInUrl)));
}

#[test]
fn a_hostile_brand_breaks_neither_subject_nor_markup() {
    let renderer = named("A\r\nBcc: x <b>%tag%").unwrap();

    let mail = renderer
        .mail("password-changed", None, object(json!({ "changed_at": "2026-11-20T12:00:00Z" })))
        .unwrap();

    assert!(!mail.subject.contains(['\r', '\n', '%']));
    assert!(!mail.html.contains("<b>") && mail.html.contains("&lt;b&gt;"));
}

#[test]
fn a_mail_speaks_the_language_of_its_recipient() {
    let mail = reset_in("de-AT", "Ada");

    assert_eq!(mail.subject, "Setzen Sie Ihr Passwort für Example zurück");
    for body in [&mail.text, &mail.html] {
        let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in
            ["Guten Tag Ada,", "1 Stunde", "20. November 2026, 12:27 Uhr UTC", "Firefox unter Windows"]
        {
            assert!(body.contains(words), "{words}: {body}");
        }
    }
    assert!(mail.html.contains("<html lang=\"de\""));
}

#[test]
fn a_text_takes_values_as_text_and_what_is_html_already_as_html() {
    let template = "{% set strong %}<b>{{ account }}</b>{% endset %}{{ text('reset-intro', account=strong) }}|\
                    {{ text('reset-intro', account=account) }}";
    let hostile = "<i>\u{fdd0}&{{ 7*7 }}\u{fdd1}</i>";
    let renderer = renderer();
    let mut english = renderer.templates[&renderer.language(None)].clone();
    english.add_template("pages/x.html", template).unwrap();

    let html = english
        .get_template("pages/x.html")
        .unwrap()
        .render(minijinja::context!(account => hostile))
        .unwrap();

    let (with_html, plain) = html.split_once('|').unwrap();
    assert!(with_html.starts_with("For the account <b>&lt;i&gt;"), "{html}");
    assert!(plain.starts_with("For the account &lt;i&gt;&amp;{{ 7*7 }}&lt;/i&gt;."), "{html}");
}

#[test]
fn a_text_that_does_not_exist_stops_the_start() {
    let texts = Texts::read(Files::read(None).unwrap().texts()).unwrap();
    let source = "<h1>{{ text(\"forgot-title\") }}</h1>\n<p>{{ text('forgott-title', a=1) }}</p>";

    let file =
        files::File { path: "templates/pages/x.html".into(), source: source.into(), is_built_in: true };
    let faults = functions::unknown_texts(&file, &texts);

    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["templates/pages/x.html:2:13: there is no text forgott-title: did you mean forgot-title?"]
    );
}

#[test]
fn errors_never_quote_a_value() {
    let data =
        json!({ "link": LINK, "requested_at": "hunter2", "expires_at": "hunter2", "expires_in_minutes": 60 });

    let error = renderer().mail("password-reset", None, object(data)).unwrap_err();

    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_name_changes_where_a_mail_leads(name in r#"[a-z<>"'&%{}./:@\r\n ]{0,60}|.{0,60}"#) {
        let mail = reset_for(&name);
        let plain = reset_for("Ada");

        prop_assert_eq!(links(&mail.html), links(&plain.html));
        prop_assert_eq!(mail.html.matches('<').count(), plain.html.matches('<').count());
        prop_assert_eq!(mail.text.matches("://").count(), plain.text.matches("://").count());
        prop_assert_eq!(mail.text.split("\n\n").count(), plain.text.split("\n\n").count());
        prop_assert!(!mail.text.contains('%'));
        prop_assert_eq!(mail.subject, plain.subject);
    }
}
