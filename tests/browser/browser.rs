//! A person in front of the pages: goes somewhere, fills in what a label names, presses what a button says.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use serde_json::json;

use crate::driver::Driver;
use crate::support::{Api, eventually, perhaps};

/// Far longer than any page takes; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the pages are looked at with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
}

pub const PHONE: Screen = Screen { name: "phone", width: 375, height: 740 };
pub const DESKTOP: Screen = Screen { name: "desktop", width: 1280, height: 860 };

/// A browser in front of one program.
pub struct Browser {
    pub driver: Driver,
    pub screen: Screen,
    pub has_script: bool,
    base: String,
}

impl Browser {
    pub async fn open(api: &Api, screen: Screen) -> Self {
        Self::speaking("en", api, screen).await
    }

    pub async fn speaking(language: &str, api: &Api, screen: Screen) -> Self {
        let driver = Driver::start(language).await;
        let browser = Self { driver, screen, has_script: true, base: api.base.clone() };
        browser.driver.chrome("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
        browser.show_on(screen).await;
        browser
    }

    /// From the next page on, pages run no script. What drives the browser still does.
    pub async fn without_script(mut self) -> Self {
        self.has_script = false;
        self.allow_script(false).await;
        self
    }

    pub async fn allow_script(&self, allowed: bool) {
        self.driver.chrome("Emulation.setScriptExecutionDisabled", json!({"value": !allowed})).await;
    }

    pub async fn show_on(&self, screen: Screen) {
        let metrics = json!({
            "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.driver.chrome("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Opens a page of ours, or a link from a mail.
    pub async fn visit(&self, path: &str) {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        self.driver.client.goto(&url).await.expect("the page opens");
    }

    /// Waits until the page with this title is there.
    pub async fn arrive(&self, title: &str) {
        let mut seen = String::new();
        let arrived = perhaps(PATIENCE, async || {
            seen = self.driver.client.title().await.unwrap_or_default();
            seen.starts_with(&format!("{title} · ")).then_some(())
        });
        if arrived.await.is_none() {
            panic!("no page called {title:?}, but {seen:?}:\n{}", self.text().await);
        }
    }

    /// Everything that a reader sees.
    pub async fn text(&self) -> String {
        self.find("body").await.text().await.expect("the page has text")
    }

    /// Waits until these words are on the page.
    pub async fn sees(&self, words: &str) {
        let mut text = String::new();
        let seen = perhaps(PATIENCE, async || {
            // Between two pages there may be none.
            text = self.driver.client.find(Locator::Css("body")).await.ok()?.text().await.ok()?;
            text.contains(words).then_some(())
        });
        assert!(seen.await.is_some(), "{words:?} is not on the page:\n{text}");
    }

    pub async fn path(&self) -> String {
        let url = self.driver.client.current_url().await.expect("a page is open");
        url[url::Position::BeforePath..].to_owned()
    }

    /// Types into the field that this label names, after what is there was cleared.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.expect("the field can be cleared");
        field.send_keys(text).await.expect("the field takes text");
    }

    pub async fn value(&self, label: &str) -> String {
        let value = self.field(label).await.prop("value").await.expect("a field");
        value.unwrap_or_default()
    }

    /// The field that belongs to this label, where several have it the first that can be seen.
    pub async fn field(&self, label: &str) -> Element {
        let labels = format!("//label[normalize-space()={label:?}]");
        eventually(&format!("a field called {label:?}"), async || {
            let labels = self.driver.client.find_all(Locator::XPath(&labels)).await.ok()?;
            for label in labels {
                let id = label.attr("for").await.ok()??;
                let field = self.driver.client.find(Locator::Id(&id)).await.ok()?;
                if field.is_displayed().await.ok()? {
                    return Some(field);
                }
            }
            None
        })
        .await
    }

    /// Presses the button that says so.
    pub async fn press(&self, button: &str) {
        let path = format!("//*[self::button or self::summary][normalize-space()={button:?}]");
        self.find_by(Locator::XPath(&path)).await.click().await.expect("the button can be pressed");
    }

    pub async fn follow(&self, link: &str) {
        let path = format!("//a[normalize-space()={link:?}]");
        self.find_by(Locator::XPath(&path)).await.click().await.expect("the link can be followed");
    }

    pub async fn find(&self, selector: &str) -> Element {
        self.find_by(Locator::Css(selector)).await
    }

    async fn find_by(&self, locator: Locator<'_>) -> Element {
        eventually(&format!("{locator:?}"), async || self.driver.client.find(locator).await.ok()).await
    }

    /// Presses keys as they come, wherever the focus is.
    pub async fn type_keys(&self, keys: &str) {
        let focused = self.driver.client.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("it takes keys");
    }

    /// Presses the tabulator key until this element has the focus.
    pub async fn tab_to(&self, id: &str) {
        for _ in 0..30 {
            self.type_keys(&Key::Tab.to_string()).await;
            if self.focus().await == id {
                return;
            }
        }
        panic!("the tabulator key does not lead to {id}");
    }

    /// The id of what has the focus.
    pub async fn focus(&self) -> String {
        let focused = self.driver.client.active_element().await.expect("something has the focus");
        focused.attr("id").await.expect("an element").unwrap_or_default()
    }
}
