//! A folder of somebody's own templates in front of the built-in ones.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const MANIFEST: &str =
    "description = \"An order was sent.\"\n\n[data.number]\nabout = \"Its number.\"\nsample = \"A-1\"\n";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A mail of one's own that is sound.
    fn order(self) -> Self {
        self.file("mail/order-sent/template.toml", MANIFEST)
            .file("mail/order-sent/subject.txt", "Order {{ number }}")
            .file("mail/order-sent/body.txt", "Order {{ number }} is on its way.")
            .file(
                "mail/order-sent/body.mjml",
                "{% extends \"mail/layout.mjml\" %}\n{% block content %}<mj-text>Order {{ number }}</mj-text>{% endblock %}\n",
            )
    }

    fn open(&self) -> Result<Renderer, TemplateError> {
        let public_url = Url::parse("https://id.example.test").unwrap();
        let folder = Some(self.0.path().to_owned());
        Renderer::new(&RenderSettings { folder, ..RenderSettings::new(public_url) })
    }

    fn renderer(&self) -> Renderer {
        self.open().unwrap_or_else(|error| panic!("{error}"))
    }

    /// What is wrong, with paths as seen from the folder.
    fn faults(&self) -> Vec<String> {
        let Err(TemplateError::Faulty(faults)) = self.open() else { panic!("there is no fault") };
        let folder = format!("{}/", self.0.path().display());
        faults.0.iter().map(|fault| fault.to_string().replace(&folder, "")).collect()
    }
}

fn changed(renderer: &Renderer, locale: &str) -> Mail {
    renderer.preview("password-changed", Some(locale)).unwrap()
}

#[test]
fn a_file_takes_the_place_of_the_built_in_one_and_a_text_of_the_built_in_text() {
    let folder = Folder::new()
        .file("mail/password-changed/subject.txt", "Mind your {{ brand.name }} account")
        .file("texts/en.ftl", "mail-changed-fine = All is well at { $brand }.\n");

    let mail = changed(&folder.renderer(), "en");

    assert_eq!(mail.subject, "Mind your Backstamp account");
    assert!(
        mail.text.contains("All is well at Backstamp.") && mail.html.contains("All is well at Backstamp.")
    );
    assert!(mail.text.contains("choose a new password right away"));
}

#[test]
fn a_language_of_ones_own_says_what_it_can_and_the_rest_in_english() {
    let folder =
        Folder::new().file("texts/fr.ftl", "mail-hello = Bonjour,\nmail-hello-name = Bonjour { $name },\n");
    let renderer = folder.renderer();

    let mail = changed(&renderer, "fr-CA");

    assert!(mail.text.starts_with("Bonjour Ada Lovelace,"), "{}", mail.text);
    assert!(mail.text.contains("If it was you, there is nothing to do."));
    assert!(mail.html.contains("<html lang=\"fr\""));
    assert!(renderer.missing_texts().any(|(language, id)| language.tag() == "fr" && id == "moment"));
    assert_eq!(renderer.negotiate(Some("fr, en;q=0.5")).tag(), "fr");
}

#[test]
fn a_template_of_ones_own_can_be_asked_for() {
    let renderer = Folder::new().order().renderer();
    let data = object(json!({ "number": "<A&B>" }));

    assert_eq!(renderer.check("order-sent", &data), Ok(()));
    let mail = renderer.mail("order-sent", None, data).unwrap();
    assert_eq!(mail.subject, "Order <A&B>");
    assert!(mail.html.contains("Order &lt;A&amp;B&gt;"));
}

#[test]
fn what_cannot_be_asked_for_is_told_before_anything_is_made() {
    let renderer = Folder::new().order().renderer();
    let check = |template: &str, data: Value| renderer.check(template, &object(data)).unwrap_err();

    let CheckError::Data(faults) = check("order-sent", json!({ "numer": 1 })) else {
        panic!("not about data")
    };
    let told: Vec<_> = faults.iter().map(|fault| (fault.key.as_str(), fault.code)).collect();
    assert_eq!(told, [("number", "missing"), ("numer", "unknown")]);
    let unknown = CheckError::UnknownTemplate { name: "order-snet".into(), guess: Some("order-sent".into()) };
    assert_eq!(check("order-snet", json!({})), unknown);
    assert_eq!(check("password-reset", json!({})), CheckError::NotSendable { name: "password-reset".into() });
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let folder = Folder::new()
        .order()
        .file("mail/order-sent/body.txt", "Order\n  {{ number }\n")
        .file("mail/welcome/subject.txt", "{{ text(\"mail-welcome-subjekt\") }}")
        .file("mail/half/template.toml", "description = 7\n")
        .file("texts/de.ftl", "mail-hello = Hallo { $wer },\n");

    let faults = folder.faults();

    assert_eq!(faults.len(), 5, "{faults:#?}");
    let has = |start: &str, end: &str| {
        assert!(
            faults.iter().any(|fault| fault.starts_with(start) && fault.contains(end)),
            "{start}: {faults:#?}"
        );
    };
    has("mail/order-sent/body.txt:2:", "");
    has("mail/welcome/subject.txt:1:10: ", "did you mean mail-welcome-subject?");
    has("mail/half/template.toml:1:1: ", "the mail half lacks subject.txt, body.txt, body.mjml");
    has("mail/half/template.toml:1:15: ", "");
    has("texts/de.ftl:1:1: ", "mail-hello uses $wer, which it is not given");
}

