//! What can be told about texts from their syntax alone: their names, and the variables that each uses.

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use fluent_syntax::ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::fault::TemplateFault;

/// The variables of each text.
pub(super) type Variables = BTreeMap<String, BTreeSet<String>>;

/// What every text is given: the name of the brand.
const EVERYWHERE: &str = "brand";
/// A guess further from any known name than this explains nothing.
const LEAST_LIKENESS: f64 = 0.6;

/// The variables of each text in a file.
pub(super) fn variables(resource: &FluentResource) -> Variables {
    let messages = resource.entries().filter_map(|entry| match entry {
        Entry::Message(message) => Some(message),
        _ => None,
    });
    messages
        .map(|message| {
            let mut variables = BTreeSet::new();
            message.value.iter().for_each(|value| of_pattern(value, &mut variables));
            (message.id.name.to_owned(), variables.into_iter().map(str::to_owned).collect())
        })
        .collect()
}

/// Texts of a file that nobody asks for, and variables that nobody gives.
pub(super) fn strangers(
    path: &str,
    source: &str,
    variables: &Variables,
    known: &Variables,
) -> Vec<TemplateFault> {
    let complaint = |name: &String, used: &BTreeSet<String>| {
        let Some(given) = known.get(name) else {
            let guess = nearest(name, known.keys());
            let guess = guess.map(|guess| format!(": did you mean {guess}?")).unwrap_or_default();
            return Some(format!("there is no text {name}{guess}"));
        };
        let strange = used.difference(given).find(|name| *name != EVERYWHERE)?;
        let given: Vec<_> = given.iter().map(|name| format!("${name}")).collect();
        let given = if given.is_empty() { "nothing".to_owned() } else { given.join(", ") };
        Some(format!("{name} uses ${strange}, which it is not given; it is given {given}"))
    };
    let complaints = variables.iter().filter_map(|(name, used)| Some((name, complaint(name, used)?)));
    let mut faults: Vec<_> = complaints
        .map(|(name, complaint)| {
            TemplateFault::at(path, source, places(source, name).next().unwrap_or(0), complaint)
        })
        .collect();
    faults.sort();
    faults
}

/// The known name that was probably meant.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let likeness = |known: &str| strsim::normalized_levenshtein(name, known);
    known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|guess| likeness(guess) >= LEAST_LIKENESS)
}

/// Texts that a file has twice: which one counts, nobody could tell.
pub(super) fn duplicates(path: &str, resource: &FluentResource) -> Vec<TemplateFault> {
    let mut known = BTreeSet::new();
    let names = resource.entries().filter_map(|entry| match entry {
        Entry::Message(message) => Some(message.id.name.to_owned()),
        Entry::Term(term) => Some(format!("-{}", term.id.name)),
        _ => None,
    });
    let twice = names.filter(|name| !known.insert(name.clone()));
    twice
        .map(|name| {
            let at = places(resource.source(), &name).last().unwrap_or(0);
            TemplateFault::at(path, resource.source(), at, format!("{name} is there twice"))
        })
        .collect()
}

/// Where texts of this name begin. The parser keeps no places, and a text begins at the start of a line.
pub(super) fn places<'a>(source: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    source.match_indices(name).map(|(at, _)| at).filter(move |at| {
        let starts_line = *at == 0 || source[..*at].ends_with('\n');
        starts_line && source[at + name.len()..].trim_start_matches(' ').starts_with('=')
    })
}

fn of_pattern<'a>(pattern: &Pattern<&'a str>, found: &mut BTreeSet<&'a str>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            of_expression(expression, found);
        }
    }
}

fn of_expression<'a>(expression: &Expression<&'a str>, found: &mut BTreeSet<&'a str>) {
    match expression {
        Expression::Inline(inline) => of_inline(inline, found),
        Expression::Select { selector, variants } => {
            of_inline(selector, found);
            variants.iter().for_each(|variant| of_pattern(&variant.value, found));
        }
    }
}

fn of_inline<'a>(inline: &InlineExpression<&'a str>, found: &mut BTreeSet<&'a str>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            found.insert(id.name);
        }
        InlineExpression::Placeable { expression } => of_expression(expression, found),
        InlineExpression::FunctionReference { arguments, .. } => of_arguments(arguments, found),
        InlineExpression::TermReference { arguments: Some(arguments), .. } => of_arguments(arguments, found),
        _ => {}
    }
}

fn of_arguments<'a>(arguments: &CallArguments<&'a str>, found: &mut BTreeSet<&'a str>) {
    arguments.positional.iter().for_each(|argument| of_inline(argument, found));
    arguments.named.iter().for_each(|argument| of_inline(&argument.value, found));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(source: &str) -> FluentResource {
        FluentResource::try_new(source.to_owned()).unwrap()
    }

    #[test]
    fn every_variable_of_a_text_is_found() {
        let resource = resource(
            "a = { $one } { NUMBER($two) } { $three ->\n   *[x] { $four } { -t(x: 5) }\n }\nb = plain\n-t = { $x }\n",
        );

        let variables = variables(&resource);

        assert_eq!(variables["a"], ["one", "two", "three", "four"].map(str::to_owned).into());
        assert!(variables["b"].is_empty() && variables.len() == 2);
    }

    #[test]
    fn a_name_that_is_there_twice_is_told_with_its_place() {
        let resource = resource("aa = 1\na = 1\n\n# a = 3\na    = 2\n");

        let faults = duplicates("de.ftl", &resource);

        assert_eq!(
            faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["de.ftl:5:1: a is there twice"]
        );
    }
}
