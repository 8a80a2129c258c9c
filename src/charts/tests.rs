//! Drawings, read back by a parser.

use proptest::prelude::*;
use scraper::{ElementRef, Html, Selector};

use super::axis::{counts, seconds};
use super::*;

const TOLD: Told = Told { id: "outcomes", title: "Outcomes", summary: "12 mails in 3 hours" };

fn read(drawing: &Drawing) -> Html {
    Html::parse_fragment(&drawing.to_string())
}

fn all<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

fn share(element: ElementRef, attribute: &str) -> f64 {
    element.attr(attribute).unwrap().strip_suffix('%').unwrap().parse::<f64>().unwrap() / 100.0
}

fn words(element: ElementRef) -> String {
    element.text().collect()
}

fn bars(count: usize) -> Vec<String> {
    (0..count).map(|hour| format!("{hour}:00")).collect()
}

fn two_series() -> Vec<Stack<'static>> {
    vec![
        Stack { name: "delivered", class: "delivered", values: vec![3, 0, 8] },
        Stack { name: "bounced", class: "bounced", values: vec![1, 0, 0] },
    ]
}

#[test]
fn bars_are_as_high_as_their_numbers_and_stand_on_each_other() {
    let html = read(&stacked(TOLD, &bars(3), &two_series(), &[]));

    let of = |class: &str| all(&html, &format!("rect.{class}"));
    let (delivered, bounced) = (of("delivered"), of("bounced"));
    assert_eq!((delivered.len(), bounced.len()), (2, 1));
    assert_eq!(share(delivered[0], "height"), 3.0 / 8.0);
    assert_eq!(share(delivered[1], "height"), 1.0);
    assert_eq!(share(bounced[0], "y") + share(bounced[0], "height"), share(delivered[0], "y"));
    assert_eq!(words(all(&html, "g > title")[0]), "0:00: 3 delivered, 1 bounced");
}

#[test]
fn a_chart_has_a_name_and_a_summary_for_whoever_does_not_see_it() {
    let html = read(&stacked(TOLD, &bars(3), &two_series(), &[Mark::new(0.0, "0:00")]));

    let chart = all(&html, "svg[role=img]")[0];
    assert_eq!(chart.attr("aria-labelledby"), Some("outcomes-title outcomes-summary"));
    assert_eq!(words(all(&html, "#outcomes-title")[0]), "Outcomes");
    assert_eq!(words(all(&html, "#outcomes-summary")[0]), "12 mails in 3 hours");
    assert_eq!(words(all(&html, "text.below")[0]), "0:00");
}

#[test]
fn series_differ_by_pattern_and_not_by_colour_alone() {
    let html = read(&patterns(&["delivered", "bounced"]));

    let paths: Vec<_> = all(&html, "pattern path").iter().map(|path| path.attr("d").unwrap()).collect();
    assert_eq!(paths.len(), 2);
    assert_ne!(paths[0], paths[1]);
    let chart = read(&stacked(TOLD, &bars(3), &two_series(), &[]));
    assert_eq!(all(&chart, "rect[fill='url(#pattern-bounced)']").len(), 1);
}

#[test]
fn the_scale_of_numbers_ends_at_a_round_one_and_has_few_marks() {
    for (most, end, labels) in [
        (0, 1, vec!["0", "1"]),
        (3, 3, vec!["0", "1", "2", "3"]),
        (12, 15, vec!["0", "5", "10", "15"]),
        (80, 80, vec!["0", "20", "40", "60", "80"]),
        (34_567, 40_000, vec!["0", "10k", "20k", "30k", "40k"]),
    ] {
        let (found, marks) = counts(most);
        let told: Vec<_> = marks.iter().map(|mark| mark.label.as_str()).collect();
        assert_eq!((found, told), (end, labels), "{most}");
    }
}

