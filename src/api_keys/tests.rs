//! Keys in a real database; time stands still until it is moved.

use secrecy::ExposeSecret;

use super::*;
use crate::clock::FixedClock;
use crate::database::scratch::Scratch;

struct Desk {
    scratch: Scratch,
    clock: Arc<FixedClock>,
    keys: ApiKeys,
}

impl Desk {
    async fn new() -> Self {
        let scratch = Scratch::new().await;
        let clock = Arc::new(FixedClock::at(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)));
        let keys = ApiKeys::new(scratch.database.clone(), clock.clone());
        Self { scratch, clock, keys }
    }

    /// The same keys, as another process sees them.
    fn elsewhere(&self) -> ApiKeys {
        ApiKeys::new(self.scratch.database.clone(), self.clock.clone())
    }

    async fn create(&self, scope: Scope, lifetime: Option<TimeDelta>) -> (ApiKey, String) {
        let new = NewApiKey::new("the shop", [scope].into_iter().collect(), lifetime, "cli").unwrap();
        let (key, text) = self.keys.create(new).await.unwrap();
        (key, text.expose_secret().to_owned())
    }
}

#[tokio::test]
async fn a_key_opens_what_it_was_made_for_and_its_secret_is_stored_nowhere() {
    let desk = Desk::new().await;

    let (key, text) = desk.create(Scope::MessageSend, None).await;

    let opened = desk.elsewhere().authenticate(&text).await.unwrap().unwrap();
    assert_eq!(opened, key);
    assert!(opened.scopes.allow(Scope::MessageSend) && !opened.scopes.allow(Scope::SupportRead));
    let row = desk.scratch.database.fetch_one("SELECT secret_digest FROM api_keys", &[]).await.unwrap();
    let digest = row.text("secret_digest").unwrap();
    assert!(!text.contains(&digest) && digest.len() == 64);
}

#[tokio::test]
async fn another_secret_under_a_real_id_opens_nothing() {
    let desk = Desk::new().await;
    let (_, text) = desk.create(Scope::Admin, None).await;
    let (_, other) = desk.create(Scope::Admin, None).await;
    let mixed = format!("{}{}", &text[..37], &other[37..]);

    assert!(desk.keys.authenticate(&mixed).await.unwrap().is_none());
    assert!(desk.keys.authenticate(&text).await.unwrap().is_some());
    assert!(desk.keys.authenticate(&mixed).await.unwrap().is_none());
}

#[tokio::test]
async fn a_key_dies_at_its_time() {
    let desk = Desk::new().await;
    let (key, text) = desk.create(Scope::SupportRead, Some(TimeDelta::days(90))).await;

    desk.clock.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    assert!(desk.keys.authenticate(&text).await.unwrap().is_some());
    desk.clock.advance(TimeDelta::seconds(1));
    assert!(desk.keys.authenticate(&text).await.unwrap().is_none());
    assert_eq!(key.status(desk.clock.now()), "expired");
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_once_here_and_soon_elsewhere() {
    let desk = Desk::new().await;
    let elsewhere = desk.elsewhere();
    let (key, text) = desk.create(Scope::SupportRead, None).await;
    assert!(elsewhere.authenticate(&text).await.unwrap().is_some());

    assert!(desk.keys.revoke(key.id).await.unwrap());

    assert!(desk.keys.authenticate(&text).await.unwrap().is_none());
    let forgotten = async {
        while elsewhere.authenticate(&text).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(REMEMBERED_FOR * 10, forgotten).await.expect("it is noticed");
    assert!(!desk.keys.revoke(ApiKeyId::from_uuid(desk.clock.uuid())).await.unwrap());
}

#[tokio::test]
async fn the_last_use_moves_in_steps_of_minutes() {
    let desk = Desk::new().await;
    let (_, text) = desk.create(Scope::SupportRead, None).await;
    let noted = async || desk.keys.list(None, 1).await.unwrap()[0].last_used_at;
    let use_key = async || assert!(desk.keys.authenticate(&text).await.unwrap().is_some());

    assert_eq!(noted().await, None);
    use_key().await;
    let first = noted().await;
    desk.clock.advance(TimeDelta::minutes(4));
    use_key().await;
    assert_eq!((first, noted().await.is_some()), (noted().await, true));
    desk.clock.advance(TimeDelta::minutes(1));
    use_key().await;
    assert_eq!(noted().await, Some(desk.clock.now()));
}

#[tokio::test]
async fn keys_are_listed_newest_first_in_pages() {
    let desk = Desk::new().await;
    let mut made = vec![];
    for _ in 0..3 {
        desk.clock.advance(TimeDelta::milliseconds(1));
        made.insert(0, desk.create(Scope::SupportRead, None).await.0);
    }

    let first = desk.keys.list(None, 2).await.unwrap();
    let rest = desk.keys.list(Some(first[1].id), 2).await.unwrap();

    assert_eq!([first, rest].concat(), made);
}

#[test]
fn a_key_needs_a_name_a_scope_and_a_sane_life() {
    let new = |name: &str, scopes: &[Scope], lifetime: Option<TimeDelta>| {
        NewApiKey::new(name, scopes.iter().copied().collect(), lifetime, "cli").map(|_| ())
    };
    let read = [Scope::SupportRead];

    assert_eq!(new("shop", &read, None), Ok(()));
    for name in ["", " shop", "a\nb", &"x".repeat(101)] {
        assert_eq!(new(name, &read, None), Err(InvalidApiKey::Name), "{name:?}");
    }
    assert_eq!(new("shop", &[], None), Err(InvalidApiKey::NoScope));
    for lifetime in [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::days(3651)] {
        assert_eq!(new("shop", &read, Some(lifetime)), Err(InvalidApiKey::Lifetime));
    }
}