#[test]
fn what_only_shows_when_a_mail_is_made_is_told_at_the_start_too() {
    let folder = Folder::new()
        .order()
        .file("mail/order-sent/subject.txt", "Order {{ numbr }}")
        .file("mail/welcome/body.txt", "\nHello {{ text(\"mail-link-works\", duration=\"1 hour\") }}")
        .file("pages/login.html", "<p>\n{{ nobody.knows }}</p>");

    let faults = folder.faults();

    let start = |index: usize, start: &str| assert!(faults[index].starts_with(start), "{faults:#?}");
    assert_eq!(faults.len(), 4, "{faults:#?}");
    start(0, "mail/order-sent/subject.txt:1:10: ");
    start(1, "mail/welcome/body.txt:2:10: the text mail-link-works in de cannot be said");
    start(2, "mail/welcome/body.txt:2:10: the text mail-link-works in en cannot be said");
    start(3, "pages/login.html:2:4: ");
}

#[test]
fn faults_of_mjml_are_told_where_they_were_written() {
    let with = |content: &str| {
        let body = format!(
            "{{% extends \"mail/layout.mjml\" %}}\n{{% block content %}}\n{content}\n{{% endblock %}}\n"
        );
        Folder::new().order().file("mail/order-sent/body.mjml", &body).faults().join("\n")
    };

    assert_eq!(with("<mj-txt>x</mj-txt>"), "mail/order-sent/body.mjml:3:2: there is no element mj-txt");
    assert_eq!(
        with("  <mj-text>{{ number }}"),
        "mail/order-sent/body.mjml:3:3: <mj-text> is not closed before </mj-column>"
    );
    assert_eq!(
        with("<mj-text>\n<b>{{ number }}</i></mj-text>"),
        "mail/order-sent/body.mjml:4:1: <b> is not closed before </i>"
    );
}

#[test]
fn a_file_that_nobody_asks_for_is_told_with_what_was_probably_meant() {
    let folder = Folder::new()
        .order()
        .file("mail/order-sent/body.mjlm", "x")
        .file("mail/layuot.mjml", "x")
        .file("pages/_mine.html", "x")
        .file(".hidden/x", "x");

    let strangers = folder.renderer().strangers().join("\n");

    assert_eq!(strangers.lines().count(), 2, "{strangers}");
    assert!(
        strangers.contains("mail/layuot.mjml is no template: did you mean mail/layout.mjml?"),
        "{strangers}"
    );
    assert!(
        strangers.contains("body.mjlm is no template: did you mean mail/order-sent/body.mjml?"),
        "{strangers}"
    );
}

#[test]
fn what_the_program_gives_is_not_for_others_to_say() {
    let folder = Folder::new().file("mail/welcome/template.toml", MANIFEST);

    assert!(folder.faults()[0].contains("cannot be replaced"), "{:?}", folder.faults());
}

#[test]
fn an_own_name_must_be_one_that_providers_take() {
    let folder = Folder::new().order();
    fs::rename(folder.0.path().join("mail/order-sent"), folder.0.path().join("mail/Order sent")).unwrap();

    assert!(folder.faults()[0].contains("is no name for a template"), "{:?}", folder.faults());
}

#[test]
fn a_folder_that_cannot_be_read_is_a_fault() {
    let public_url = Url::parse("https://id.example.test").unwrap();
    let folder = Some(Path::new("/nowhere/at/all").to_owned());

    let error = Renderer::new(&RenderSettings { folder, ..RenderSettings::new(public_url) }).err().unwrap();

    assert!(error.to_string().contains("/nowhere/at/all:1:1: cannot be read"), "{error}");
}
