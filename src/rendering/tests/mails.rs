//! Every mail as its recipient's program takes it apart.

use lettre::message::{Mailbox, Message, MultiPart};
use mail_parser::MessageParser;
use regex::Regex;
use scraper::{Html, Selector};

use super::*;

const PUBLIC_URL: &str = "https://id.example.test";

fn select<'a>(html: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    let selector = Selector::parse(selector).unwrap();
    html.select(&selector).collect()
}

/// What people see: the text of the body, with its blanks as one each.
fn visible(html: &Html) -> String {
    let text = select(html, "body").iter().flat_map(|body| body.text()).collect::<String>();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The mail as MIME, and what a program makes of it: subject, text and HTML.
fn received(mail: &Mail) -> (String, String, String) {
    let mailbox: Mailbox = "ada@example.test".parse().unwrap();
    let message = Message::builder()
        .from(mailbox.clone())
        .to(mailbox)
        .subject(&mail.subject)
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .unwrap()
        .formatted();
    let message = MessageParser::default().parse(&message).unwrap();
    let unix = |text: &str| text.replace("\r\n", "\n");
    (
        message.subject().unwrap().to_owned(),
        unix(&message.body_text(0).unwrap()),
        unix(&message.body_html(0).unwrap()),
    )
}

/// Every mail in every language, with and without what is optional, by a name for failures.
fn every_mail(check: impl Fn(&str, &Language, &MailTemplate, &Map<String, Value>, &Mail)) {
    let renderer = renderer();
    for template in renderer.templates() {
        for language in renderer.languages() {
            for complete in [true, false] {
                let data = renderer.samples(template, complete);
                let mail = renderer.mail(&template.name, Some(language.tag()), data.clone()).unwrap();
                check(&format!("{} in {language}", template.name), language, template, &data, &mail);
            }
        }
    }
}

#[test]
fn a_program_finds_the_same_subject_text_and_html_in_the_message() {
    every_mail(|name, _, _, _, mail| {
        let (subject, text, html) = received(mail);

        assert_eq!(subject, mail.subject, "{name}");
        assert_eq!(text.trim_end(), mail.text.trim_end(), "{name}");
        assert_eq!(html.trim_end(), mail.html.replace("\r\n", "\n").trim_end(), "{name}");
    });
}

#[test]
fn nothing_of_ours_is_left_in_what_people_read() {
    let ours = Regex::new(r"\b(mail|duration|browser|moment)-[a-z]|\{|\}|%|\bnone\b|\bundefined\b").unwrap();

    every_mail(|name, _, _, _, mail| {
        let html = visible(&Html::parse_document(&mail.html));
        for text in [&mail.subject, &mail.text, &html] {
            assert!(!ours.is_match(text), "{name}: {text}");
        }
        assert!(!mail.subject.contains(['\r', '\n']) && !mail.subject.is_empty(), "{name}");
        assert!(!mail.text.contains("&amp;") && !mail.text.contains("&lt;"), "{name}: {}", mail.text);
        let long = mail.text.lines().find(|line| line.chars().count() > 72 && line.contains(' '));
        assert_eq!(long, None, "{name}");
    });
}

#[test]
fn the_link_is_there_once_on_a_line_of_its_own_and_once_to_be_followed() {
    let mut carried = 0;
    let renderer = renderer();
    for template in renderer.templates() {
        let links = template.data.iter().filter(|(_, key)| key.kind == DataKind::Link);
        for (key, _) in links {
            let data = renderer.samples(template, true);
            let link = data[key].as_str().unwrap().to_owned();
            let mail = renderer.mail(&template.name, None, data).unwrap();

            let html = Html::parse_document(&mail.html);
            assert_eq!(mail.text.lines().filter(|line| *line == link).count(), 1, "{}", mail.text);
            assert_eq!(mail.text.matches("token=").count(), 1);
            let followed = select(&html, "a").into_iter().filter(|a| a.attr("href") == Some(&link));
            assert_eq!(followed.count(), 1, "{}", mail.html);
            assert!(visible(&html).contains(&link));
            carried += 1;
        }
    }
    assert_eq!(carried, 2);
}

#[test]
fn a_mail_loads_nothing_and_leads_nowhere_but_to_us() {
    every_mail(|name, _, _, _, mail| {
        let html = Html::parse_document(&mail.html);
        let loads = "script, link, iframe, object, embed, form, img, video, [src], [background], [onclick]";
        assert_eq!(select(&html, loads).len(), 0, "{name}");
        assert!(!mail.html.contains("url(") && !mail.html.contains("@import"), "{name}");
        for a in select(&html, "a") {
            let href = a.attr("href").unwrap();
            assert!(href.starts_with(&format!("{PUBLIC_URL}/")), "{name}: {href}");
        }
    });
}

#[test]
fn a_mail_can_be_read_by_everyone() {
    every_mail(|name, language, _, _, mail| {
        let html = Html::parse_document(&mail.html);
        let root = html.root_element();
        assert_eq!((root.attr("lang"), root.attr("dir")), (Some(language.tag()), Some("ltr")), "{name}");
        let title = select(&html, "title")[0].text().collect::<String>();
        assert!(!title.is_empty(), "{name}");
        assert_eq!(select(&html, "h1").len(), 1, "{name}");
        for table in select(&html, "table") {
            let tells_rows = table.select(&Selector::parse("th").unwrap()).next().is_some();
            let is_layout = table.attr("role") == Some("presentation");
            let nests = table.select(&Selector::parse("table").unwrap()).next().is_some();
            assert!(is_layout || (tells_rows && !nests), "{name}: {}", table.html());
        }
        assert!(select(&html, "th").iter().all(|th| th.attr("scope") == Some("row")), "{name}");
        let schemes = select(&html, "meta[name=color-scheme]");
        assert_eq!(schemes[0].attr("content"), Some("light dark"), "{name}");
        assert!(mail.html.contains("@media (prefers-color-scheme: dark)"), "{name}");
        let preview = select(&html, "body > div")[0];
        assert!(preview.attr("style").unwrap().starts_with("display:none"), "{name}");
        assert!(!preview.text().collect::<String>().trim().is_empty(), "{name}");
    });
}

#[test]
fn every_language_says_everything_in_its_own_words() {
    let renderer = renderer();
    for template in renderer.templates() {
        let [english, german] =
            ["en", "de"].map(|language| renderer.preview(&template.name, Some(language)).unwrap());

        assert_ne!(english.subject, german.subject);
        // Links, names and the brand are the same; every sentence is another.
        let sentences = |mail: &Mail| mail.text.split("\n\n").map(str::to_owned).collect::<Vec<_>>();
        let english = sentences(&english);
        let same = sentences(&german).into_iter().filter(|text| english.contains(text) && text.contains(' '));
        assert_eq!(same.collect::<Vec<_>>(), Vec::<String>::new(), "{}", template.name);
    }
}

#[test]
fn a_logo_is_a_picture_with_the_name_of_the_brand() {
    let logo = crate::config::Logo::Remote(Url::parse("https://cdn.test/logo.png?a=1&b=2").unwrap());
    let brand = BrandConfig { name: "A & \"B\"".into(), logo: Some(logo), ..BrandConfig::default() };
    let settings = RenderSettings { brand, ..RenderSettings::new(Url::parse(PUBLIC_URL).unwrap()) };

    let mail = Renderer::new(&settings).unwrap().preview("welcome", None).unwrap();

    let html = Html::parse_document(&mail.html);
    let pictures = select(&html, "img");
    assert_eq!(pictures.len(), 1);
    assert_eq!(pictures[0].attr("alt"), Some("A & \"B\""));
    assert_eq!(pictures[0].attr("src"), Some("https://cdn.test/logo.png?a=1&b=2"));
}

#[test]
fn people_who_can_help_are_named_where_they_are_known() {
    let support = crate::domain::address::EmailAddress::parse("help@example.test").unwrap();
    let brand = BrandConfig { support_address: Some(support), ..BrandConfig::default() };
    let settings = RenderSettings { brand, ..RenderSettings::new(Url::parse(PUBLIC_URL).unwrap()) };

    let mail = Renderer::new(&settings).unwrap().preview("address-changed", None).unwrap();

    let html = Html::parse_document(&mail.html);
    assert_eq!(select(&html, "a[href=\"mailto:help@example.test\"]").len(), 2);
    assert_eq!(mail.text.matches("help@example.test").count(), 2);
}

#[test]
fn a_hostile_value_arrives_as_the_text_that_it_is() {
    let hostile = "</mj-text><mj-raw><b>\"&'{{ 7*7 }}{% raw %}<!--[if mso]>%recipient%&amp;\u{fdd0}";
    let data = json!({ "changed_at": "2026-11-20T12:00:00Z", "new_address": hostile });

    let mail = renderer().mail("address-changed", None, object(data)).unwrap();

    let shown = hostile.replace('%', "\u{ff05}");
    let shown_in_html = shown.replace('\u{fdd0}', "");
    let html = Html::parse_document(&mail.html);
    assert!(visible(&html).contains(&shown_in_html), "{}", visible(&html));
    assert_eq!(select(&html, "b").len(), 0);
    let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&shown_in_html), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_name_changes_what_a_mail_is_made_of(name in r#"[a-z<>"'&%{}./:@\r\n -]{0,60}|.{0,60}"#) {
        let made_of = |mail: &Mail| {
            let html = Html::parse_document(&mail.html);
            let elements = select(&html, "*").into_iter();
            elements.map(|e| (e.value().name().to_owned(), e.attr("href").map(str::to_owned))).collect::<Vec<_>>()
        };

        let mail = reset_for(&name);

        prop_assert_eq!(made_of(&mail), made_of(&reset_for("Ada")));
        let html = visible(&Html::parse_document(&mail.html));
        let greeting = match defuse::name(&name) {
            Some(name) => format!("Hello {name},"),
            None => "Hello,".to_owned(),
        };
        prop_assert!(html.contains(&greeting.split_whitespace().collect::<Vec<_>>().join(" ")), "{}", html);
    }
}
