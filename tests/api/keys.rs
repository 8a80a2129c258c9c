//! Keys from the terminal to a running server, and what a holder can do about a reset.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Installation, eventually};

const OWNER: &str = "owner@example.test";

/// Calls with a key.
async fn call(api: &Api, method: Method, path: &str, key: &str) -> Answer {
    Answer::of(api.request(method, path).bearer_auth(key)).await.expect("the server answers")
}

/// Makes a key on the command line; answers its text, the one line of standard output.
async fn make_key(installation: &Installation, scope: &str) -> String {
    let arguments = ["keys", "create", "help desk", "--scope", scope, "--expires", "90d"];
    let output = installation.run(&arguments, "").await;
    let (told, text) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{told}");
    assert!(!told.contains(text.trim()) && text.lines().count() == 1, "{told}{text}");
    text.trim().to_owned()
}

#[tokio::test]
async fn a_key_made_on_the_terminal_opens_a_running_server_until_it_is_revoked_there() {
    let installation = Installation::new().await;
    let program = installation.start().await;

    let key = make_key(&installation, "support:read").await;

    assert_eq!(call(&program.api, Method::GET, "/v1/messages", &key).await.status, 200);
    assert_eq!(call(&program.api, Method::GET, "/v1/keys", &key).await.status, 403);
    let listed = program.api.ask("/v1/keys").await;
    let id = listed["data"][0]["id"].as_str().expect("an id").to_owned();
    let shown = String::from_utf8(installation.run(&["keys", "list"], "").await.stdout).expect("text");
    assert!(shown.contains(&id) && shown.contains("support:read") && !shown.contains(&key[37..]), "{shown}");
    installation.succeed(&["keys", "revoke", &id], "").await;
    eventually("the server knows", async || {
        (call(&program.api, Method::GET, "/v1/messages", &key).await.status == 401).then_some(())
    })
    .await;
    let unknown = installation.run(&["keys", "revoke", "key_01900000000070008000000000000001"], "").await;
    assert!(!unknown.status.success());
}

async fn revoke(api: &Api, request_id: &str, key: &str) -> Answer {
    call(api, Method::POST, &format!("/v1/password-resets/{request_id}/revoke"), key).await
}

#[tokio::test]
async fn support_revokes_a_reset_and_its_link_is_dead() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    let (key, reader) =
        (make_key(&installation, "support:act").await, make_key(&installation, "support:read").await);
    let request_id = program.api.request_reset(OWNER).await;
    let (_, token) = program.mailbox.receive_link(OWNER).await;
    eventually("the reset is known", async || {
        program.api.kinds(&request_id).await.contains(&"sent".to_owned()).then_some(())
    })
    .await;

    assert_eq!(revoke(&program.api, &request_id, &reader).await.problem(), (403, "forbidden"));
    for _ in 0..2 {
        let revoked = revoke(&program.api, &request_id, &key).await;
        assert_eq!(revoked.body, json!({ "id": request_id, "status": "revoked" }), "{}", revoked.text);
    }

    assert_eq!(program.api.inspect(&token).await.problem(), (410, "token_revoked"));
    assert_eq!(program.api.confirm(&token, "vermilion otter lantern").await.status, 410);
    let told = eventually("the timeline tells it", async || {
        let path = format!("/v1/password-resets/{request_id}/timeline");
        let entries = program.api.ask(&path).await["data"].as_array().cloned().expect("entries");
        entries.into_iter().find(|entry| entry["kind"] == "revoked")
    })
    .await;
    assert_eq!(told["source"], "operator");
    assert!(told["meta"]["by"].as_str().is_some_and(|by| by.starts_with("key_")), "{told}");
    let nothing = revoke(&program.api, "rst_01900000000070008000000000000001", &key).await;
    assert_eq!(nothing.problem(), (404, "not_found"));
}

#[tokio::test]
async fn a_reset_that_was_done_cannot_be_revoked_and_the_answer_says_what_to_do() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account(OWNER).await;
    let key = make_key(&installation, "admin").await;
    let request_id = program.api.request_reset(OWNER).await;
    let (_, token) = program.mailbox.receive_link(OWNER).await;
    assert_eq!(program.api.confirm(&token, "vermilion otter lantern").await.status, 200);

    let refused = eventually("the reset is known", async || {
        let answer = revoke(&program.api, &request_id, &key).await;
        (answer.status != 404).then_some(answer)
    })
    .await;

    assert_eq!(refused.problem(), (409, "conflict"));
    assert!(refused.body["detail"].as_str().is_some_and(|why| why.contains("new link")), "{}", refused.text);
    assert_ne!(refused.body["errors"], Value::Null);
}
