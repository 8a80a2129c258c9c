//! `backstamp accounts` beside a running server: what is done on the terminal holds for the next request.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Installation};

/// Made by argon2-cffi with 1 MiB and one pass, from `PASSWORD`.
const HASH: &str =
    "$argon2id$v=19$m=1024,t=1,p=1$QLhgNC3jn39VV0FvR8ByIg$HDJ0Isp3v6CTjzGbCYN+s/24G45Ng67mE7f9/wgoUpg";
const PASSWORD: &str = "correct horse battery staple";

async fn log_in(api: &Api, email: &str) -> Answer {
    api.post("/v1/sessions", &json!({ "email": email, "password": PASSWORD })).await
}

async fn reads_messages(api: &Api, session: &Value) -> u16 {
    let session = session["token"].as_str().expect("a token");
    Answer::of(api.request(Method::GET, "/v1/messages").bearer_auth(session)).await.expect("an answer").status
}

#[tokio::test]
async fn accounts_are_imported_closed_opened_and_deleted_while_the_server_runs() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    let api = &program.api;
    let line = |email: &str, more: Value| {
        let mut line = json!({ "email": email, "password_hash": HASH, "verified": true });
        line.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        line.to_string()
    };
    let lines = [
        line("ada@example.test", json!({ "name": "Ada", "role": "operator" })),
        line("ada@example.test", json!({ "role": "admin" })),
        line("grace@example.test", json!({ "verified": false })),
        r#"{"email":"joan@example.test","password_hash":"$2b$10$N9qo8uLOickgx2ZMRZoMye"}"#.to_owned(),
    ];

    let output = installation.run(&["accounts", "import", "-"], &lines.join("\n")).await;

    let (out, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(out.contains("2 imported, 2 not"), "{out}");
    assert!(
        told.contains("line 2: email has an account already") && told.contains("line 4: password_hash"),
        "{told}"
    );
    assert!(!told.contains("@example.test"), "{told}");
    let session = log_in(api, "ada@example.test").await;
    assert_eq!(
        (session.status, &session.body["account"]["role"]),
        (201, &json!("operator")),
        "{}",
        session.text
    );
    assert_eq!(reads_messages(api, &session.body).await, 200);
    assert_eq!(log_in(api, "grace@example.test").await.problem(), (403, "account_not_verified"));

    installation.succeed(&["accounts", "disable", "ADA@example.test"], "").await;
    assert_eq!(reads_messages(api, &session.body).await, 401);
    assert_eq!(log_in(api, "ada@example.test").await.problem(), (401, "invalid_credentials"));
    installation.succeed(&["accounts", "enable", "ada@example.test"], "").await;
    assert_eq!(log_in(api, "ada@example.test").await.status, 201);
    installation.succeed(&["accounts", "delete", "ada@example.test"], "").await;
    assert_eq!(log_in(api, "ada@example.test").await.problem(), (401, "invalid_credentials"));
    let nobody = installation.run(&["accounts", "delete", "ada@example.test"], "").await;
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no account with this address"));
}
