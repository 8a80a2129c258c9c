//! What goes wrong when time passes: a page that was open too long, a session that has ended, a link that is
//! over. Nothing that was typed is lost.

use reqwest::Method;
use serde_json::json;

use crate::browser::{Browser, DESKTOP, PHONE};
use crate::support::{Installation, eventually};

const ADA: &str = "ada@example.test";
const PASSWORD: &str = "an old lantern by the river";

async fn with_ada() -> Installation {
    let installation = Installation::new().await;
    installation.succeed(&["accounts", "add", ADA, "--name", "Ada"], &format!("{PASSWORD}\n")).await;
    installation
}

async fn sign_in(browser: &Browser) {
    browser.visit("/login").await;
    browser.arrive("Sign in").await;
    browser.fill("E-mail address", ADA).await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.arrive("Your account").await;
}

#[tokio::test]
async fn a_form_whose_cookie_is_gone_comes_back_as_it_was_filled_in() {
    let program = Installation::new().await.start().await;
    let browser = Browser::open(&program.api, PHONE).await;
    browser.visit("/register").await;
    browser.arrive("Create an account").await;
    browser.fill("Name", "Ada Lovelace").await;
    browser.fill("E-mail address", ADA).await;
    browser.fill("Password", PASSWORD).await;
    browser.fill("Password, again", PASSWORD).await;

    browser.driver.client.delete_all_cookies().await.expect("cookies can be deleted");
    browser.press("Create account").await;
    browser.arrive("Error: Create an account").await;
    browser.sees("Nothing has been sent yet").await;
    browser.inspect("stale-form").await;
    assert_eq!(browser.value("Name").await, "Ada Lovelace");
    assert_eq!(browser.value("E-mail address").await, ADA);
    browser.fill("Password", PASSWORD).await;
    browser.fill("Password, again", PASSWORD).await;
    browser.press("Create account").await;

    browser.arrive("Check your mail").await;
}

#[tokio::test]
async fn a_session_that_ends_meanwhile_loses_nothing_that_was_typed() {
    let program = with_ada().await.start().await;
    let browser = Browser::open(&program.api, DESKTOP).await;
    sign_in(&browser).await;
    browser.fill("Name", "Augusta Ada King").await;
    let begun = program.api.post("/v1/sessions", &json!({"email": ADA, "password": PASSWORD})).await;
    let token = begun.body["token"].as_str().expect("a token");
    let ended = program.api.request(Method::DELETE, "/v1/me/sessions").bearer_auth(token).send().await;
    assert_eq!(ended.expect("the server answers").status().as_u16(), 204);

    browser.press("Save name").await;
    browser.arrive("Sign in").await;
    browser.sees("Your session has ended").await;
    browser.sees("Augusta Ada King").await;
    browser.inspect("session-ended").await;
    browser.fill("E-mail address", ADA).await;
    browser.fill("Password", "not the password").await;
    browser.press("Sign in").await;
    browser.arrive("Error: Sign in").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.arrive("Your account").await;
    browser.sees("has not been saved yet").await;
    assert_eq!(browser.value("Name").await, "Augusta Ada King");
    browser.inspect("account-draft").await;
    browser.press("Save name").await;

    browser.sees("Your name was changed.").await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn a_link_that_is_over_says_so_and_has_the_next_step_at_hand() {
    let mut installation = with_ada().await;
    // Long enough for a mail to be sent.
    installation.set("BACKSTAMP_RESET_TTL", "8").set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    let browser = Browser::open(&program.api, PHONE).await;
    program.api.request_reset(ADA).await;
    let (mail, token) = program.mailbox.receive_link(ADA).await;
    eventually("the link is over", async || {
        (program.api.inspect(&token).await.problem() == (410, "token_expired")).then_some(())
    })
    .await;

    browser.visit(&mail.links[0]).await;
    browser.arrive("This link has expired").await;
    browser.inspect("link-expired").await;
    browser.fill("E-mail address", ADA).await;
    browser.press("Send me a link").await;
    browser.arrive("Check your mail").await;
    browser.visit("/reset-password?token=AAAA").await;
    browser.arrive("This link is not valid").await;
    browser.inspect("link-invalid").await;
}

#[tokio::test]
async fn the_language_is_the_browsers_until_another_is_chosen() {
    let program = Installation::new().await.start().await;
    let browser = Browser::speaking("de", &program.api, PHONE).await.without_script().await;
    browser.visit("/register").await;
    browser.arrive("Konto anlegen").await;
    browser.inspect("register-german").await;
    browser.follow("English").await;
    browser.arrive("Create an account").await;
    browser.visit("/login").await;
    browser.arrive("Sign in").await;
    browser.follow("Deutsch").await;

    browser.arrive("Anmelden").await;
}

#[tokio::test]
async fn whoever_is_lost_is_led_back() {
    let program = Installation::new().await.start().await;
    let browser = Browser::open(&program.api, DESKTOP).await;
    browser.visit("/no/such/page").await;
    browser.arrive("There is nothing here").await;
    browser.inspect("not-found").await;
    browser.follow("Go to my account").await;
    browser.arrive("Sign in").await;
    browser.visit("/verify-email").await;
    browser.arrive("Confirm your address").await;
    browser.inspect("resend-verification").await;

    browser.assert_quiet().await;
}

#[tokio::test]
async fn a_password_is_shown_and_judged_where_there_is_script() {
    let program = Installation::new().await.start().await;
    let browser = Browser::open(&program.api, PHONE).await;
    browser.visit("/register").await;
    browser.arrive("Create an account").await;
    let kind =
        async || browser.field("Password").await.attr("type").await.expect("a field").unwrap_or_default();

    for (password, judged) in [("abc", "Too short"), ("password1", "Easy to guess"), (PASSWORD, "Strong")] {
        browser.fill("Password", password).await;
        browser.sees(judged).await;
    }
    assert_eq!(kind().await, "password");
    browser.press("Show").await;
    assert_eq!(kind().await, "text");
    browser.inspect("register-shown").await;
    browser.press("Hide").await;
    assert_eq!(kind().await, "password");

    browser.assert_quiet().await;
}
