//! What must be found nowhere: after a whole loop, with the log as loud as it goes, every byte that was
//! written is searched.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::json;

use crate::support::installation::SECRET_KEY;
use crate::support::webhook::{Signature, event_of};
use crate::support::{
    ADMIN_KEY, Answer, Api, Installation, Mailbox, Program, SIGNING_KEY, eventually, tables, token_of,
};

const OWNER: &str = "confidential.owner@example.test";
const OLD: &str = "an old lantern by the river";
const NEW: &str = "vermilion otter lantern";
const NOT_GOOD: &str = "password";
const NEWCOMER: &str = "confidential.newcomer@example.test";
const CHOSEN: &str = "amber bicycle quartz";
/// Bytes of a token before its MAC; the characters from 50 on tell of nothing but the MAC.
const HEAD: usize = 37;

/// A secret under a name that a failure may tell.
type Secret = (String, Vec<u8>);

/// Every way in which the bytes could have been written down.
fn spellings(name: &str, bytes: &[u8]) -> Vec<Secret> {
    [
        ("as it is", bytes.to_vec()),
        ("hexadecimal", hex::encode(bytes).into_bytes()),
        ("upper-case hexadecimal", hex::encode_upper(bytes).into_bytes()),
        ("base64", STANDARD.encode(bytes).into_bytes()),
        ("base64url", URL_SAFE_NO_PAD.encode(bytes).into_bytes()),
    ]
    .map(|(spelling, bytes)| (format!("{name}, {spelling}"), bytes))
    .to_vec()
}

fn secrets_of(token: &str) -> Vec<Secret> {
    let decoded = URL_SAFE_NO_PAD.decode(token).expect("a token");
    [
        spellings("the token", token.as_bytes()),
        spellings("the token's bytes", &decoded),
        spellings("the MAC", &decoded[HEAD..]),
        spellings("the MAC's characters", &token.as_bytes()[50..]),
        spellings("the new password", NEW.as_bytes()),
        spellings("the old password", OLD.as_bytes()),
        spellings("the password of the registration", CHOSEN.as_bytes()),
        spellings("the admin key", ADMIN_KEY.as_bytes()),
        spellings("the root key", SECRET_KEY.as_bytes()),
        spellings("the signing key", SIGNING_KEY.as_bytes()),
    ]
    .concat()
}

fn secrets_of_key(key: &str) -> Vec<Secret> {
    let secret = key.rsplit('_').next().expect("a secret");
    let bytes = hex::decode(secret).expect("hexadecimal digits");
    [
        spellings("the API key", key.as_bytes()),
        spellings("the API key's secret", secret.as_bytes()),
        spellings("the API key's bytes", &bytes),
    ]
    .concat()
}

fn assert_free_of(secrets: &[Secret], content: &[u8], place: &str) {
    for (name, secret) in secrets {
        let found = content.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{name}, in {place}");
    }
}

/// Uses the program in every way that a secret goes through; answers the token.
async fn walk(installation: &Installation, program: &Program) -> String {
    installation.succeed(&["accounts", "add", OWNER], &format!("{OLD}\n")).await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    let request_id = api.request_reset(OWNER).await;
    let (mail, token) = mailbox.receive_link(OWNER).await;
    mailbox.open(&mail).await;
    let path = format!("/reset-password?token={token}");
    let followed = api.get(&path).await;
    let cookie = followed.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let page = api.request(Method::GET, "/reset-password").header("cookie", cookie);
    assert_eq!(Answer::of(page).await.expect("an answer").status, 200);
    assert_eq!(api.inspect(&token).await.status, 200);
    assert_eq!(api.confirm(&token, NOT_GOOD).await.status, 422);
    let misplaced = json!({ "token": token, "new_password": [NEW], "admin": ADMIN_KEY });
    assert_eq!(api.post("/v1/password-resets/confirm", &misplaced).await.status, 422);
    assert_eq!(api.get(&format!("/v1/nowhere/{token}?token={token}&email={OWNER}")).await.status, 404);
    assert_eq!(api.confirm(&token, NEW).await.status, 200);
    assert_eq!(api.confirm(&token, NEW).await.status, 410);
    mailbox.receive(OWNER, "password-changed").await;

    // A provider that tracks links after all would know the whole link.
    let mut clicked = event_of(&mail, "clicked");
    clicked["url"] = path.into();
    clicked["url"] = format!("{}/reset-password?token={token}", api.base).into();
    assert_eq!(api.post("/webhooks/mailgun", &Signature::fresh().over(&clicked)).await.status, 200);
    let forged = Signature { signature: "0".repeat(64), ..Signature::fresh() };
    assert_eq!(api.post("/webhooks/mailgun", &forged.over(&clicked)).await.status, 406);
    eventually("the click is told", async || {
        api.kinds(&request_id).await.contains(&"clicked".to_owned()).then_some(())
    })
    .await;
    for path in ["/v1/messages", "/v1/password-resets", "/v1/metrics/delivery"] {
        let answer = api.ask(path).await.to_string();
        assert!(!answer.contains(OWNER) && !answer.contains(&token), "{path}");
    }
    token
}

