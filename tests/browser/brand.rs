//! A brand's own logo, which is mostly dark, on either ground.

use crate::browser::{Browser, DESKTOP, PHONE};
use crate::support::Installation;

const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32"><rect width="32" height="32" rx="6"
fill="#101820"/><rect x="40" y="10" width="80" height="12" fill="#101820"/></svg>"##;

/// What the logo stands on.
const GROUND: &str = r#"
const logo = document.querySelector(".brand img");
return logo.naturalWidth > 0 ? getComputedStyle(logo).backgroundColor : "not there";
"#;

#[tokio::test]
async fn a_dark_logo_stands_on_a_light_plate_in_the_dark() {
    let mut installation = Installation::new().await;
    let logo = installation.folder().join("logo.svg");
    std::fs::write(&logo, LOGO).expect("the logo is written");
    installation.set("BACKSTAMP_BRAND_LOGO", logo.to_str().expect("a path"));
    let program = installation.start().await;

    for screen in [PHONE, DESKTOP] {
        let browser = Browser::open(&program.api, screen).await;
        browser.visit("/login").await;
        browser.arrive("Sign in").await;
        browser.inspect("branded").await;
        for (scheme, ground) in [("light", "rgba(0, 0, 0, 0)"), ("dark", "rgb(244, 245, 247)")] {
            browser.prefer(scheme).await;
            let seen = browser.driver.client.execute(GROUND, vec![]).await.expect("the script runs");
            assert_eq!(seen, ground, "{scheme}");
        }
        browser.assert_quiet().await;
    }
}
