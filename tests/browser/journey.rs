//! From no account to none again, as people go: every page on the way is looked at, and every form is filled
//! in wrong once.

use fantoccini::key::Key;
use serde_json::json;

use crate::browser::{Browser, DESKTOP, PHONE, Screen};
use crate::support::{Api, Installation, Mail, Mailbox, Program};

const ADA: &str = "ada@example.test";
const FIRST: &str = "an old lantern by the river";
const SECOND: &str = "vermilion otter lantern";
const THIRD: &str = "seven kites over the harbour";

/// No pause between mails: the journey is faster than people are.
async fn hasty() -> Installation {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_RESET_COOLDOWN", "0").set("BACKSTAMP_RESETS_PER_HOUR", "100");
    installation
}

/// The link in a mail, as the reader's mail program has it.
fn link(mail: &Mail) -> String {
    mail.links.iter().find(|link| link.contains("token=")).expect("a link with a token").clone()
}

async fn register(browser: &Browser, mailbox: &Mailbox) {
    browser.visit("/account").await;
    browser.arrive("Sign in").await;
    browser.inspect("login").await;
    browser.follow("Create an account").await;
    browser.arrive("Create an account").await;
    browser.inspect("register").await;
    browser.fill("Name", "Ada Lovelace").await;
    browser.fill("E-mail address", "ada@").await;
    browser.fill("Password", FIRST).await;
    browser.fill("Password, again", SECOND).await;
    browser.press("Create account").await;
    browser.arrive("Error: Create an account").await;
    browser.inspect("register-refused").await;
    assert_eq!(browser.value("Name").await, "Ada Lovelace");
    assert_eq!(browser.value("E-mail address").await, "ada@");
    assert_eq!(browser.value("Password").await, "", "a password is never sent back");
    browser.fill("E-mail address", ADA).await;
    browser.fill("Password", "password").await;
    browser.fill("Password, again", "password").await;
    browser.press("Create account").await;
    browser.sees("tried first").await;
    browser.fill("Password", FIRST).await;
    browser.fill("Password, again", FIRST).await;
    browser.press("Create account").await;
    browser.arrive("Check your mail").await;
    browser.sees(ADA).await;
    browser.inspect("registered").await;
    mailbox.receive(ADA, "email-verification").await;
}

async fn verify(browser: &Browser, mailbox: &Mailbox) {
    sign_in(browser, ADA, FIRST).await;
    browser.arrive("Confirm your address first").await;
    browser.inspect("not-verified").await;
    browser.press("Mail me a new link").await;
    browser.arrive("Check your mail").await;

    let mail = mailbox.receive(ADA, "email-verification").await;
    browser.visit(&link(&mail)).await;
    browser.arrive("Confirm your address").await;
    assert_eq!(browser.path().await, "/verify-email");
    browser.sees("a***@e***.test").await;
    browser.inspect("verify-email").await;
    browser.fill("Password", SECOND).await;
    browser.press("Confirm").await;
    browser.arrive("Error: Confirm your address").await;
    browser.inspect("verify-email-refused").await;
    browser.fill("Password", FIRST).await;
    browser.press("Confirm").await;
    browser.arrive("Your address is confirmed").await;
    browser.inspect("verified").await;
    browser.visit(&link(&mail)).await;
    browser.arrive("This link was used already").await;
    mailbox.receive(ADA, "welcome").await;
}

async fn sign_in(browser: &Browser, address: &str, password: &str) {
    browser.visit("/login").await;
    browser.arrive("Sign in").await;
    browser.fill("E-mail address", address).await;
    browser.fill("Password", password).await;
    browser.press("Sign in").await;
}

async fn get_in(browser: &Browser) {
    sign_in(browser, ADA, SECOND).await;
    browser.arrive("Error: Sign in").await;
    browser.inspect("login-refused").await;
    assert_eq!(browser.value("E-mail address").await, ADA);
    sign_in(browser, ADA, FIRST).await;
    browser.arrive("Your account").await;
    browser.sees("This one").await;
    browser.inspect("account").await;
    browser.visit("/login").await;
    browser.arrive("You are signed in").await;
    browser.inspect("signed-in").await;
    browser.press("Sign out").await;
    browser.arrive("Sign in").await;
    browser.sees("You are signed out.").await;
    browser.inspect("signed-out").await;
}

async fn reset(browser: &Browser, mailbox: &Mailbox) {
    browser.follow("Forgot your password?").await;
    browser.arrive("Forgot your password?").await;
    browser.inspect("forgot-password").await;
    browser.fill("E-mail address", ADA).await;
    browser.press("Send me a link").await;
    browser.arrive("Check your mail").await;
    browser.inspect("mail-sent").await;

    let mail = mailbox.receive(ADA, "password-reset").await;
    browser.visit(&link(&mail)).await;
    browser.arrive("Choose a new password").await;
    assert_eq!(browser.path().await, "/reset-password");
    browser.sees("a***@e***.test").await;
    browser.inspect("reset-password").await;
    browser.fill("New password", "password").await;
    browser.fill("New password, again", "password").await;
    browser.inspect("reset-password-typed").await;
    browser.press("Change password").await;
    browser.arrive("Error: Choose a new password").await;
    browser.inspect("reset-password-refused").await;
    browser.fill("New password", SECOND).await;
    browser.fill("New password, again", THIRD).await;
    browser.press("Change password").await;
    browser.sees("not the same").await;
    browser.fill("New password", SECOND).await;
    browser.fill("New password, again", SECOND).await;
    browser.press("Change password").await;
    browser.arrive("Your password was changed").await;
    browser.inspect("password-changed").await;
    browser.visit(&link(&mail)).await;
    browser.arrive("This link was used already").await;
    browser.inspect("link-used").await;
    mailbox.receive(ADA, "password-changed").await;
}

