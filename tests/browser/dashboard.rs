//! The dashboard in front of an operator: empty, and full of what the sandbox makes of a list.

use fantoccini::Locator;
use reqwest::Method;
use serde_json::json;

use crate::browser::{Browser, DESKTOP, PHONE, Screen};
use crate::support::{ADMIN_KEY, Answer, Installation, Program, eventually};

const OPERATOR: &str = "op@example.test";
const PASSWORD: &str = "an old lantern by the river";
const DOMAINS: [&str; 6] =
    ["gmail.com", "outlook.com", "yahoo.com", "icloud.com", "proton.me", "example.test"];
/// What the sandbox makes of recipients by their names.
const ODD: [&str; 9] = [
    "bounce.one@gmail.com",
    "bounce.two@yahoo.com",
    "bounce+mailbox_full@gmail.com",
    "bounce+blocklisted@outlook.com",
    "bounce+spam_content@outlook.com",
    "complain@icloud.com",
    "suppressed@proton.me",
    "refuse@example.test",
    "lost@example.test",
];

async fn with_operator() -> (Installation, Program) {
    let installation = Installation::new().await;
    let add = ["accounts", "add", OPERATOR, "--role", "operator"];
    installation.succeed(&add, &format!("{PASSWORD}\n")).await;
    let program = installation.start().await;
    (installation, program)
}

async fn enter(browser: &Browser) {
    browser.visit("/dashboard").await;
    browser.arrive("Sign in").await;
    browser.fill("E-mail address", OPERATOR).await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.arrive("Overview").await;
}

async fn send(program: &Program, to: &[String]) {
    let body = json!({"template": "welcome", "to": to, "data": {}});
    let request = program.api.request(Method::POST, "/v1/messages").bearer_auth(ADMIN_KEY).json(&body);
    let answer = Answer::of(request).await.expect("the server answers");
    assert_eq!(answer.status, 202, "{}", answer.text);
}

/// More than a hundred mails, of which most arrive, and waits until nothing more comes of them.
async fn fill(program: &Program) {
    let ordinary = (0..140).map(|n| format!("reader{n}@{}", DOMAINS[n % DOMAINS.len()]));
    let to: Vec<_> = ordinary.chain(ODD.map(str::to_owned)).collect();
    send(program, &to).await;
    eventually("every mail has an outcome", async || {
        let totals = program.api.ask("/v1/metrics/delivery").await["totals"].clone();
        let count = |name: &str| totals[name].as_i64().unwrap_or_default();
        let done = count("settled") + count("suppressed") + count("rejected");
        // The lost one stays in flight.
        (count("requested") == 149 && done == 148).then_some(())
    })
    .await;
}

/// Waits until so many mails are said to be asked for.
async fn shows(browser: &Browser, count: &str) {
    let figure = "#tiles .figure";
    eventually(&format!("{count} on the first tile"), async || {
        let figure = browser.driver.client.find(Locator::Css(figure)).await.ok()?;
        (figure.text().await.ok()? == count).then_some(())
    })
    .await;
}

async fn look(screen: Screen) {
    let (_installation, program) = with_operator().await;
    let browser = Browser::open(&program.api, screen).await;
    enter(&browser).await;
    browser.sees("The way to the first mail").await;
    browser.inspect("dashboard-empty").await;

    fill(&program).await;
    browser.visit("/dashboard?range=1h").await;
    browser.sees("149").await;
    browser.inspect("dashboard").await;
    browser.press("The same as a table").await;
    browser.find("#sign-2 summary").await.click().await.expect("the sign opens");
    browser.press("What was said").await;
    browser.inspect("dashboard-opened").await;
    browser.visit("/dashboard?from=2026-01-05T00:00&to=2026-01-06T00:00").await;
    browser.sees("No mail was asked for in this range").await;
    browser.inspect("dashboard-out-of-range").await;
    browser.visit("/dashboard?range=1h&recipient_domain=nowhere.test").await;
    browser.sees("No mail matches").await;
    browser.inspect("dashboard-no-match").await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn the_overview_is_read_on_a_phone() {
    look(PHONE).await;
}

#[tokio::test]
async fn the_overview_is_read_on_a_desktop() {
    look(DESKTOP).await;
}

#[tokio::test]
async fn the_overview_follows_what_happens_and_keeps_what_was_opened() {
    let (_installation, program) = with_operator().await;
    let browser = Browser::open(&program.api, DESKTOP).await;
    enter(&browser).await;
    browser.sees("Live").await;

    send(&program, &["reader1@example.test".to_owned()]).await;
    shows(&browser, "1").await;
    eventually("the table is open", async || {
        let table = browser.driver.client.find(Locator::Css("#outcomes-table")).await.ok()?;
        if table.attr("open").await.ok()?.is_none() {
            // What is pressed may be renewed just then.
            let _ = table.find(Locator::Css("summary")).await.ok()?.click().await;
            return None;
        }
        Some(())
    })
    .await;
    send(&program, &["reader2@example.test".to_owned()]).await;

    shows(&browser, "2").await;
    let table = browser.find("#outcomes-table").await;
    assert!(table.attr("open").await.expect("an element").is_some(), "the table is still open");
    browser.assert_quiet().await;
}

#[tokio::test]
async fn without_script_a_range_is_chosen_and_a_session_ended() {
    let (_installation, program) = with_operator().await;
    let browser = Browser::open(&program.api, DESKTOP).await.without_script().await;
    enter(&browser).await;

    browser.find(".menu:last-child summary").await.click().await.expect("the menu opens");
    browser.inspect("dashboard-menu").await;
    browser.follow("Last 7 days").await;
    browser.arrive("Overview").await;
    assert_eq!(browser.path().await, "/dashboard?range=7d");
    browser.press("Sign out").await;
    browser.arrive("Sign in").await;
}
