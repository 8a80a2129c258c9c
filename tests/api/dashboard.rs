//! The dashboard of the running program: its numbers are those of the API, and each leads to the messages that it
//! counts.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use scraper::{ElementRef, Html, Selector};
use serde_json::json;

use crate::support::{ADMIN_KEY, Answer, Api, Installation, Program, eventually, tables};
use crate::worked_day::{day::the_day, enter};

const DAY: &str = "from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z";

async fn with_the_day() -> (Installation, Program) {
    let installation = Installation::new().await;
    enter(&installation, &the_day(), |_| true, 1).await;
    let program = installation.start().await;
    tables::folded(&installation.scratch.database).await;
    (installation, program)
}

async fn open(api: &Api, path: &str) -> String {
    let request = api.request(Method::GET, path).header("accept", "text/html").bearer_auth(ADMIN_KEY);
    let answer = Answer::of(request).await.expect("the server answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.text
}

/// The rows of a list of messages, all of them.
async fn rows(api: &Api, path: &str) -> usize {
    let request = api.request(Method::GET, path).header("accept", "application/x-ndjson");
    let answer = Answer::of(request.bearer_auth(ADMIN_KEY)).await.expect("the server answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.text.lines().count()
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).expect("a selector")
}

fn words(element: ElementRef) -> String {
    let text = element.text().collect::<String>().replace('\u{a0}', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Numbers of messages on a page, by the list that each leads to.
fn numbers(html: &str) -> BTreeMap<String, i64> {
    let (html, link) = (Html::parse_document(html), selector("main a[data-count]"));
    let mut numbers = BTreeMap::new();
    for link in html.select(&link) {
        let value: i64 = link.attr("data-count").and_then(|count| count.parse().ok()).expect("a number");
        let shown: String = words(link).chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
        assert_eq!(shown.replace(',', "").parse(), Ok(value), "{}", words(link));
        let list = link.attr("href").expect("a link");
        assert!(list.starts_with("/dashboard/messages?"), "{list}");
        assert_eq!(
            *numbers.entry(list.to_owned()).or_insert(value),
            value,
            "{list} is said to have two lengths"
        );
    }
    numbers
}

/// How many messages a page of the list says that there are.
fn total(html: &str) -> i64 {
    let html = Html::parse_document(html);
    let total =
        html.select(&selector(".total [data-count]")).next().and_then(|total| total.attr("data-count"));
    total.and_then(|count| count.parse().ok()).expect("a total")
}

/// Follows every number of a page; answers by which parameters their lists are told.
async fn follow(api: &Api, path: &str) -> BTreeSet<String> {
    let numbers = numbers(&open(api, path).await);
    assert!(numbers.len() > 20, "{} numbers", numbers.len());
    let mut told = BTreeSet::new();
    for (list, count) in numbers {
        let rows = rows(api, &list.replace("/dashboard/messages?", "/v1/messages?")).await;
        assert_eq!(i64::try_from(rows), Ok(count), "{list}");
        assert_eq!(total(&open(api, &list).await), count, "{list}");
        told.extend(
            list.split(['?', '&']).skip(1).filter_map(|pair| pair.split('=').next().map(str::to_owned)),
        );
    }
    told
}

#[tokio::test]
async fn every_number_leads_to_a_list_of_exactly_so_many_messages() {
    let (_installation, program) = with_the_day().await;

    let mut told = BTreeSet::new();
    for filter in ["", "&template=password-reset", "&mailbox_provider=gmail&template=email-verification"] {
        told.extend(follow(&program.api, &format!("/dashboard?{DAY}{filter}")).await);
    }

    for name in ["flag", "loss", "lost_at", "measured", "failure_category", "mailbox_provider"] {
        assert!(told.contains(name), "no number is told by {name}");
    }
}

#[tokio::test]
async fn what_servers_said_leads_to_the_messages_that_they_said_it_of() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let to =
        ["bounce.1@gmail.com", "bounce.2@gmail.com", "bounce+mailbox_full@yahoo.com", "defer@example.test"];
    let body = json!({"template": "welcome", "to": to, "data": {}});
    let request = program.api.request(Method::POST, "/v1/messages").bearer_auth(ADMIN_KEY).json(&body);
    assert_eq!(Answer::of(request).await.expect("the server answers").status, 202);
    eventually("every mail has settled", async || {
        let totals = program.api.ask("/v1/metrics/delivery").await["totals"].clone();
        (totals["settled"] == 4).then_some(())
    })
    .await;
    tables::folded(&installation.scratch.database).await;

    let told = follow(&program.api, "/dashboard?range=1h").await;

    for name in ["failure_text", "failure_rule", "failure_permanent"] {
        assert!(told.contains(name), "no number is told by {name}");
    }
}

#[tokio::test]
async fn requests_that_led_to_no_mail_can_be_looked_up_whatever_is_chosen() {
    let installation = Installation::new().await;
    installation.account("ada@example.test").await;
    let program = installation.start().await;
    for address in ["ada@example.test", "nobody@example.test"] {
        program.api.request_reset(address).await;
    }
    let path = "/dashboard?range=1h&template=password-reset";

    let link = eventually("a request is declined", async || {
        let page = open(&program.api, path).await;
        let page = Html::parse_document(&page);
        let links = selector("a[href*='password-resets?status=declined']");
        page.select(&links).next().and_then(|link| link.attr("href")).map(str::to_owned)
    })
    .await;

    let listed = program.api.ask(&link).await;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "{link}: {listed}");
}

#[tokio::test]
async fn the_numbers_are_those_of_the_api() {
    let (_installation, program) = with_the_day().await;

    let html = open(&program.api, &format!("/dashboard?{DAY}")).await;

    let page = Html::parse_document(&html);
    let tiles = selector(".tile");
    let told = page.select(&tiles).map(words).collect::<Vec<_>>();
    for (tile, expected) in told.iter().zip([
        "Requested 12 mails were asked for",
        "Delivered 75.0 % low volume 6 of 8 settled",
        "Time to delivered 15 min low volume 6 measured",
        "Bounced 25.0 % low volume 2 of 8 settled",
        "Complained 16.7 % low volume 1 of 6 delivered",
        "Completed 25.0 % low volume 3 of 12 requested",
    ]) {
        assert!(tile.starts_with(expected), "{tile}");
    }
    let steps = selector(".funnel .step");
    let steps = page.select(&steps).map(words).collect::<Vec<_>>();
    assert_eq!(
        steps,
        [
            "Requested 12 100 %",
            "Sent 9 75.0 %",
            "Delivered 6 50.0 %",
            "Opened 3 25.0 %",
            "Clicked 3 25.0 %",
            "Completed 3 25.0 %"
        ]
    );
    let rates = selector("#mailboxes tbody tr");
    let first = page.select(&rates).next().map(words).expect("a row");
    assert!(first.contains("50.0 %") && first.starts_with("Microsoft"), "{first}");
}

#[tokio::test]
async fn no_page_shows_a_whole_address() {
    let (_installation, program) = with_the_day().await;

    let html = open(&program.api, &format!("/dashboard?{DAY}")).await;

    for mail in the_day() {
        assert!(!html.contains(mail.recipient), "{}", mail.recipient);
    }
}

#[tokio::test]
async fn where_there_is_nothing_the_way_to_something_is_told() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let empty = open(&program.api, "/dashboard").await;
    assert!(empty.contains("The way to the first mail") && !empty.contains("class=\"tile"), "{empty}");
    drop(program);

    let (_installation, program) = with_the_day().await;
    let later = open(&program.api, "/dashboard").await;
    assert!(
        later.contains("No mail was asked for in this range") && later.contains("Show the day around it")
    );
    let narrowed = open(&program.api, &format!("/dashboard?{DAY}&recipient_domain=nowhere.test")).await;
    assert!(narrowed.contains("No mail matches") && narrowed.contains("Show it without filters"));
}
