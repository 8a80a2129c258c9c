//! Lines of a length that people read well, for the text of a mail. A word is never divided, so a link stays
//! whole on its line.

/// Characters of a line at most, as far as words allow.
const WIDTH: usize = 72;

/// Breaks long lines, and takes away blank ones at the ends and after another.
pub(super) fn reflow(text: &str) -> String {
    let mut lines: Vec<String> = vec![];
    for line in text.trim().lines() {
        match line.trim_end() {
            "" if lines.last().is_some_and(String::is_empty) => {}
            line => lines.extend(broken(line)),
        }
    }
    lines.join("\n") + "\n"
}

/// The line in pieces; further ones are indented like the first.
fn broken(line: &str) -> Vec<String> {
    let indent = &line[..line.len() - line.trim_start().len()];
    let mut pieces = vec![indent.to_owned()];
    for word in line.split_whitespace() {
        let piece = pieces.last_mut().expect("there is one from the start");
        let is_first = piece.len() == indent.len();
        if is_first || piece.chars().count() + 1 + word.chars().count() <= WIDTH {
            if !is_first {
                piece.push(' ');
            }
            piece.push_str(word);
        } else {
            pieces.push(format!("{indent}{word}"));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_between_words_and_links_are_not() {
        let link = format!("https://id.example.test/reset-password?token={}", "x".repeat(100));
        let text = format!("\n\n{}\n\n\n\n{link}\n  last  \n\n", "zwölf ".repeat(20));

        let lines: Vec<_> = reflow(&text).lines().map(str::to_owned).collect();

        assert_eq!(lines[0].chars().count(), 12 * 6 - 1);
        assert_eq!(
            lines[1..],
            [&"zwölf ".repeat(8).trim_end().to_owned(), &String::new(), &link, &"  last".to_owned()]
                .map(Clone::clone)
        );
    }
}
