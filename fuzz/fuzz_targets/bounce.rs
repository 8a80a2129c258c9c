//! Any text in, an answer out: no panic, and the same answer again. Needs a nightly toolchain:
//! `cargo +nightly fuzz run bounce`.

#![no_main]

use backstamp::domain::bounce::{Classification, Evidence, installed, mask};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let evidence = Evidence { text, ..Evidence::default() };
    let verdict = installed().classify(&evidence);
    assert_eq!(verdict, installed().classify(&evidence));
    assert!(Classification::normal_form(text).chars().count() <= 300);
    assert!(mask(text).chars().count() <= 300);
});
