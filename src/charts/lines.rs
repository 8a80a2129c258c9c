//! Lines over time on a logarithmic scale of seconds.

use std::fmt::Write;

use super::axis::{Mark, Spans};
use super::markup::{Markup, percent, short};
use super::{Drawing, Told};

/// Units of the inner drawing; only its proportions matter.
const SIZE: f64 = 1_000.0;

/// One line.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    pub name: &'a str,
    /// The name of its colour and dash.
    pub class: &'a str,
    /// In seconds, one for each point in time; where nothing was measured the line has a gap.
    pub values: Vec<Option<f64>>,
}

/// The chart. `below` stands under it.
pub fn lines(told: Told, lines: &[Line], scale: &Spans, below: &[Mark]) -> Drawing {
    let mut markup = Markup::default();
    markup.begin_plot(told, &scale.marks, below);
    for line in lines {
        let points = line.values.len().max(1) as f64;
        let place = |at: usize, value: f64| ((at as f64 + 0.5) / points, 1.0 - scale.place(value));
        let view = format!("0 0 {SIZE} {SIZE}");
        markup.open(
            "svg",
            &[("viewBox", &view), ("preserveAspectRatio", &"none"), ("width", &"100%"), ("height", &"100%")],
        );
        let class = format!("line {}", line.class);
        markup.empty(
            "path",
            &[("class", &class), ("d", &path(&line.values, place)), ("vector-effect", &"non-scaling-stroke")],
        );
        markup.close("svg");
        for (at, value) in line.values.iter().enumerate() {
            let Some(value) = value else { continue };
            let (x, y) = place(at, *value);
            let class = format!("dot {}", line.class);
            markup
                .empty("circle", &[("class", &class), ("cx", &percent(x)), ("cy", &percent(y)), ("r", &2.5)]);
        }
    }
    markup.end_plot();
    Drawing(markup.finish())
}

fn path(values: &[Option<f64>], place: impl Fn(usize, f64) -> (f64, f64)) -> String {
    let mut path = String::new();
    let mut is_drawing = false;
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_drawing = false;
            continue;
        };
        let (x, y) = place(at, *value);
        let _ = write!(path, "{}{} {}", if is_drawing { 'L' } else { 'M' }, short(x * SIZE), short(y * SIZE));
        is_drawing = true;
    }
    path
}
