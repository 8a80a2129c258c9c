//! A password from whoever runs the command: asked for twice on a terminal, else one line of standard input.
//! Never shown, and never an argument: those are visible to every process.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, bail, ensure};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Asks for a password, or reads it.
pub(super) fn read() -> anyhow::Result<SecretString> {
    let input = io::stdin();
    if input.is_terminal() { ask_twice() } else { read_line(input.lock()) }
}

fn ask_twice() -> anyhow::Result<SecretString> {
    let ask = |prompt| {
        rpassword::prompt_password(prompt)
            .map(SecretString::from)
            .context("the password cannot be read from the terminal")
    };
    let password = ask("Password: ")?;
    let repeated = ask("The same again: ")?;
    ensure!(
        password.expose_secret() == repeated.expose_secret(),
        "the two passwords differ; nothing was changed"
    );
    Ok(password)
}

/// The one line there is, without its line break; blanks belong to the password.
fn read_line(mut input: impl BufRead) -> anyhow::Result<SecretString> {
    let mut text = Zeroizing::new(String::new());
    input.read_to_string(&mut text).context("the password on standard input is not valid UTF-8")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        bail!("there is no password on standard input: pipe one in, or run this on a terminal");
    }
    ensure!(!line.contains('\n'), "standard input has several lines; a password is one");
    Ok(line.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> anyhow::Result<String> {
        read_line(input.as_bytes()).map(|password| password.expose_secret().to_owned())
    }

    #[test]
    fn only_the_line_break_at_the_end_is_stripped() {
        for (input, password) in
            [("secret\n", "secret"), ("secret\r\n", "secret"), (" a b ", " a b "), ("x\r", "x")]
        {
            assert_eq!(read(input).unwrap(), password, "{input:?}");
        }
    }

    #[test]
    fn no_line_or_several_are_refused() {
        for input in ["", "\n", "one\ntwo\n", "one\n\n"] {
            assert!(read(input).is_err(), "{input:?}");
        }
    }
}
