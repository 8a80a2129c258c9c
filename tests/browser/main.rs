//! The pages as people have them: Debian's Chromium in front of the running program, with and without script,
//! on a phone and on a desktop, light and dark.
//!
//! `scripts/browser` puts in place what these tests need. Pictures of every page that they pass stay in
//! `target/screenshots`.

#[path = "../support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "each suite uses what it needs of what outside tests stand on")]
mod support;

mod brand;
mod browser;
mod dashboard;
mod dashboard_pages;
mod documentation;
mod driver;
mod inspection;
mod journey;
mod lapses;
