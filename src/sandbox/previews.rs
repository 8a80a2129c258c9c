//! How mails look, made with their samples: each in every language, on light and dark ground, as HTML in a frame
//! without rights and as text. Sends nothing.

use std::fmt::Write as _;

use poem::http::{StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{Endpoint, EndpointExt, Response, Route, handler};
use serde::Deserialize;

use super::pages::{FRAME_POLICY, page};
use crate::rendering::{DataKind, Mail, MailTemplate, Renderer, escaped};

/// What a mail asks its reader's program about the ground.
const ASKS_FOR_DARK: &str = "@media (prefers-color-scheme: dark)";

#[derive(Deserialize)]
struct Look {
    locale: Option<String>,
    #[serde(default)]
    theme: Theme,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Theme {
    #[default]
    Light,
    Dark,
}

impl Theme {
    const ALL: [(&str, Self); 2] = [("light", Self::Light), ("dark", Self::Dark)];

    fn name(self) -> &'static str {
        if self == Self::Light { "light" } else { "dark" }
    }
}

/// The routes, to be mounted below `/sandbox/templates`.
pub(super) fn routes(renderer: Renderer) -> impl Endpoint {
    Route::new()
        .at("/", poem::get(list))
        .at("/:name", poem::get(show))
        .at("/:name/html", poem::get(html))
        .data(renderer)
}

/// Every mail.
#[handler]
fn list(Data(renderer): Data<&Renderer>) -> Response {
    let mut rows = String::new();
    for template in renderer.templates() {
        let _ = write!(
            rows,
            r#"<li><a href="/sandbox/templates/{name}"><strong>{name}</strong><span>{description}</span></a></li>"#,
            name = escaped(&template.name),
            description = escaped(&template.description),
        );
    }
    page(
        "Templates",
        &format!(r#"<p><a href="/sandbox">All mail</a></p><h2>Templates</h2><ol class="mails">{rows}</ol>"#),
    )
}

/// One mail.
#[handler]
fn show(Path(name): Path<String>, Query(look): Query<Look>, Data(renderer): Data<&Renderer>) -> Response {
    let (Some(template), Ok(mail)) = (renderer.template(&name), preview(renderer, &name, &look)) else {
        return not_found();
    };
    let chosen = renderer.language(look.locale.as_deref());
    let at = |locale: &str, theme: Theme| {
        format!("/sandbox/templates/{}?locale={locale}&amp;theme={}", escaped(&name), theme.name())
    };
    let choice = |href: String, label: &str, is_chosen: bool| {
        let current = if is_chosen { r#" aria-current="true""# } else { "" };
        format!(r#"<a href="{href}"{current}>{label}</a>"#)
    };
    let languages: Vec<_> = renderer
        .languages()
        .map(|language| choice(at(language.tag(), look.theme), language.tag(), *language == chosen))
        .collect();
    let themes = Theme::ALL.map(|(label, theme)| choice(at(chosen.tag(), theme), label, theme == look.theme));
    page(
        &name,
        &format!(
            r#"<p><a href="/sandbox/templates">Templates</a></p>
<h2>{subject}</h2>
<p class="envelope">{description}</p>
<nav class="choices" aria-label="Language and ground">{languages} <span>·</span> {themes}</nav>
<iframe title="The mail as HTML" class="{theme}" sandbox="" src="/sandbox/templates/{name}/html?locale={locale}&amp;theme={theme}"></iframe>
<h3>Text</h3><pre>{text}</pre>
<h3>Data</h3><dl>{data}</dl>"#,
            subject = escaped(&mail.subject),
            description = escaped(&template.description),
            languages = languages.join(" "),
            themes = themes.join(" "),
            name = escaped(&name),
            locale = chosen.tag(),
            theme = look.theme.name(),
            text = escaped(&mail.text),
            data = data(template),
        ),
    )
}

/// Its HTML, for the frame. A frame has the ground of the page around it, so the one that was chosen is put in.
#[handler]
fn html(Path(name): Path<String>, Query(look): Query<Look>, Data(renderer): Data<&Renderer>) -> Response {
    let Ok(mail) = preview(renderer, &name, &look) else { return not_found() };
    let asked = if look.theme == Theme::Dark { "@media all" } else { "@media not all" };
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, FRAME_POLICY)
        .body(mail.html.replace(ASKS_FOR_DARK, asked))
}

fn preview(renderer: &Renderer, name: &str, look: &Look) -> Result<Mail, ()> {
    renderer.preview(name, look.locale.as_deref()).map_err(|error| {
        tracing::debug!(%error, "a template cannot be shown");
    })
}

/// What the mail takes, and the samples that it is shown with.
fn data(template: &MailTemplate) -> String {
    let mut rows = String::new();
    for (name, key) in &template.data {
        let sample = key.sample.as_str().map_or_else(|| key.sample.to_string(), str::to_owned);
        let kind = match (key.kind, key.optional) {
            (DataKind::Link, _) => " (made by the program)",
            (_, true) => " (optional)",
            _ => "",
        };
        let about = escaped(&key.about);
        let _ = write!(rows, "<dt>{}{kind}</dt><dd>{about} {}</dd>", escaped(name), escaped(&sample));
    }
    rows
}

fn not_found() -> Response {
    Response::builder().status(StatusCode::NOT_FOUND).content_type("text/plain").body("No such template")
}
