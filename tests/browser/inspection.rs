//! What holds for every page, however it was come to: no fault that axe-core can find, nothing that scrolls
//! sideways, targets that a thumb can hit, a quiet console. Pictures of it are kept.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::{Browser, Screen};

/// Where `scripts/browser` puts axe-core, and where pictures go.
const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/..");
/// What WCAG 2.2 at level AA and good practice ask for, as far as a program can tell.
const RULES: [&str; 7] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

/// The elements of a page that are too small to hit, or that stick out of it.
const LAYOUT: &str = r#"
const faults = [];
const name = (element) => `${element.tagName.toLowerCase()} “${(element.innerText || element.id).trim()}”`;
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) faults.push(`scrolls sideways beyond ${width}`);
for (const element of document.querySelectorAll("body *")) {
  const box = element.getBoundingClientRect();
  const isThere = box.width > 0 && box.height > 0 && box.bottom > 0 && element.checkVisibility();
  if (isThere && (box.right > width + 1 || box.left < -1)) faults.push(`${name(element)} sticks out`);
}
for (const element of document.querySelectorAll("a, button, input, summary")) {
  const box = element.getBoundingClientRect();
  const isThere = box.width > 0 && box.height > 0 && box.bottom > 0 && element.checkVisibility() && element.type !== "hidden";
  // WCAG 2.2, 2.5.8: a link within a sentence is as high as its line; where much stands close, 24 are enough.
  const isWithinText = element.matches("p:not(.after) a");
  const least = element.closest("[data-dense]") && !element.matches("button, input, .button") ? 23.5 : 43.5;
  if (isThere && !isWithinText && Math.min(box.height, box.width) < least) {
    faults.push(`${name(element)} is ${Math.round(box.width)} × ${Math.round(box.height)}`);
  }
}
return faults;
"#;

const AXE: &str = r#"
const [rules, done] = arguments;
axe.run({ runOnly: rules }).then(
  (found) => done(found.violations.map((one) => `${one.id}: ${one.nodes.map((node) =>
    node.html + " – " + node.failureSummary).join("; ")}`)),
  (error) => done([String(error)]),
);
"#;

impl Browser {
    /// Looks at the page in both colour schemes and keeps pictures under this name.
    pub async fn inspect(&self, name: &str) {
        let mut faults = vec![];
        for scheme in ["light", "dark"] {
            self.prefer(scheme).await;
            let seen = self.faults().await;
            faults.extend(seen.into_iter().map(|fault| format!("{scheme}: {fault}")));
            self.keep_picture(&format!("{name}-{}-{scheme}", self.screen.name)).await;
        }
        self.prefer("light").await;
        assert!(faults.is_empty(), "{name} on a {}:\n{}", self.screen.name, faults.join("\n"));
    }

    /// Nothing wrong was told on the console. That a page itself came with a refusal's status is not wrong, and
    /// neither is a form for a password without a name: we know who it is for and must not say. What fails in the
    /// browser's own pages is not ours.
    pub async fn assert_quiet(&self) {
        let entries = self.driver.console().await;
        let is_refusal = |entry: &Value| {
            let message = entry["message"].as_str().unwrap_or_default();
            entry["source"] == "network"
                && message.contains("the server responded with a status of 4")
                && !message.contains("/assets/")
        };
        let is_advice = |entry: &Value| entry["source"] == "recommendation";
        let is_the_browsers =
            |entry: &Value| entry["message"].as_str().is_some_and(|message| message.starts_with("chrome://"));
        let is_ours = |entry: &&Value| !is_refusal(entry) && !is_advice(entry) && !is_the_browsers(entry);
        let wrong: Vec<_> = entries.iter().filter(is_ours).collect();
        assert!(wrong.is_empty(), "the console says: {wrong:#?}");
    }

    /// Prefers light or dark.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.driver.chrome("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    async fn faults(&self) -> Vec<String> {
        self.allow_script(true).await;
        self.execute(&axe_core(), vec![]).await;
        let mut faults = strings(self.execute(LAYOUT, vec![]).await);
        let audit = self.driver.client.execute_async(AXE, vec![json!(RULES)]).await;
        faults.extend(strings(audit.expect("axe-core runs")));
        if self.screen.width < 600 {
            // WCAG 2.2, 1.4.10: no scrolling in two directions down to this width.
            self.show_on(Screen { width: 320, ..self.screen }).await;
            let narrow = strings(self.execute(LAYOUT, vec![]).await);
            faults.extend(narrow.into_iter().map(|fault| format!("at 320: {fault}")));
            self.show_on(self.screen).await;
        }
        self.allow_script(self.has_script).await;
        faults
    }

    async fn execute(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.driver.client.execute(script, arguments).await.expect("the script runs")
    }

    async fn keep_picture(&self, name: &str) {
        let metrics = self.driver.chrome("Page.getLayoutMetrics", json!({})).await;
        let size = &metrics["cssContentSize"];
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let picture = json!({"captureBeyondViewport": true, "clip": clip});
        let picture = self.driver.chrome("Page.captureScreenshot", picture).await;
        let data = BASE64_STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("a picture");
        let folder = PathBuf::from(TARGET).join("screenshots");
        std::fs::create_dir_all(&folder).expect("a folder is made");
        std::fs::write(folder.join(format!("{name}.png")), data).expect("the picture can be written");
    }
}

fn axe_core() -> String {
    let path = Path::new(TARGET).join("browser/axe.min.js");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("no axe-core at {} ({error}): run scripts/browser", path.display()))
}

fn strings(list: Value) -> Vec<String> {
    serde_json::from_value(list).expect("a list of texts")
}
