//! Bars over time, each stacked of the same series.

use std::fmt::Display;

use super::axis::{Mark, counts};
use super::markup::{Markup, percent};
use super::{Drawing, Told};

/// The least share of the height that something above 0 is drawn with, so that it is seen at all.
const LEAST: f64 = 0.008;
/// The share of its place that a bar fills.
const FILLED: f64 = 0.8;

/// One series: the lowest of the stack first.
#[derive(Debug, Clone)]
pub struct Stack<'a> {
    /// In words, as the legend has it.
    pub name: &'a str,
    /// The name of its colour and of its pattern.
    pub class: &'a str,
    /// One number for each bar.
    pub values: Vec<i64>,
}

/// The chart. `bars` say what each bar is about, as `5 Jan 10:00`; `below` stands under them.
pub fn stacked(told: Told, bars: &[String], series: &[Stack], below: &[Mark]) -> Drawing {
    let value = |series: &Stack, bar: usize| series.values.get(bar).copied().unwrap_or(0).max(0);
    let total = |bar: usize| series.iter().map(|one| value(one, bar)).sum::<i64>();
    let most = (0..bars.len()).map(total).max().unwrap_or(0);
    let (end, scale) = counts(most);

    let mut markup = Markup::default();
    markup.begin_plot(told, &scale, below);
    let width = 1.0 / bars.len().max(1) as f64;
    for (bar, name) in bars.iter().enumerate() {
        if total(bar) == 0 {
            continue;
        }
        markup.open("g", &[]);
        markup.text("title", &[], &words(name, series.iter().map(|one| (one.name, value(one, bar)))));
        let x = percent((bar as f64 + (1.0 - FILLED) / 2.0) * width);
        let mut height = 0.0;
        for one in series {
            let own = value(one, bar) as f64 / end as f64;
            if own > 0.0 {
                let own = own.max(LEAST);
                height += own;
                let place: [(&str, &dyn Display); 4] = [
                    ("x", &x),
                    ("y", &percent(1.0 - height)),
                    ("width", &percent(width * FILLED)),
                    ("height", &percent(own)),
                ];
                let fill = format!("fill {}", one.class);
                markup.empty("rect", &[place.as_slice(), &[("class", &fill)]].concat());
                let pattern = format!("url(#pattern-{})", one.class);
                markup.empty("rect", &[place.as_slice(), &[("fill", &pattern)]].concat());
            }
        }
        markup.close("g");
    }
    markup.end_plot();
    Drawing(markup.finish())
}

fn words<'a>(bar: &str, values: impl Iterator<Item = (&'a str, i64)>) -> String {
    let values = values.filter(|(_, value)| *value > 0).map(|(name, value)| format!("{value} {name}"));
    format!("{bar}: {}", values.collect::<Vec<_>>().join(", "))
}

/// How the patterns look, in the order of the classes that they are for: from plain to ever denser.
const PATTERNS: [&str; 6] = [
    "",
    "M0 6L6 0M-1 1L1 -1M5 7L7 5",
    "M3 0V6",
    "M0 0L6 6M-1 5L1 7M5 -1L7 1",
    "M0 3H6M3 0V6",
    "M1 1h2v2h-2z",
];

/// The patterns that a page's charts and legends fill with, once for each page.
pub fn patterns(classes: &[&str]) -> Drawing {
    let mut markup = Markup::default();
    markup.open("svg", &[("class", &"patterns"), ("aria-hidden", &"true"), ("focusable", &"false")]);
    for (class, path) in classes.iter().zip(PATTERNS) {
        let id = format!("pattern-{class}");
        let size: [(&str, &dyn Display); 4] =
            [("id", &id), ("width", &6), ("height", &6), ("patternUnits", &"userSpaceOnUse")];
        markup.open("pattern", &size);
        markup.empty("path", &[("d", &path)]);
        markup.close("pattern");
    }
    markup.close("svg");
    Drawing(markup.finish())
}
