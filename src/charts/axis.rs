//! Where the marks of a scale stand, and what they say.

/// A mark on a scale.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// From 0, the start, to 1, the end.
    pub place: f64,
    pub label: String,
    /// Whether it is a limit that values should keep to.
    pub is_limit: bool,
}

impl Mark {
    /// One that is no limit.
    pub fn new(place: f64, label: impl Into<String>) -> Self {
        Self { place, label: label.into(), is_limit: false }
    }
}

/// A scale for whole numbers from 0 to at least `most`: its end, and two to five marks at round numbers.
pub fn counts(most: i64) -> (i64, Vec<Mark>) {
    let most = most.max(1);
    let step = (0..18)
        .flat_map(|power| [1, 2, 5].map(|first| first * 10_i64.pow(power)))
        .find(|step| most / step < 4 || (most / step == 4 && most % step == 0))
        .unwrap_or(i64::MAX);
    let steps = most / step + i64::from(most % step != 0);
    let end = step.saturating_mul(steps);
    let marks = (0..=steps).map(|n| Mark::new(n as f64 / steps as f64, abbreviated(n * step)));
    (end, marks.collect())
}

/// Spans that people have a feeling for, in seconds.
const SPANS: [(f64, &str); 12] = [
    (0.1, "0.1 s"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (300.0, "5 min"),
    (1_800.0, "30 min"),
    (7_200.0, "2 h"),
    (28_800.0, "8 h"),
    (86_400.0, "1 d"),
    (345_600.0, "4 d"),
    (1_209_600.0, "14 d"),
    (5_184_000.0, "60 d"),
];

/// A logarithmic scale for spans.
#[derive(Debug, Clone, PartialEq)]
pub struct Spans {
    pub marks: Vec<Mark>,
    low: f64,
    high: f64,
}

impl Spans {
    /// Where a span of so many seconds stands.
    pub fn place(&self, seconds: f64) -> f64 {
        let (low, high) = (self.low.ln(), self.high.ln());
        ((seconds.max(self.low).ln() - low) / (high - low)).min(1.0)
    }
}

/// A scale that holds these spans, in seconds; marks at these limits are told apart.
pub fn seconds(values: impl IntoIterator<Item = f64>, limits: &[f64]) -> Spans {
    let (least, most) = values
        .into_iter()
        .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    let last = SPANS.len() - 1;
    let from = SPANS.iter().rposition(|(span, _)| *span <= least).unwrap_or(0);
    let to = SPANS.iter().position(|(span, _)| *span >= most).unwrap_or(last);
    let (from, to) = if from < to { (from, to) } else { (to.saturating_sub(1), to.max(1)) };
    let mut spans = Spans { marks: Vec::new(), low: SPANS[from].0, high: SPANS[to].0 };
    let marks = SPANS[from..=to].iter().map(|(span, label)| Mark {
        place: spans.place(*span),
        label: (*label).to_owned(),
        is_limit: limits.contains(span),
    });
    spans.marks = marks.collect();
    spans
}

/// `12000` as `12k`.
fn abbreviated(number: i64) -> String {
    match number {
        n if n >= 1_000_000 && n % 100_000 == 0 => format!("{}M", n as f64 / 1e6),
        n if n >= 10_000 && n % 100 == 0 => format!("{}k", n as f64 / 1e3),
        n => n.to_string(),
    }
}
