//! One horizontal bar: a share of a whole, for a row of a table or of a list. The number stands beside it, so the
//! bar itself says nothing to whoever does not see it.

use super::Drawing;
use super::markup::{Markup, percent};

/// The least share that something above 0 is drawn with.
const LEAST: f64 = 0.01;

/// A bar of this share, from 0 to 1, in the colour of this name.
pub fn bar(share: f64, class: &str) -> Drawing {
    let share = if share > 0.0 { share.clamp(LEAST, 1.0) } else { 0.0 };
    let mut markup = Markup::default();
    markup.open("svg", &[("class", &"bar-of"), ("aria-hidden", &"true"), ("focusable", &"false")]);
    markup.empty("rect", &[("class", &"track"), ("width", &"100%"), ("height", &"100%"), ("rx", &3)]);
    let fill = format!("fill {class}");
    markup.empty("rect", &[("class", &fill), ("width", &percent(share)), ("height", &"100%"), ("rx", &3)]);
    markup.close("svg");
    Drawing(markup.finish())
}
