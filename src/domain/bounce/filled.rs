//! Where a text fills the places of the patterns.

use super::compile::Candidate;
use super::phrases::Fills;

/// Occurrences of one place that are looked at; more of them say nothing more.
const MOST_OCCURRENCES: u16 = 40;

/// The places of the patterns, with their occurrences in one text.
pub(super) struct Filled {
    /// For each place the number of its last occurrence; 0 stands for none.
    last: Vec<u16>,
    occurrences: Vec<Occurrence>,
    /// The places under which patterns stand, in the order in which they were filled.
    pub(super) checked: Vec<u32>,
}

/// One occurrence of a place.
#[derive(Debug, Clone, Copy, Default)]
struct Occurrence {
    /// First word and the word after the last.
    start: u16,
    end: u16,
    /// The one before it, and how many there are up to here; that of none is 0.
    before: u16,
    count: u16,
}

impl Filled {
    pub(super) fn new(places: usize) -> Self {
        let mut occurrences = Vec::with_capacity(512);
        occurrences.push(Occurrence::default());
        Self { last: vec![0; places], occurrences, checked: Vec::with_capacity(64) }
    }

    /// A phrase from one word to before another fills places, and some under which patterns stand.
    pub(super) fn add(&mut self, fills: Fills<&[u32]>, start: u16, end: u16) {
        for place in fills.checked {
            if self.add_to(*place, start, end) {
                self.checked.push(*place);
            }
        }
        for place in fills.others {
            self.add_to(*place, start, end);
        }
    }

    /// Whether it is the first occurrence.
    fn add_to(&mut self, place: u32, start: u16, end: u16) -> bool {
        let last = &mut self.last[place as usize];
        let before = *last;
        let count = self.occurrences[usize::from(before)].count + 1;
        if count <= MOST_OCCURRENCES
            && let Ok(number) = u16::try_from(self.occurrences.len())
        {
            *last = number;
            self.occurrences.push(Occurrence { start, end, before, count });
        }
        before == 0
    }

    /// Whether the places are filled that a pattern needs first of all. The rarest one most often is: it is what
    /// the pattern was found by.
    pub(super) fn may_match(&self, candidate: Candidate) -> bool {
        candidate.needs.iter().rev().all(|place| self.last[*place as usize] != 0)
    }

    /// Where all places of a pattern follow each other, if they do: the first word and how many were matched.
    pub(super) fn matches(&self, pattern: &[(u32, u16)]) -> Option<(u16, u16)> {
        let ((first, _), rest) = pattern.split_first()?;
        self.of(*first)
            .filter_map(|(start, end)| self.follow(rest, end).map(|words| (start, words + (end - start))))
            .min_by_key(|(start, _)| *start)
    }

    /// Whether the places follow the word before `after`; how many words they take.
    fn follow(&self, places: &[(u32, u16)], after: u16) -> Option<u16> {
        let Some(((place, gap), rest)) = places.split_first() else { return Some(0) };
        self.of(*place)
            .filter(|(start, _)| *start >= after && *start - after <= *gap)
            .filter_map(|(start, end)| self.follow(rest, end).map(|words| words + (end - start)))
            .max()
    }

    /// The last occurrence first.
    fn of(&self, place: u32) -> impl Iterator<Item = (u16, u16)> {
        let mut next = self.last[place as usize];
        std::iter::from_fn(move || {
            let occurrence = self.occurrences[usize::from(next)];
            next = occurrence.before;
            (occurrence.count > 0).then_some((occurrence.start, occurrence.end))
        })
    }
}
