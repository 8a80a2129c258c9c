//! Diagnostics classified a second, on one thread, with every rule loaded: short and long texts, one after the
//! other from the corpus, and how it grows with the number of rules.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::time::Duration;

use backstamp::domain::bounce::{Classification, Evidence, RuleSet};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn corpus() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/bounces");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the corpus").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).expect("a file of the corpus"));
    texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| line.split_once('\t').map(|(_, text)| text.replace("\\n", "\n")))
        .collect()
}

fn classify(rules: &RuleSet, texts: &[String]) {
    for text in texts {
        black_box(rules.classify(&Evidence { text, ..Evidence::default() }));
    }
}

fn by_length(criterion: &mut Criterion) {
    let rules = RuleSet::built_in().expect("the built-in rules compile");
    let texts = corpus();
    let (short, long): (Vec<_>, Vec<_>) = texts.iter().cloned().partition(|text| text.len() <= 120);
    let whole_replies = long.iter().filter(|text| (150..=350).contains(&text.len())).cloned().collect();
    let huge = vec![format!("550 5.1.1 user unknown {}", "and so on ".repeat(120_000))];

    let mut group = criterion.benchmark_group("classify");
    for (name, texts) in [
        ("corpus", &texts),
        ("up to 120 bytes", &short),
        ("over 120 bytes", &long),
        ("150 to 350 bytes", &whole_replies),
        ("a megabyte", &huge),
    ] {
        group.throughput(Throughput::Elements(texts.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), texts, |b, texts| {
            b.iter(|| classify(&rules, texts))
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("normal form");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("corpus", |b| {
        b.iter(|| texts.iter().for_each(|text| drop(black_box(Classification::normal_form(text)))));
    });
    group.finish();
}

fn by_rules(criterion: &mut Criterion) {
    let texts = corpus();
    let mut group = criterion.benchmark_group("classify with rules of an operator");
    group.throughput(Throughput::Elements(texts.len() as u64));
    for more in [0, 100, 1_000] {
        let mut own = String::new();
        for number in 0..more {
            writeln!(
                own,
                "[[rule]]\nid = \"own.{number}\"\ncategory = \"policy_refused\"\n\
                 says = [\"the word{number} .. {{person}} .. (is|was) thing{number}\", \"house rule {number}\"]"
            )
            .expect("a string takes everything");
        }
        let rules = RuleSet::with("own.toml", &own).expect("the rules are well-formed");
        group.bench_function(BenchmarkId::from_parameter(more), |b| b.iter(|| classify(&rules, &texts)));
    }
    group.finish();

    criterion.bench_function("compile the built-in rules", |b| b.iter(|| black_box(RuleSet::built_in())));
}

criterion_group! {
    name = bounces;
    config = Criterion::default().measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_secs(1)).sample_size(20);
    targets = by_length, by_rules
}
criterion_main!(bounces);
