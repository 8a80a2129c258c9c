//! How well the rules understand diagnostics that they were not written for.
//!
//! The corpus (`fixtures/bounces/`) is diagnostics in the wording of servers, gateways and providers, each with
//! the category that an expert gives it. Held back are a third of it, chosen by a hash of the text, and all of
//! `unseen.tsv`, which was written last: nobody looks at these while writing rules. Nothing is held back of
//! `rounds.tsv`, whose lines were met one by one. The figures of what is held back are the ones that mean
//! something; `cargo nextest run --test bounce_corpus --no-capture` prints them, with what was taken for what.

#![expect(clippy::unwrap_used, reason = "a test that cannot read what it checks must fail")]

use std::collections::BTreeMap;
use std::fs;

use backstamp::domain::bounce::{BounceClass, Category, Evidence, installed};

/// One diagnostic and what it means.
struct Line {
    category: Category,
    text: String,
    group: Group,
}

/// What may have been looked at while rules were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Seen,
    HeldBack,
    Unseen,
}

/// Answers, counted by what is right and what was said.
#[derive(Default)]
struct Confusion(BTreeMap<(Category, Category), usize>);

fn corpus() -> Vec<Line> {
    let mut lines = Vec::new();
    for entry in fs::read_dir("tests/fixtures/bounces").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (category, text) =
                line.split_once('\t').unwrap_or_else(|| panic!("{}: {line}", path.display()));
            let category = Category::parse(category).unwrap_or_else(|| panic!("{}: {line}", path.display()));
            let group = match name.as_str() {
                "unseen.tsv" => Group::Unseen,
                "rounds.tsv" => Group::Seen,
                _ if is_held_back(text) => Group::HeldBack,
                _ => Group::Seen,
            };
            lines.push(Line { category, text: text.replace("\\n", "\n"), group });
        }
    }
    lines
}

/// FNV-1a, so that a text stays where it is.
fn is_held_back(text: &str) -> bool {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash ^ (hash >> 29)).is_multiple_of(3)
}

impl Confusion {
    fn of<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let mut confusion = Self::default();
        for line in lines {
            let answer = installed().classify(&Evidence { text: &line.text, ..Evidence::default() }).category;
            *confusion.0.entry((line.category, answer)).or_default() += 1;
        }
        confusion
    }

    fn count(&self, matches: impl Fn(Category, Category) -> bool) -> f64 {
        self.0
            .iter()
            .filter(|((right, answer), _)| matches(*right, *answer))
            .map(|(_, count)| *count as f64)
            .sum()
    }

    fn accuracy(&self) -> f64 {
        self.count(|right, answer| right == answer) / self.count(|_, _| true)
    }

    fn coverage(&self) -> f64 {
        1.0 - self.count(|right, answer| answer == Category::Unclassified && right != answer)
            / self.count(|_, _| true)
    }

    /// Of a group of categories, as one.
    fn precision(&self, is_in: impl Fn(Category) -> bool) -> f64 {
        self.count(|right, answer| is_in(right) && is_in(answer))
            / self.count(|_, answer| is_in(answer)).max(1.0)
    }

    fn recall(&self, is_in: impl Fn(Category) -> bool) -> f64 {
        self.count(|right, answer| is_in(right) && is_in(answer))
            / self.count(|right, _| is_in(right)).max(1.0)
    }

    fn f1(&self, category: Category) -> f64 {
        let (precision, recall) = (self.precision(|c| c == category), self.recall(|c| c == category));
        if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
    }

    fn macro_f1(&self) -> f64 {
        let present: Vec<_> =
            Category::ALL.into_iter().filter(|c| self.count(|right, _| right == *c) > 0.0).collect();
        present.iter().map(|category| self.f1(*category)).sum::<f64>() / present.len() as f64
    }

    fn print(&self, name: &str) {
        println!(
            "{name}: {} diagnostics, accuracy {:.3}, macro F1 {:.3}, coverage {:.3}, dead addresses {:.3}/{:.3}, critical {:.3}/{:.3}",
            self.count(|_, _| true),
            self.accuracy(),
            self.macro_f1(),
            self.coverage(),
            self.precision(is_dead),
            self.recall(is_dead),
            self.precision(Category::is_critical),
            self.recall(Category::is_critical),
        );
        self.print_categories();
        for ((right, answer), count) in self.0.iter().filter(|((right, answer), _)| right != answer) {
            println!("  {} taken for {}: {count}", right.as_str(), answer.as_str());
        }
    }

    fn print_categories(&self) {
        println!("  {:<20} precision recall    F1 count", "category");
        for category in Category::ALL {
            let is_it = |other| other == category;
            println!(
                "  {:<20} {:>9.3} {:>6.3} {:>5.3} {:>5}",
                category.as_str(),
                self.precision(is_it),
                self.recall(is_it),
                self.f1(category),
                self.count(|right, _| is_it(right)),
            );
        }
    }
}

fn is_dead(category: Category) -> bool {
    category.class() == BounceClass::Hard
}

#[test]
fn what_was_held_back_is_understood_as_well_as_promised() {
    let lines = corpus();
    let of = |group| Confusion::of(lines.iter().filter(|line| line.group == group));
    let (held_back, unseen) = (of(Group::HeldBack), of(Group::Unseen));

    of(Group::Seen).print("seen");
    held_back.print("held back");
    unseen.print("unseen");
    for (what, accuracy, f1) in [(held_back, 0.92, 0.88), (unseen, 0.88, 0.85)] {
        assert!(what.accuracy() >= accuracy && what.macro_f1() >= f1);
        assert!(what.coverage() >= 0.95);
        // A false one stops mail to a living address.
        assert!(what.precision(is_dead) >= 0.97 && what.recall(is_dead) >= 0.88);
        assert!(what.precision(Category::is_critical) >= 0.90);
        assert!(what.recall(Category::is_critical) >= 0.90);
    }
}

#[test]
fn the_corpus_has_every_category_and_no_line_twice() {
    let lines = corpus();
    let mut by_category = BTreeMap::<Category, usize>::new();
    let mut texts = std::collections::BTreeSet::new();
    for line in &lines {
        *by_category.entry(line.category).or_default() += 1;
        assert!(texts.insert(&line.text), "twice: {}", line.text);
    }

    assert!(lines.len() > 1_000);
    assert_eq!(by_category.len(), Category::ALL.len());
}
