//! The browser behind a request in rough words, for people who wonder whether it was they who asked.
//!
//! Words of a closed set: nothing that a client sends is ever repeated.

/// By what the user agent holds; the first that fits. Most call themselves Chrome and Safari too.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Android calls itself Linux too, and an iPhone is "like Mac OS X".
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// Such as "Firefox on Windows"; none for what is no browser.
pub fn describe(user_agent: &str) -> Option<String> {
    let word = |words: &[(&str, &'static str)]| {
        words.iter().find(|(part, _)| user_agent.contains(part)).map(|(_, word)| *word)
    };
    let browser = word(&BROWSERS)?;
    Some(word(&SYSTEMS).map_or(browser.to_owned(), |system| format!("{browser} on {system}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn common_browsers_are_told_apart() {
        let cases = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
        ];
        for (user_agent, words) in cases {
            assert_eq!(describe(user_agent).as_deref(), Some(words), "{user_agent}");
        }
    }

    #[test]
    fn what_is_no_browser_has_no_words() {
        for user_agent in ["", "curl/8.5.0", "python-requests/2.32", "Mozilla/5.0"] {
            assert_eq!(describe(user_agent), None, "{user_agent}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_was_sent_is_repeated(noise in ".{0,80}") {
            let words = describe(&format!("Firefox/140.0 {noise} Windows"));
            let is_known = words.is_some_and(|words| {
                words.split(" on ").all(|word| {
                    BROWSERS.iter().chain(&SYSTEMS).any(|(_, known)| *known == word)
                })
            });
            prop_assert!(is_known);
        }
    }
}
