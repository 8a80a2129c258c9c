//! The words that phrases are made of, by number: a word of a text is looked up once, whatever asks for it.

use std::collections::HashMap;

use super::packed::{Pool, Span};

/// A word as a phrase asks for it; a star stands for more letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Shape {
    /// `full`
    Whole,
    /// `block*`
    Beginning,
    /// `*voll`
    End,
    /// `*spam*`
    Inside,
}

/// Words while they are collected.
#[derive(Debug, Default)]
pub(super) struct Words(HashMap<(Shape, String), u32>);

impl Words {
    /// The number of a word; a new one if it is new.
    pub(super) fn number(&mut self, shape: Shape, word: &str) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry((shape, word.to_owned())).or_insert(next)
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        (0..).take(self.0.len())
    }
}

/// The words, ready to be looked up.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    /// The numbers of each word that is known as a whole.
    whole: HashMap<String, Span>,
    numbers: Pool<u32>,
    beginnings: Vec<Beginning>,
    /// Few; whoever has them asks for `*voll`.
    others: Vec<(Shape, String, u32)>,
}

/// How a word may begin; sorted by text.
#[derive(Debug)]
struct Beginning {
    text: String,
    number: u32,
    /// The place of the next shorter one that is the beginning of this one.
    shorter: Option<usize>,
}

impl Vocabulary {
    pub(super) fn of(words: Words) -> Self {
        let mut sorted: Vec<_> =
            words.0.into_iter().map(|((shape, text), number)| (shape, text, number)).collect();
        sorted.sort();
        let (whole, parts): (Vec<_>, Vec<_>) =
            sorted.into_iter().partition(|(shape, ..)| *shape == Shape::Whole);
        let mut vocabulary = Self::default();
        for (shape, text, number) in parts {
            if shape == Shape::Beginning {
                let shorter = vocabulary.longest_beginning(&text);
                vocabulary.beginnings.push(Beginning { text, number, shorter });
            } else {
                vocabulary.others.push((shape, text, number));
            }
        }
        for (_, text, number) in whole {
            let mut numbers = Vec::new();
            vocabulary.beginnings_of(&text, &mut numbers);
            numbers.push(number);
            vocabulary.others_in(&text, &mut numbers);
            let numbers = vocabulary.numbers.add(numbers);
            vocabulary.whole.insert(text, numbers);
        }
        vocabulary
    }

    /// The numbers that a word of a text stands for: beginnings from the shortest on, then the word itself.
    /// Those of a word that is not known as a whole are put into `unknown`.
    pub(super) fn numbers<'a>(&'a self, word: &str, unknown: &'a mut Vec<u32>) -> &'a [u32] {
        if let Some(numbers) = self.whole.get(word) {
            return self.numbers.get(*numbers);
        }
        unknown.clear();
        self.beginnings_of(word, unknown);
        self.others_in(word, unknown);
        unknown
    }

    fn beginnings_of(&self, word: &str, numbers: &mut Vec<u32>) {
        let mut next = self.longest_beginning(word);
        while let Some(beginning) = next.map(|place| &self.beginnings[place]) {
            numbers.push(beginning.number);
            next = beginning.shorter;
        }
        numbers.reverse();
    }

    /// In order, the beginnings of a word stand before it, and between them only what begins like them.
    fn longest_beginning(&self, word: &str) -> Option<usize> {
        let mut last = self.beginnings.partition_point(|beginning| *beginning.text <= *word).checked_sub(1);
        while let Some(place) = last.filter(|place| !word.starts_with(&self.beginnings[*place].text)) {
            last = self.beginnings[place].shorter;
        }
        last
    }

    fn others_in(&self, word: &str, numbers: &mut Vec<u32>) {
        let fits = |shape, text: &str| match shape {
            Shape::End => word.ends_with(text),
            _ => word.contains(text),
        };
        let fitting = self.others.iter().filter(|(shape, text, _)| fits(*shape, text));
        numbers.extend(fitting.map(|(.., number)| number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_as_a_whole_and_by_its_parts() {
        let mut words = Words::default();
        let shapes = [
            (Shape::Whole, "blocked"),
            (Shape::Beginning, "bl"),
            (Shape::Beginning, "block"),
            (Shape::Beginning, "blob"),
            (Shape::End, "ed"),
            (Shape::Inside, "lock"),
            (Shape::Beginning, "blocked"),
        ];
        for (shape, word) in shapes {
            words.number(shape, word);
        }
        let vocabulary = Vocabulary::of(words);

        let numbers = |word| vocabulary.numbers(word, &mut Vec::new()).to_vec();
        assert_eq!(numbers("blocked"), [1, 2, 6, 0, 4, 5]);
        assert_eq!(numbers("blocker"), [1, 2, 5]);
        assert_eq!(numbers("blue"), [1]);
        assert_eq!(numbers("red"), [4]);
        assert!(numbers("a").is_empty() && numbers("zebra").is_empty());
    }
}