async fn look_after_the_account(browser: &Browser, api: &Api) {
    let elsewhere = session(api, SECOND).await;
    sign_in(browser, ADA, SECOND).await;
    browser.arrive("Your account").await;
    browser.sees("Sign out everywhere else").await;
    browser.inspect("account-with-sessions").await;
    browser.press("Sign out everywhere else").await;
    browser.sees("You are signed out everywhere else.").await;
    assert_eq!(me(api, &elsewhere).await, 401);

    browser.fill("Current password", THIRD).await;
    browser.fill("New password", THIRD).await;
    browser.fill("New password, again", THIRD).await;
    browser.press("Change password").await;
    browser.arrive("Error: Your account").await;
    browser.sees("This is not your current password.").await;
    browser.inspect("account-refused").await;
    browser.fill("Current password", SECOND).await;
    browser.fill("New password", THIRD).await;
    browser.fill("New password, again", THIRD).await;
    browser.press("Change password").await;
    browser.sees("Your password was changed.").await;
    browser.fill("Name", "Augusta Ada King").await;
    browser.press("Save name").await;
    browser.sees("Your name was changed.").await;
    assert_eq!(browser.value("Name").await, "Augusta Ada King");
}

async fn leave(browser: &Browser, api: &Api) {
    browser.press("I want to delete my account").await;
    browser.inspect("account-delete").await;
    let field = browser.find("#delete_password").await;
    field.send_keys(THIRD).await.expect("the field takes text");
    browser.press("Delete my account for good").await;
    browser.arrive("Sign in").await;
    browser.sees("Your account was deleted.").await;
    let gone = api.post("/v1/sessions", &json!({"email": ADA, "password": THIRD})).await;
    assert_eq!(gone.problem(), (401, "invalid_credentials"));
}

/// A session that somebody began elsewhere.
async fn session(api: &Api, password: &str) -> String {
    let begun = api.post("/v1/sessions", &json!({"email": ADA, "password": password})).await;
    begun.body["token"].as_str().expect("a token").to_owned()
}

async fn me(api: &Api, token: &str) -> u16 {
    let request = api.request(reqwest::Method::GET, "/v1/me").bearer_auth(token);
    request.send().await.expect("the server answers").status().as_u16()
}

async fn walk(program: &Program, browser: &Browser) {
    let (api, mailbox) = (&program.api, &program.mailbox);
    register(browser, mailbox).await;
    verify(browser, mailbox).await;
    get_in(browser).await;
    reset(browser, mailbox).await;
    look_after_the_account(browser, api).await;
    leave(browser, api).await;
    browser.assert_quiet().await;
}

async fn whole_way(screen: Screen, has_script: bool) {
    let program = hasty().await.start().await;
    let mut browser = Browser::open(&program.api, screen).await;
    if !has_script {
        browser = browser.without_script().await;
    }
    walk(&program, &browser).await;
}

#[tokio::test]
async fn the_whole_way_is_gone_on_a_phone() {
    whole_way(PHONE, true).await;
}

#[tokio::test]
async fn the_whole_way_is_gone_on_a_phone_without_script() {
    whole_way(PHONE, false).await;
}

#[tokio::test]
async fn the_whole_way_is_gone_on_a_desktop() {
    whole_way(DESKTOP, true).await;
}

#[tokio::test]
async fn the_whole_way_is_gone_on_a_desktop_without_script() {
    whole_way(DESKTOP, false).await;
}

#[tokio::test]
async fn a_form_is_filled_in_and_corrected_by_keyboard_alone() {
    let program = Installation::new().await.start().await;
    let browser = Browser::open(&program.api, DESKTOP).await.without_script().await;
    browser.visit("/forgot-password").await;
    browser.arrive("Forgot your password?").await;

    browser.type_keys(&Key::Tab.to_string()).await;
    browser.type_keys(&Key::Enter.to_string()).await;
    assert_eq!(browser.focus().await, "content", "the first link skips to the content");
    browser.tab_to("email").await;
    browser.type_keys(&format!("ada@{}", Key::Enter)).await;
    browser.arrive("Error: Forgot your password?").await;
    assert_eq!(browser.focus().await, "faults", "what is wrong is told first");
    browser.type_keys(&Key::Tab.to_string()).await;
    browser.type_keys(&Key::Enter.to_string()).await;
    browser.tab_to("email").await;
    browser.type_keys(&format!("{}{}", Key::End, ADA.trim_start_matches("ada@"))).await;
    browser.type_keys(&Key::Enter.to_string()).await;

    browser.arrive("Check your mail").await;
}
