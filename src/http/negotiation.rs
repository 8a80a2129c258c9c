//! Which of the media types that an answer can have its reader wants (RFC 9110 §12.5.1).

use poem::Request;
use poem::http::header;

use super::problem::{Code, Problem};

/// The first of `offered` that `Accept` likes best; without the header the first. 406 if it takes none.
pub fn negotiate<'a>(request: &Request, offered: &[&'a str]) -> Result<&'a str, Problem> {
    let headers = request.headers().get_all(header::ACCEPT).iter();
    let accepted: Vec<&str> =
        headers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
    choose(&accepted, offered).ok_or_else(|| {
        Problem::new(Code::NotAcceptable).detail(format!("Can be had as {}.", offered.join(", ")))
    })
}

fn choose<'a>(accepted: &[&str], offered: &[&'a str]) -> Option<&'a str> {
    if accepted.iter().all(|range| range.trim().is_empty()) {
        return offered.first().copied();
    }
    let rated = offered.iter().map(|media_type| (*media_type, quality(accepted, media_type)));
    // `max_by` takes the last of equals, so the first offer comes last.
    let best = rated.rev().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.filter(|(_, quality)| *quality > 0.0).map(|(media_type, _)| media_type)
}

/// How well the type is liked: the most precise range that covers it counts.
fn quality(accepted: &[&str], media_type: &str) -> f32 {
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let mut best = (0, 0.0);
    for range in accepted {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let precision = match name.as_str() {
            name if name == media_type => 3,
            name if name.strip_suffix("/*") == Some(kind) => 2,
            "*/*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0));
        if precision > best.0 {
            best = (precision, weight);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [&str; 3] = ["application/json", "text/csv", "application/x-ndjson"];

    #[test]
    fn the_type_that_is_liked_best_is_chosen_and_json_where_all_are_liked_alike() {
        for (accept, chosen) in [
            ("", "application/json"),
            ("*/*", "application/json"),
            ("text/csv", "text/csv"),
            ("Text/CSV; charset=utf-8", "text/csv"),
            ("text/*, application/json;q=0.5", "text/csv"),
            ("application/x-ndjson;q=0.9, */*;q=0.1", "application/x-ndjson"),
            ("*/*, application/json;q=0", "text/csv"),
            ("text/html, */*;q=0.8", "application/json"),
        ] {
            let ranges: Vec<&str> = accept.split(',').collect();
            assert_eq!(choose(&ranges, &OFFERED), Some(chosen), "{accept}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        for accept in ["text/html", "application/xml, image/*", "text/csv;q=0", "text/csv;q=nan"] {
            let ranges: Vec<&str> = accept.split(',').collect();
            assert_eq!(choose(&ranges, &OFFERED), None, "{accept}");
        }
    }
}