#[test]
fn the_scale_of_spans_holds_every_value_and_tells_limits_apart() {
    let scale = seconds([2.0, 900.0], &[60.0, 300.0]);

    let told: Vec<_> = scale.marks.iter().map(|mark| (mark.label.as_str(), mark.is_limit)).collect();
    let expected = [("1 s", false), ("10 s", false), ("1 min", true), ("5 min", true), ("30 min", false)];
    assert_eq!(told, expected);
    assert_eq!((scale.place(1.0), scale.place(1_800.0), scale.place(0.0)), (0.0, 1.0, 0.0));
    assert!(scale.place(2.0) > 0.0 && scale.place(900.0) < 1.0);
    assert_eq!(seconds([], &[]).marks.len(), 2);
}

#[test]
fn a_line_has_a_gap_where_nothing_was_measured() {
    let scale = seconds([1.0, 10.0], &[]);
    let line = Line { name: "p50", class: "p50", values: vec![Some(1.0), Some(10.0), None, Some(10.0)] };

    let html = read(&lines(TOLD, &[line], &scale, &[]));

    assert_eq!(all(&html, "path.p50")[0].attr("d"), Some("M125 1000L375 0M875 0"));
    assert_eq!(all(&html, "circle.p50").len(), 3);
}

#[test]
fn a_sparkline_spans_from_its_least_to_its_most_and_lies_still_if_nothing_moves() {
    let moving = read(&sparkline("from 1 to 3", &[Some(1.0), Some(3.0)]));
    let still = read(&sparkline("always 5", &[Some(5.0), None, Some(5.0)]));

    assert_eq!(all(&moving, "path.line")[0].attr("d"), Some("M30 26L90 2"));
    assert_eq!(words(all(&moving, "title")[0]), "from 1 to 3");
    assert_eq!(all(&still, "path.line")[0].attr("d"), Some("M20 14h0.01M100 14h0.01"));
}

#[test]
fn a_bar_is_as_long_as_its_share_and_seen_however_small() {
    for (share_of, drawn) in [(0.0, 0.0), (0.0001, 0.01), (0.5, 0.5), (1.0, 1.0), (7.0, 1.0)] {
        let html = read(&bar(share_of, "good"));
        assert_eq!(share(all(&html, "rect.good")[0], "width"), drawn, "{share_of}");
    }
}

#[test]
fn a_text_cannot_become_markup() {
    let hostile = "</title><script>alert(1)</script>\" onload=\"x";
    let told = Told { id: "x", title: hostile, summary: hostile };

    let drawing = stacked(told, &[hostile.to_owned()], &two_series(), &[Mark::new(0.5, hostile)]);

    let html = read(&drawing);
    assert!(all(&html, "script").is_empty());
    assert!(all(&html, "*").iter().all(|element| element.attr("onload").is_none()));
    assert_eq!(words(all(&html, "#x-title")[0]), hostile);
}

proptest! {
    #[test]
    fn nothing_is_drawn_outside_whatever_the_numbers(values in prop::collection::vec(-5_i64..1 << 50, 0..40)) {
        let series = [Stack { name: "a", class: "a", values: values.clone() }];
        let html = read(&stacked(TOLD, &bars(values.len()), &series, &[]));
        for rect in all(&html, "rect") {
            let (x, y) = (share(rect, "x"), share(rect, "y"));
            prop_assert!(x >= 0.0 && x + share(rect, "width") <= 1.000_2, "{x}");
            prop_assert!(y >= -0.000_2 && y + share(rect, "height") <= 1.000_2, "{y}");
        }
        let spans: Vec<_> = values.iter().map(|value| Some((*value).max(0) as f64 / 1e6)).collect();
        let scale = seconds(spans.iter().flatten().copied(), &[60.0]);
        let line = Line { name: "a", class: "a", values: spans.clone() };
        let (line, spark) = (lines(TOLD, &[line], &scale, &[]), sparkline("a", &spans));
        for drawing in [line, spark] {
            let drawn = drawing.to_string();
            prop_assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}
