//! The documentation that the program serves: all scripts of the page run, and nothing else does.

use crate::browser::{Browser, DESKTOP};
use crate::support::Installation;

#[tokio::test]
async fn the_documentation_shows_every_call() {
    let program = Installation::new().await.start().await;
    let browser = Browser::open(&program.api, DESKTOP).await;

    browser.visit("/docs").await;

    for call in ["/v1/password-resets/confirm", "/v1/accounts/import", "Register", "/readyz"] {
        browser.sees(call).await;
    }
}
