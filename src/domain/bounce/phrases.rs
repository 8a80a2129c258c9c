//! Every phrase of the rules as a tree of words: a text is led through it once, word by word.

use std::collections::BTreeMap;

use super::packed::{Pool, Span};
use super::reading::Reading;
use super::vocabulary::{Shape, Vocabulary, Words};

/// No phrase goes on there.
const NOWHERE: u32 = u32::MAX;

/// The phrases, and what each one fills.
#[derive(Debug)]
pub(super) struct Phrases {
    vocabulary: Vocabulary,
    /// For each word the node of the phrases that begin with it.
    first: Vec<u32>,
    nodes: Vec<Node>,
    /// The words that go on from a node, sorted, and where to.
    ways: Pool<(u32, u32)>,
    places: Pool<u32>,
}

/// Words in a row that a phrase begins with, or all of its words.
#[derive(Debug, Clone, Copy)]
struct Node {
    ways: Span,
    checked: Span,
    others: Span,
}

/// A node while phrases are added.
#[derive(Default)]
struct Growing {
    ways: BTreeMap<u32, u32>,
    fills: Fills<Vec<u32>>,
}

/// The places that a phrase fills.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fills<Places> {
    /// Those under which patterns stand.
    pub(super) checked: Places,
    pub(super) others: Places,
}

impl Phrases {
    /// Phrases as patterns frame them, each with what it fills.
    pub(super) fn of(phrases: impl IntoIterator<Item = (String, Fills<Vec<u32>>)>) -> Self {
        let mut words = Words::default();
        let mut first = BTreeMap::new();
        let mut nodes: Vec<Growing> = Vec::new();
        for (phrase, fills) in phrases {
            let mut node = None;
            for (shape, word) in shapes(&phrase) {
                let fresh = u32::try_from(nodes.len()).unwrap_or(NOWHERE);
                let ways = node.map_or(&mut first, |node: u32| &mut nodes[node as usize].ways);
                let to = *ways.entry(words.number(shape, word)).or_insert(fresh);
                if to == fresh {
                    nodes.push(Growing::default());
                }
                node = Some(to);
            }
            if let Some(node) = node {
                nodes[node as usize].fills = fills;
            }
        }
        let (mut all_ways, mut places) = (Pool::default(), Pool::default());
        let node = |Growing { ways, fills }| Node {
            ways: all_ways.add(ways),
            checked: places.add(fills.checked),
            others: places.add(fills.others),
        };
        let nodes = nodes.into_iter().map(node).collect();
        let first = words.numbers().map(|word| first.get(&word).copied().unwrap_or(NOWHERE)).collect();
        Self { vocabulary: Vocabulary::of(words), first, nodes, ways: all_ways, places }
    }

    /// Tells of every phrase in a text what it fills, from which word to before which; of those that end with
    /// the same word the longest first.
    pub(super) fn find(&self, reading: &Reading<'_>, mut found: impl FnMut(Fills<&[u32]>, u16, u16)) {
        let mut unknown = Vec::new();
        // Where phrases that are not at their end have led to, and the word that each one began with.
        let (mut begun, mut longer) = (Vec::new(), Vec::new());
        for (word, at) in reading.words() {
            for number in self.vocabulary.numbers(word, &mut unknown) {
                let first = Some((self.first[*number as usize], at)).filter(|(node, _)| *node != NOWHERE);
                let led = begun.iter().filter_map(|(ways, start)| Some((self.lead(*ways, *number)?, *start)));
                for (node, start) in led.chain(first) {
                    let Node { ways, checked, others } = self.nodes[node as usize];
                    let fills = Fills { checked: self.places.get(checked), others: self.places.get(others) };
                    found(fills, start, at + 1);
                    if !ways.is_empty() {
                        longer.push((ways, start));
                    }
                }
            }
            std::mem::swap(&mut begun, &mut longer);
            longer.clear();
        }
    }

    fn lead(&self, ways: Span, word: u32) -> Option<u32> {
        let ways = self.ways.get(ways);
        let way = ways.binary_search_by_key(&word, |(word, _)| *word).ok()?;
        Some(ways[way].1)
    }
}

/// The words of a phrase; it ends between letters where no space frames it.
fn shapes(phrase: &str) -> impl Iterator<Item = (Shape, &str)> {
    let (is_open_before, is_open_after) = (!phrase.starts_with(' '), !phrase.ends_with(' '));
    let last = phrase.trim().split(' ').count() - 1;
    phrase.trim().split(' ').enumerate().map(move |(at, word)| {
        let shape = match (at == 0 && is_open_before, at == last && is_open_after) {
            (false, false) => Shape::Whole,
            (false, true) => Shape::Beginning,
            (true, false) => Shape::End,
            (true, true) => Shape::Inside,
        };
        (shape, word)
    })
}
