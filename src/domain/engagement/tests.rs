use super::*;
use crate::domain::sealed::Sealed;

const SECOND: Micros = 1_000_000;
const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36";

fn client(user_agent: &str, client_type: &str, bot: &str) -> Client {
    Client {
        user_agent: Some(user_agent.into()),
        client_type: Some(client_type.into()),
        bot: Some(bot.into()),
        country: None,
        ip: Sealed::Erased,
    }
}

fn rules(sightings: Vec<Sighting>, delivered_at: Option<Micros>) -> Vec<Option<Rule>> {
    let mut all = Sightings::default();
    sightings.into_iter().for_each(|sighting| all.add(sighting));
    all.verdicts(delivered_at).map(|(_, rule)| rule).collect()
}

#[test]
fn evidence_of_the_client_tells_a_machine() {
    for (client, expected) in [
        (client(BROWSER, "browser", ""), None),
        (client(BROWSER, "browser", "apple"), Some(Rule::ProviderNamedBot)),
        (client(BROWSER, "robot", ""), Some(Rule::ProviderSaidRobot)),
        (client("Mozilla/5.0", "browser", ""), Some(Rule::BareUserAgent)),
        (client("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", "", ""), Some(Rule::ImageProxy)),
        (client("YahooMailProxy; https://help.yahoo.com", "", ""), Some(Rule::ImageProxy)),
        (client("Slackbot-LinkExpanding 1.0", "", ""), Some(Rule::DeclaredRobot)),
        (client("Mozilla/5.0 (Linux; Android 11; CUBOT)", "mobile browser", ""), None),
    ] {
        assert_eq!(rule_of(&client), expected, "{client:?}");
    }
}

#[test]
fn a_click_within_two_seconds_of_the_delivery_is_a_machines() {
    let visit = |seconds| Sighting::visit(seconds * SECOND, VisitKind::Link, Some(BROWSER));

    assert_eq!(rules(vec![visit(12)], Some(10 * SECOND)), [Some(Rule::SoonAfterDelivery)]);
    assert_eq!(rules(vec![visit(13)], Some(10 * SECOND)), [None]);
    assert_eq!(rules(vec![visit(12)], None), [None]);
}

#[test]
fn an_open_soon_after_the_delivery_is_a_persons() {
    let open = Sighting::open(11 * SECOND, &client(BROWSER, "", ""));

    assert_eq!(rules(vec![open], Some(10 * SECOND)), [None]);
}

#[test]
fn three_different_links_within_two_seconds_are_a_machines() {
    let browser = client(BROWSER, "", "");
    let click = |second, link| Sighting::click(second * SECOND, &browser, Some(link));

    let burst = rules(vec![click(100, "a"), click(101, "b"), click(102, "c"), click(110, "d")], None);
    let calm = rules(vec![click(100, "a"), click(101, "b"), click(102, "a"), click(104, "c")], None);

    assert_eq!(burst, [Some(Rule::ManyLinks), Some(Rule::ManyLinks), Some(Rule::ManyLinks), None]);
    assert_eq!(calm, [None; 4]);
}

#[test]
fn one_visit_of_our_page_is_one_click_however_many_fetches_it_takes() {
    let mut sightings = Sightings::default();
    sightings.add(Sighting::visit(SECOND, VisitKind::Prefetch, Some(BROWSER)));
    sightings.add(Sighting::visit(9 * SECOND, VisitKind::Link, Some(BROWSER)));
    sightings.add(Sighting::visit(10 * SECOND, VisitKind::Page, Some(BROWSER)));

    let engagement = sightings.judge(None);

    assert_eq!((engagement.clicks_human, engagement.clicks_machine), (1, 1));
    assert_eq!(engagement.first_human_click_at, Some(9 * SECOND));
}

#[test]
fn a_flood_is_kept_within_bounds_and_hides_no_person() {
    let (mut forwards, mut backwards) = (Sightings::default(), Sightings::default());
    let person = Sighting::open(999_999 * SECOND, &client(BROWSER, "", ""));
    let flood: Vec<_> =
        (0..1_000).map(|n| Sighting::open(n * SECOND, &client("Mozilla/5.0", "", ""))).collect();

    flood.iter().chain([&person]).for_each(|sighting| forwards.add(sighting.clone()));
    flood.iter().chain([&person]).rev().for_each(|sighting| backwards.add(sighting.clone()));

    assert_eq!(forwards, backwards);
    assert_eq!(forwards.judge(None).opens_machine, 200);
    assert_eq!(forwards.judge(None).opens_human, 1);
}