/// Registers and verifies; answers the token.
async fn register(api: &Api, mailbox: &Mailbox) -> String {
    let registration = json!({ "email": NEWCOMER, "password": CHOSEN, "name": "Grace" });
    assert_eq!(api.post("/v1/accounts", &registration).await.status, 202);
    let token = token_of(&mailbox.receive(NEWCOMER, "email-verification").await);
    api.get(&format!("/verify-email?token={token}")).await;
    let inspection = json!({ "token": token });
    assert_eq!(api.post("/v1/email-verifications/inspect", &inspection).await.status, 200);
    let confirm = async |password: &str| {
        let body = json!({ "token": token, "password": password });
        api.post("/v1/email-verifications/confirm", &body).await.status
    };
    assert_eq!((confirm(NEW).await, confirm(CHOSEN).await), (422, 200));
    mailbox.receive(NEWCOMER, "welcome").await;
    token
}

/// Makes a key both ways, uses it well and badly; answers the keys.
async fn use_keys(installation: &Installation, api: &Api) -> [String; 2] {
    let made = installation.run(&["keys", "create", "desk", "--scope", "support:read"], "").await.stdout;
    let wanted = json!({ "name": "shop", "scopes": ["message:send"] });
    let answer = Answer::of(api.request(Method::POST, "/v1/keys").bearer_auth(ADMIN_KEY).json(&wanted)).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 201, "{}", answer.text);
    let keys = [
        String::from_utf8(made).expect("text").trim().to_owned(),
        answer.body["key"].as_str().expect("a key").to_owned(),
    ];
    for (key, status) in keys.iter().zip([200, 403]) {
        let used = Answer::of(api.request(Method::GET, "/v1/messages").bearer_auth(key)).await;
        assert_eq!(used.expect("an answer").status, status);
        let misplaced = json!({ "email": OWNER, "locale": key, "key": key });
        assert_eq!(api.post("/v1/password-resets", &misplaced).await.status, 422);
        assert_eq!(api.get(&format!("/v1/keys/{key}?key={key}")).await.status, 405);
    }
    let listed = Answer::of(api.request(Method::GET, "/v1/keys").bearer_auth(ADMIN_KEY)).await;
    let listed = listed.expect("an answer").text;
    let hidden = |key: &String| !listed.contains(key.rsplit('_').next().expect("a secret"));
    assert!(listed.contains("shop") && keys.iter().all(hidden), "{listed}");
    keys
}

#[tokio::test]
async fn no_secret_is_found_at_rest_or_in_the_loudest_log() {
    let (mut installation, sandbox) = Installation::with_sandbox().await;
    installation.set("BACKSTAMP_LOG", "trace");
    let mut program = installation.start().await;
    program.mailbox = sandbox.mailbox.clone();

    let token = walk(&installation, &program).await;
    let verification = register(&program.api, &program.mailbox).await;
    let keys = use_keys(&installation, &program.api).await;

    let log = program.log();
    let secrets =
        [secrets_of(&token), secrets_of(&verification), secrets_of_key(&keys[0]), secrets_of_key(&keys[1])]
            .concat();
    assert!(log.contains("\"route\":\"/v1/password-resets/confirm\""), "the log is not that loud");
    let address = [
        spellings("the address", OWNER.as_bytes()),
        spellings("its local part", b"confidential.owner"),
        spellings("the newcomer's address", NEWCOMER.as_bytes()),
    ];
    assert_free_of(&secrets, log.as_bytes(), "the log");
    assert_free_of(&address.concat(), log.as_bytes(), "the log");

    let database = &installation.scratch.database;
    let names = tables::names(database).await;
    assert!(names.len() > 15 && names.contains(&"accounts".to_owned()), "{names:?}");
    for table in names {
        let rows = tables::rows(database, &table).await.join("\n");
        assert_free_of(&secrets, rows.as_bytes(), &table);
        // The directory knows whom it mails; nothing else does.
        if table == "accounts" {
            assert!(rows.contains(OWNER));
        } else {
            assert_free_of(&address.concat(), rows.as_bytes(), &table);
        }
    }
    if let Some(path) = installation.scratch.url.strip_prefix("sqlite://") {
        for file in [path.to_owned(), format!("{path}-wal")] {
            assert_free_of(&secrets, &fs::read(&file).expect("the file is read"), &file);
        }
    }
    for entry in fs::read_dir(installation.folder()).expect("the folder is read") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            assert_free_of(
                &secrets,
                &fs::read(&path).expect("the file is read"),
                &path.display().to_string(),
            );
        }
    }
}
