//! A line without a scale, as high as a line of text: how a number moved.

use std::fmt::Write;

use super::Drawing;
use super::markup::{Markup, short};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;
/// Left above and below, so that the stroke is not cut.
const EDGE: f64 = 2.0;

/// The line of these values, with a gap where there is none; told by these words.
pub fn sparkline(words: &str, values: &[Option<f64>]) -> Drawing {
    let known = || values.iter().flatten().copied();
    let most = known().fold(f64::NEG_INFINITY, f64::max);
    let least = known().fold(f64::INFINITY, f64::min);
    // What does not move lies in the middle.
    let place = |value: f64| if most > least { (value - least) / (most - least) } else { 0.5 };
    let x = |at: usize| (at as f64 + 0.5) / values.len().max(1) as f64 * WIDTH;
    let y = |value: f64| HEIGHT - EDGE - place(value) * (HEIGHT - 2.0 * EDGE);

    let (mut line, mut area) = (String::new(), String::new());
    let runs = values.iter().enumerate().collect::<Vec<_>>();
    for run in runs.split(|(_, value)| value.is_none()).filter(|run| !run.is_empty()) {
        let points = run.iter().filter_map(|(at, value)| Some((x(*at), y((**value)?))));
        let points = points.map(|(x, y)| (short(x), short(y))).collect::<Vec<_>>();
        let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
        let steps = points.iter().map(|(x, y)| format!("{x} {y}")).collect::<Vec<_>>().join("L");
        let _ = match points.len() {
            // A single point has no length; a short dash shows it.
            1 => write!(line, "M{steps}h0.01"),
            _ => write!(line, "M{steps}"),
        };
        let _ = write!(area, "M{} {HEIGHT}L{steps}L{} {HEIGHT}Z", first.0, last.0);
    }
    let mut markup = Markup::default();
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    markup.open(
        "svg",
        &[("class", &"sparkline"), ("role", &"img"), ("viewBox", &view), ("preserveAspectRatio", &"none")],
    );
    markup.text("title", &[], words);
    markup.empty("path", &[("class", &"area"), ("d", &area)]);
    markup.empty("path", &[("class", &"line"), ("d", &line), ("vector-effect", &"non-scaling-stroke")]);
    markup.close("svg");
    Drawing(markup.finish())
}
