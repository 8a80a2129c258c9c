//! The few elements that drawings are made of. Every text and every value is escaped here.

use std::fmt::{Display, Write};

use super::{Mark, Told};

/// A drawing in the making.
#[derive(Default)]
pub struct Markup(String);

impl Markup {
    /// Opens an element; `close` ends it.
    pub fn open(&mut self, name: &str, attributes: &[(&str, &dyn Display)]) {
        self.start(name, attributes);
        self.0.push('>');
    }

    pub fn close(&mut self, name: &str) {
        let _ = write!(self.0, "</{name}>");
    }

    /// An element with nothing in it.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &dyn Display)]) {
        self.start(name, attributes);
        self.0.push_str("/>");
    }

    /// An element with a text.
    pub fn text(&mut self, name: &str, attributes: &[(&str, &dyn Display)], text: &str) {
        self.open(name, attributes);
        self.0.push_str(&escaped(text));
        self.close(name);
    }

    pub fn finish(self) -> String {
        self.0
    }

    /// Opens the frame of a chart: the scale at its side, and the drawing with its name, its lines across and
    /// what stands below it. `end_plot` ends it.
    pub fn begin_plot(&mut self, told: Told, scale: &[Mark], below: &[Mark]) {
        self.open("div", &[("class", &"plot")]);
        self.open("svg", &[("class", &"scale"), ("aria-hidden", &"true"), ("focusable", &"false")]);
        for mark in scale {
            let y = percent(1.0 - mark.place);
            let place: [(&str, &dyn Display); 4] =
                [("x", &"100%"), ("y", &y), ("dy", &"0.32em"), ("text-anchor", &"end")];
            self.text("text", &place, &mark.label);
        }
        self.close("svg");
        let (title, summary) = (format!("{}-title", told.id), format!("{}-summary", told.id));
        let named = format!("{title} {summary}");
        self.open("svg", &[("class", &"chart"), ("role", &"img"), ("aria-labelledby", &named)]);
        self.text("title", &[("id", &title)], told.title);
        self.text("desc", &[("id", &summary)], told.summary);
        for mark in scale {
            let y = percent(1.0 - mark.place);
            let class = if mark.is_limit { "limit" } else { "grid" };
            self.empty("line", &[("class", &class), ("x1", &"0%"), ("x2", &"100%"), ("y1", &y), ("y2", &y)]);
        }
        for mark in below {
            let anchor = match mark.place {
                p if p < 0.02 => "start",
                p if p > 0.98 => "end",
                _ => "middle",
            };
            let x = percent(mark.place);
            let place: [(&str, &dyn Display); 5] =
                [("class", &"below"), ("x", &x), ("y", &"100%"), ("dy", &"1.4em"), ("text-anchor", &anchor)];
            self.text("text", &place, &mark.label);
        }
    }

    pub fn end_plot(&mut self) {
        self.close("svg");
        self.close("div");
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &dyn Display)]) {
        let _ = write!(self.0, "<{name}");
        for (key, value) in attributes {
            let _ = write!(self.0, " {key}=\"{}\"", escaped(&value.to_string()));
        }
    }
}

/// A share as a percentage, short.
pub fn percent(share: f64) -> String {
    format!("{}%", short(share * 100.0))
}

/// A number with two decimals at most.
pub fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
