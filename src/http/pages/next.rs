//! Where to go after signing in: a page of ours, never anybody else's.

use url::Url;

use super::Visit;

/// The given path if it leads to our own host, else the account.
pub fn local(visit: &Visit, given: &str) -> String {
    let public_url = &visit.state.settings.public_url;
    path(public_url, given).unwrap_or_else(|| format!("{}account", visit.root()))
}

/// URL parsers drop tabs and line ends and turn backslashes; a path must be what it looks like.
fn path(public_url: &Url, given: &str) -> Option<String> {
    let is_plain = given.starts_with('/')
        && !given.starts_with("//")
        && !given.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
    let url = public_url.join(given).ok().filter(|_| is_plain)?;
    let is_ours = url.origin() == public_url.origin() && !url.path().starts_with("//");
    is_ours.then(|| url[url::Position::BeforePath..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_our_own_are_gone_to() {
        let ours = Url::parse("https://id.example.test/in/").unwrap();
        for (given, expected) in
            [("/in/account", "/in/account"), ("/docs?x=1#y", "/docs?x=1#y"), ("/a/../b", "/b")]
        {
            assert_eq!(path(&ours, given).as_deref(), Some(expected), "{given}");
        }
        for given in [
            "",
            "account",
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "/\t/evil.test",
            "https://evil.test/",
            "javascript:alert(1)",
            "/.//evil.test",
            " /account",
        ] {
            assert_eq!(path(&ours, given), None, "{given:?}");
        }
    }
}
