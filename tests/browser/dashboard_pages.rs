//! The dashboard's pages beside the overview, in front of an operator: one who looks for a mail, and one who looks at
//! everything.

use reqwest::Method;
use serde_json::json;

use crate::browser::{Browser, DESKTOP, PHONE, Screen};
use crate::support::{ADMIN_KEY, Answer, Installation, Program, eventually};

const OPERATOR: &str = "op@example.test";
const PASSWORD: &str = "an old lantern by the river";
/// What the sandbox makes of recipients by their names.
const RECIPIENTS: [&str; 10] = [
    "ada@example.test",
    "bo@gmail.com",
    "cy@yahoo.com",
    "bounce@example.test",
    "bounce+mailbox_full@gmail.com",
    "bounce+blocklisted@outlook.com",
    "complain@icloud.com",
    "suppressed@proton.me",
    "refuse@example.test",
    "lost@example.test",
];

async fn with_mails() -> (Installation, Program) {
    let installation = Installation::new().await;
    let add = ["accounts", "add", OPERATOR, "--role", "operator"];
    installation.succeed(&add, &format!("{PASSWORD}\n")).await;
    let program = installation.start().await;
    let body = json!({"template": "welcome", "to": RECIPIENTS, "data": {"name": "Ada Lovelace"}});
    let request = program.api.request(Method::POST, "/v1/messages").bearer_auth(ADMIN_KEY).json(&body);
    assert_eq!(Answer::of(request).await.expect("the server answers").status, 202);
    eventually("every mail has an outcome", async || {
        let totals = program.api.ask("/v1/metrics/delivery").await["totals"].clone();
        let count = |name: &str| totals[name].as_i64().unwrap_or_default();
        let done = count("settled") + count("suppressed") + count("rejected");
        // The lost one stays in flight.
        (done == 9 && count("complained") == 1).then_some(())
    })
    .await;
    (installation, program)
}

async fn enter(browser: &Browser, path: &str, title: &str) {
    browser.visit(path).await;
    browser.arrive("Sign in").await;
    browser.fill("E-mail address", OPERATOR).await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.arrive(title).await;
}

/// Follows the first link into a list.
async fn open_first(browser: &Browser) {
    browser.find("tbody th a").await.click().await.expect("the row can be opened");
}

async fn look(screen: Screen) {
    let (_installation, program) = with_mails().await;
    let mail = program.mailbox.receive("ada@example.test", "welcome").await;
    program.mailbox.open(&mail).await;
    let browser = Browser::open(&program.api, screen).await;
    enter(&browser, "/dashboard/messages", "Messages").await;
    browser.sees("10 messages").await;
    browser.inspect("messages").await;
    browser.fill("Find messages", "outcom:bounced after:1h").await;
    browser.press("Search").await;
    browser.sees("Did you mean “outcome:”?").await;
    browser.press("What can be typed").await;
    browser.inspect("messages-misunderstood").await;
    browser.fill("Find messages", "nobody@example.test").await;
    browser.press("Search").await;
    browser.sees("No message matches").await;
    browser.inspect("messages-no-match").await;

    browser.visit("/dashboard/messages?q=ada%40example.test").await;
    open_first(&browser).await;
    browser.arrive("Mail to a***@e***.test").await;
    browser.sees("a person opened it").await;
    browser.find("iframe").await.enter_frame().await.expect("the preview is a frame");
    browser.sees("Hello A.,").await;
    browser.driver.client.enter_parent_frame().await.expect("the page is around it");
    browser.inspect("message").await;
    browser.press("Suppress the address").await;
    browser.find(".event details:last-of-type summary").await.click().await.expect("the report opens");
    browser.inspect("message-opened").await;
    browser.press("Reveal the address").await;
    browser.sees("ada@example.test").await;
    browser.inspect("message-revealed").await;
    browser.visit("/dashboard/messages?q=to%3Abounce%2Bblocklisted%40outlook.com").await;
    open_first(&browser).await;
    browser.sees("Why it failed").await;
    browser.inspect("message-bounced").await;

    browser.visit("/dashboard/bounces").await;
    browser.sees("critical").await;
    browser.inspect("bounces").await;

    browser.visit("/dashboard/webhooks").await;
    browser.arrive("Webhooks").await;
    browser.find("input[type=checkbox]").await.click().await.expect("a webhook can be chosen");
    browser.inspect("webhooks").await;
    open_first(&browser).await;
    browser.sees("How it was verified").await;
    browser.inspect("webhook").await;
    browser.visit("/dashboard/webhooks/replay?since=2026-01-01T00:00").await;
    browser.arrive("Replay").await;
    browser.inspect("webhooks-replay").await;
    browser.visit("/dashboard/webhooks/dead-letters").await;
    browser.sees("Nothing was put aside").await;
    browser.inspect("dead-letters").await;

    browser.visit("/dashboard/suppressions").await;
    browser.sees("mail to it bounced for good").await;
    browser.inspect("suppressions").await;
    browser.find("tbody td a.button").await.click().await.expect("an entry can be lifted");
    browser.arrive("Lift a suppression").await;
    browser.inspect("suppressions-lift").await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn the_pages_are_read_on_a_phone() {
    look(PHONE).await;
}

#[tokio::test]
async fn the_pages_are_read_on_a_desktop() {
    look(DESKTOP).await;
}

#[tokio::test]
async fn why_one_address_bounced_is_three_presses_away_without_script() {
    let (_installation, program) = with_mails().await;
    let browser = Browser::open(&program.api, PHONE).await.without_script().await;

    enter(&browser, "/dashboard/messages", "Messages").await; // 1: “Sign in”
    browser.fill("Find messages", "bounce+mailbox_full@gmail.com").await;
    browser.press("Search").await; // 2
    browser.sees("1 message").await;
    open_first(&browser).await; // 3

    browser.sees("Why it failed").await;
    browser.sees("mailbox full").await;
    browser.sees("The recipient's own storage or message quota is exhausted.").await;
    browser.sees("What to do.").await;
}

#[tokio::test]
async fn webhooks_are_chosen_counted_and_replayed_without_script() {
    let (_installation, program) = with_mails().await;
    let browser = Browser::open(&program.api, DESKTOP).await.without_script().await;
    enter(&browser, "/dashboard/webhooks", "Webhooks").await;

    browser.find("input[type=checkbox]").await.click().await.expect("a webhook can be chosen");
    browser.press("Replay what is chosen").await;
    browser.arrive("Replay").await;
    browser.sees("1 webhook that you chose will be understood once more.").await;
    browser.press("Replay 1").await;

    browser.arrive("Webhooks").await;
    browser.sees("They are understood once more").await;
}
