//! From a new account to its last session, as people go: every page on the way is looked at.

use fantoccini::key::Key;

use crate::browser::{Browser, DESKTOP, PHONE};
use crate::support::Installation;

const ADA: &str = "ada@example.test";
const OLD: &str = "an old lantern by the river";
const NEW: &str = "vermilion otter lantern";

async fn reset(browser: &Browser, mailbox: &crate::support::Mailbox) {
    browser.visit("/login").await;
    browser.arrive("Sign in").await;
    browser.inspect("login").await;
    browser.follow("Forgot your password?").await;
    browser.arrive("Forgot your password?").await;
    browser.inspect("forgot-password").await;
    browser.fill("E-mail address", "ada@").await;
    browser.press("Send me a link").await;
    browser.arrive("Error: Forgot your password?").await;
    browser.inspect("forgot-password-refused").await;
    assert_eq!(browser.value("E-mail address").await, "ada@");
    browser.fill("E-mail address", ADA).await;
    browser.press("Send me a link").await;
    browser.arrive("Check your mail").await;
    browser.inspect("mail-sent").await;

    let (mail, _) = mailbox.receive_link(ADA).await;
    browser.visit(&mail.links[0]).await;
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
    browser.fill("New password", NEW).await;
    browser.fill("New password, again", NEW).await;
    browser.press("Change password").await;
    browser.arrive("Your password was changed").await;
    browser.inspect("password-changed").await;
    browser.visit(&mail.links[0]).await;
    browser.arrive("This link was used already").await;
    browser.inspect("link-used").await;
}

#[tokio::test]
async fn the_way_goes_through_on_a_phone() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.succeed(&["accounts", "add", ADA, "--name", "Ada"], &format!("{OLD}\n")).await;
    let browser = Browser::open(&program.api, PHONE).await;
    reset(&browser, &program.mailbox).await;
    browser.assert_quiet().await;
}

#[tokio::test]
async fn the_way_goes_through_on_a_desktop_without_script() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.succeed(&["accounts", "add", ADA, "--name", "Ada"], &format!("{OLD}\n")).await;
    let browser = Browser::open(&program.api, DESKTOP).await.without_script().await;
    reset(&browser, &program.mailbox).await;
    browser.assert_quiet().await;
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
